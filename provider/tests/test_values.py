"""The golden records of shared/contract/values.json: all writers judge as a device does."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from world import World, mutation, only_verdict

from airflow_updraft.dag_api.collection_store import CollectionStore
from airflow_updraft.errors import RecordInvalidError
from airflow_updraft.json_values import (
    canonical_bytes,
    canonical_number,
    number_problem,
    value_problem,
)
from airflow_updraft.sync.sql_tables import to_field

VALUES = json.loads((Path(__file__).parents[2] / "shared/contract/values.json").read_text("utf-8"))[
    "values"
]
ANYTHING = {"anything": {"schema": {"type": "object"}}}
KINDS = {"size": "too_large"}


def grown(golden: dict[str, Any]) -> dict[str, Any]:
    record = dict(golden["record"])
    record |= {name: text * times for name, (text, times) in golden.get("grow", {}).items()}
    record |= {name: [item] * times for name, (item, times) in golden.get("growList", {}).items()}
    if "growName" in golden:
        text, times = golden["growName"]
        record[text * times] = 1
    return record


@pytest.fixture
def anything() -> World:
    return World(sa.create_engine("sqlite://"), ANYTHING)


@pytest.mark.parametrize("golden", VALUES, ids=lambda golden: golden["name"])
def test_exchange_judges_golden_values(anything: World, golden: dict[str, Any]) -> None:
    """cases A2, A11, A12: a device's own mutation."""
    record = grown(golden)
    record_id = record.pop("id")
    sent = mutation("create", record_id, collection="anything", set=record)
    verdict = only_verdict(anything.device().push(sent))
    if "refused" not in golden:
        assert verdict["verdict"] == "applied", verdict
    else:
        assert verdict["verdict"] == "rejected"
        assert verdict["reason"]["kind"] == KINDS.get(golden["refused"], "malformed")
        assert anything.records("anything") == {}


@pytest.mark.parametrize("golden", VALUES, ids=lambda golden: golden["name"])
def test_dag_authors_are_judged_by_golden_values(anything: World, golden: dict[str, Any]) -> None:
    """cases A2, A11, A12: a DAG's put."""
    store = CollectionStore(anything.engine, anything.collections, "anything")
    record = grown(golden)
    if "refused" not in golden:
        assert store.put(record, by="dag")
        return
    with pytest.raises(RecordInvalidError):
        store.put(record, by="dag")
    assert anything.records("anything") == {}


@pytest.mark.parametrize("golden", VALUES, ids=lambda golden: golden["name"])
def test_sources_are_judged_by_golden_values(anything: World, golden: dict[str, Any]) -> None:
    """cases A2, A11, A12: a row of a source's table."""
    record = grown(golden)
    if "refused" not in golden:
        anything.server({"put": {"collection": "anything", "record": record}})
        assert record["id"] in anything.records("anything")
        return
    with pytest.raises(AssertionError, match="rejected"):
        anything.server({"put": {"collection": "anything", "record": record}})
    assert anything.records("anything") == {}


@pytest.mark.parametrize(
    ("column", "field"),
    [
        ("12", 12),
        ("12.0000000000", 12),
        ("0.1000000000", 0.1),
        ("19.99", 19.99),
        ("-0.5", -0.5),
        ("1E+20", 10**20),
    ],
)
def test_decimal_that_a_double_says_is_a_number(column: str, field: float) -> None:
    assert to_field(Decimal(column)) == field
    assert type(to_field(Decimal(column))) is type(field)
    assert value_problem(to_field(Decimal(column))) is None


@pytest.mark.parametrize(
    "column",
    [
        "1000000000000000000000000000001",
        "123456789012345678.1234567891",
        "9007199254740993",
        "0.12345678901234567891",
        "1E+400",
        "NaN",
        "Infinity",
    ],
)
def test_decimal_that_no_double_says_is_refused_and_never_rounded(column: str) -> None:
    """case A11: numeric(38,10) 123456789012345678.1234567891 arrived as 1.2345678901234568e17."""
    assert value_problem(to_field(Decimal(column))) is not None


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False))
@settings(max_examples=2_000, deadline=None)
def test_number_that_may_be_stored_is_one_double_in_every_notation(value: float) -> None:
    """case A11: a stored number is the number a device reads, written by either side."""
    if number_problem(value) is not None:
        assert abs(value) >= 2**53
        return
    assert float(json.loads(canonical_number(value))) == float(value)
    assert value_problem(json.loads(canonical_number(value))) is None
    if isinstance(value, int) and abs(value) < 2**53:
        assert int(float(value)) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (-0.0, "0"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (-1.5e300, "-1.5e+300"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (1.25e-7, "1.25e-7"),
        (0.00001234, "0.00001234"),
        (123.456, "123.456"),
        (10**23, "1e+23"),
        (5e-324, "5e-324"),
    ],
)
def test_number_is_written_as_ecmascript_writes_it(value: float, text: str) -> None:
    """case A12: a single notation, in which both sides weigh a record."""
    assert canonical_number(value) == text
    assert canonical_bytes({"n": [value]}) == len('{"n":[]}') + len(text)


def test_not_finite_number_is_refused() -> None:
    assert value_problem(math.nan) is not None
    assert value_problem(-math.inf) is not None
    assert value_problem(10**5_000) is not None
