"""Whether a field and a column fit: the check must not disagree with what a run does."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql

from airflow_updraft.check.fit import refused_by_column, refused_by_field

FITS: list[tuple[dict[str, Any], Any]] = [
    ({"type": "string"}, sa.Text()),
    ({"type": "string", "maxLength": 20}, sa.String(20)),
    ({"type": "string", "format": "date"}, sa.Date()),
    ({"type": "string", "format": "date-time"}, sa.DateTime(timezone=True)),
    ({"type": "string", "format": "time"}, sa.Time(timezone=True)),
    ({"type": "string", "format": "uuid"}, sa.Uuid()),
    ({"type": "integer"}, sa.BigInteger()),
    ({"type": "integer"}, sa.Numeric(10, 0)),
    ({"type": "number"}, sa.Float()),
    ({"type": "number"}, sa.Numeric(10, 2)),
    ({"type": "boolean"}, sa.Boolean()),
    ({"type": "array", "items": {"type": "string"}}, postgresql.ARRAY(sa.Text())),
    ({"type": "object"}, sa.JSON()),
    ({"type": ["string", "null"]}, sa.Text()),
    ({"enum": ["ok", "fail"]}, sa.String(4)),
    ({}, sa.Text()),
]


def column(sql_type: Any) -> sa.Column[Any]:
    return sa.Column("c", sql_type)


@pytest.mark.parametrize(("declared", "sql_type"), FITS, ids=str)
def test_target_that_fits(declared: dict[str, Any], sql_type: Any) -> None:
    assert refused_by_column(declared, column(sql_type)) is None


@pytest.mark.parametrize(("declared", "sql_type"), FITS, ids=str)
def test_source_that_fits(declared: dict[str, Any], sql_type: Any) -> None:
    assert refused_by_field(column(sql_type), declared) is None


@pytest.mark.parametrize(
    ("declared", "sql_type", "words"),
    [
        ({"type": "string"}, sa.Integer(), "takes a number"),
        ({"type": "string"}, sa.Date(), "no date"),
        ({"type": "string", "maxLength": 21}, sa.String(20), "longer than"),
        ({"type": "number"}, sa.Integer(), "whole numbers"),
        ({"type": "boolean"}, sa.Integer(), "takes a number"),
        ({"type": ["integer", "string"]}, sa.Integer(), "takes a number"),
        ({"type": "object"}, sa.String(1), "longer than"),
        ({"type": "string"}, sa.LargeBinary(), "bytes"),
        ({"enum": ["ok", "failed"]}, sa.String(4), "longer than"),
    ],
    ids=str,
)
def test_target_that_does_not_fit(declared: dict[str, Any], sql_type: Any, words: str) -> None:
    assert words in str(refused_by_column(declared, column(sql_type)))


@pytest.mark.parametrize(
    ("sql_type", "declared", "words"),
    [
        (sa.Text(), {"type": "integer"}, "gives string"),
        (sa.Integer(), {"type": "string"}, "gives integer"),
        (sa.Float(), {"type": "integer"}, "gives number"),
        (sa.Boolean(), {"type": "string"}, "gives boolean"),
        (sa.LargeBinary(), {"type": "string"}, "cannot become JSON"),
    ],
    ids=str,
)
def test_source_that_does_not_fit(sql_type: Any, declared: dict[str, Any], words: str) -> None:
    assert words in str(refused_by_field(column(sql_type), declared))


def test_boolean_of_mysql_is_imported() -> None:
    assert refused_by_field(column(mysql.TINYINT(1)), {"type": "boolean"}) is None


def test_decimal_that_is_declared_as_a_text_is_imported() -> None:
    assert refused_by_field(column(sa.Numeric(10, 2)), {"type": "string"}) is None
