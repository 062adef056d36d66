"""Compares a declared field with an SQL column, by converting values that either may hold.

The conversions of ``sync/`` are the judge, so that a check cannot disagree with a run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from airflow_updraft.errors import TableSyncError
from airflow_updraft.json_values import Json
from airflow_updraft.sync.column_values import UnfitError, to_column
from airflow_updraft.sync.sql_tables import to_field

_BY_FORMAT: Mapping[str, Json] = {
    "date": "2026-01-31",
    "time": "12:30:00Z",
    "date-time": "2026-01-31T12:30:00Z",
    "uuid": "0f0e0d0c-0b0a-0908-0706-050403020100",
}
_BY_TYPE: Mapping[str, Json] = {
    "boolean": True,
    "integer": 1,
    "number": 1.5,
    "string": "text",
    "array": [],
    "object": {},
}
_BY_COLUMN: tuple[tuple[type[sa.types.TypeEngine[Any]], Any], ...] = (
    (sa.Boolean, True),
    (sa.Integer, 1),
    (sa.Float, 1.5),
    (sa.Numeric, Decimal("1.5")),
    (sa.Uuid, UUID(int=1)),
    (sa.LargeBinary, b""),
    (sa.DateTime, datetime(2026, 1, 31, tzinfo=UTC)),
    (sa.Date, date(2026, 1, 31)),
    (sa.Time, time(12, 30)),
    (sa.Interval, timedelta(1)),
    (sa.ARRAY, []),
    (sa.String, "text"),
)
_JSON_TYPES: tuple[tuple[type, str], ...] = (
    (bool, "boolean"),
    (int, "integer"),
    (float, "number"),
    (str, "string"),
    (list, "array"),
    (dict, "object"),
)


def refused_by_column(declared: Mapping[str, Any], column: sa.Column[Any]) -> str | None:
    """Tell why a target's column refuses values of the field; None where nothing does."""
    for value in _samples(declared):
        try:
            to_column(value, column)
        except UnfitError as error:
            return str(error)
    return None


def refused_by_field(column: sa.Column[Any], declared: Mapping[str, Any]) -> str | None:
    """Tell why a field refuses values of a source's column; None where nothing does."""
    sql_type = column.type
    value = next((value for kind, value in _BY_COLUMN if isinstance(sql_type, kind)), None)
    if isinstance(sql_type, sa.Numeric) and sql_type.scale == 0:
        value = Decimal(1)
    types = _types(declared)
    if value is None or not types:
        return None
    try:
        field = to_field(value, declared)
    except TableSyncError as error:
        return str(error)
    found = _json_type(field)
    if found in types or (found == "integer" and "number" in types):
        return None
    return f"the column gives {found}, the field takes {' or '.join(types)}"


def _samples(declared: Mapping[str, Any]) -> Iterator[Json]:
    """Values that the field's schema allows, one for each declared type, and the longest text."""
    if "enum" in declared or "const" in declared:
        yield from declared.get("enum", [declared.get("const")])
        return
    for name in _types(declared):
        if name == "string" and declared.get("format") in _BY_FORMAT:
            yield _BY_FORMAT[str(declared["format"])]
        elif name == "string" and "pattern" not in declared:
            yield "x" * int(declared.get("maxLength", 1))
        elif name in _BY_TYPE and name != "string":
            yield _BY_TYPE[name]


def _types(declared: Mapping[str, Any]) -> list[str]:
    types = declared.get("type", [])
    return [types] if isinstance(types, str) else [str(name) for name in types]


def _json_type(value: Json) -> str:
    return next((name for kind, name in _JSON_TYPES if isinstance(value, kind)), "null")
