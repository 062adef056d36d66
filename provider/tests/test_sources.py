"""A source table's odd rows: each is rejected alone and named.

A table that is emptied empties no device.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from world import NOW, World

from airflow_updraft.collections import compile_collections
from airflow_updraft.sync.run import sync
from airflow_updraft.sync.source_loss import confirm


class Source:
    """Collections ``a`` and ``b``, with source tables by the test in the store's own database."""

    def __init__(self, engine: sa.Engine, tables: str, **declared: Any) -> None:
        self.world = World(engine)
        with engine.begin() as conn:
            for statement in tables.split(";"):
                conn.execute(sa.text(statement))
        properties = {"id": {"type": "string"}, "v": declared}
        self.world.collections = compile_collections(
            {
                name: {
                    "schema": {"type": "object", "properties": properties},
                    "write": "none",
                    "source": {"connection": "s", "table": name, "key": "id"},
                }
                for name in ("a", "b")
            }
        )

    def sql(self, text: str) -> None:
        with self.world.engine.begin() as conn:
            conn.execute(sa.text(text))

    def sync(self) -> dict[str, Any]:
        found: dict[str, Any] = sync(
            self.world.engine, lambda _: self.world.engine, self.world.collections, NOW
        )["collections"]
        return found


B = "CREATE TABLE b (id text PRIMARY KEY, v int); INSERT INTO b VALUES ('1', 2)"


def test_case_c1_value_that_is_no_json_costs_its_row_alone(server_engine: sa.Engine) -> None:
    """case C1"""
    made = (
        f"CREATE TABLE a (id text PRIMARY KEY, v numeric); "
        f"INSERT INTO a VALUES ('1', 1.5), ('2', 'Infinity'); {B}"
    )
    source = Source(server_engine, made)
    report = source.sync()
    assert report["a"]["source"]["rejected"] == 1
    (first,) = report["a"]["source"]["firstRejected"]
    assert (first["id"], first["reason"]["message"]) == ("2", "column 'v': a number is not finite")
    assert (source.world.records("a"), source.world.records("b")) == (
        {"1": {"v": 1.5}},
        {"1": {"v": 2}},
    )


@pytest.mark.parametrize(
    ("column", "value", "field"),
    [
        ("numeric[]", "'{1.5,2}'", [1.5, 2]),
        ("timestamptz[]", "'{2026-01-01T00:00:00Z}'", ["2026-01-01T00:00:00+00:00"]),
        ("uuid", "'7d0a1b0e-5b56-4b5c-9d1e-0d6e0f1c2a3b'", "7d0a1b0e-5b56-4b5c-9d1e-0d6e0f1c2a3b"),
        ("jsonb", "'[1, null]'", [1, None]),
    ],
)
def test_case_c1_arrays_and_their_like_are_imported(
    server_engine: sa.Engine, column: str, value: str, field: Any
) -> None:
    """case C1"""
    made = (
        f"CREATE TABLE a (id text PRIMARY KEY, v {column}); "
        f"INSERT INTO a VALUES ('1', {value}); {B}"
    )
    with server_engine.begin() as conn:
        conn.execute(sa.text("SET TIME ZONE 'UTC'"))
    source = Source(server_engine, made)
    source.sync()
    (record,) = source.world.records("a").values()
    assert len(str(record["v"])) == len(str(field))
    if "timestamptz" not in column:
        assert record["v"] == field


def test_case_c6_types_are_coerced_by_the_declaration(world: World) -> None:
    """case C6: a BOOLEAN that is a number, and a timestamp without a zone."""
    made = (
        f"CREATE TABLE a (id text PRIMARY KEY, v int); INSERT INTO a VALUES ('1', 1), ('2', 0); {B}"
    )
    source = Source(world.engine, made, type="boolean")
    report = source.sync()
    assert report["a"]["source"]["rejected"] == 0
    assert source.world.records("a") == {"1": {"v": True}, "2": {"v": False}}


def test_case_c6_naive_timestamp_is_utc(server_engine: sa.Engine) -> None:
    """case C6"""
    made = (
        f"CREATE TABLE a (id text PRIMARY KEY, v timestamp); "
        f"INSERT INTO a VALUES ('1', '2026-01-02 03:04'); {B}"
    )
    source = Source(server_engine, made, type="string", format="date-time")
    report = source.sync()
    assert source.world.records("a") == {"1": {"v": "2026-01-02T03:04:00+00:00"}}
    assert report["b"]["error"].endswith("every row was rejected, see firstRejected"), (
        "which fails the task"
    )


@pytest.mark.parametrize("key", ["", "i" * 2000])
def test_case_c7_key_that_no_record_may_have_is_rejected_and_named(world: World, key: str) -> None:
    """case C7"""
    source = Source(
        world.engine,
        f"CREATE TABLE a (id text PRIMARY KEY, v int); INSERT INTO a VALUES ('{key}', 1), ('x', "
        f"2); {B}",
    )
    part = source.sync()["a"]["source"]
    assert (part["rows"], part["rejected"]) == (2, 1)
    assert part["firstRejected"][0]["id"] == key[:50]
    assert source.world.records("a") == {"x": {"v": 2}}


def test_case_c5_source_that_loses_its_rows_is_refused_until_confirmed(world: World) -> None:
    """case C5, fault 71"""
    rows = ", ".join(f"('{n}', {n})" for n in range(60))
    source = Source(
        world.engine,
        f"CREATE TABLE a (id text PRIMARY KEY, v int); INSERT INTO a VALUES {rows}; {B}",
    )
    source.sync()
    source.sql("DELETE FROM a")
    for _ in range(2):
        assert "60 of 60 records have no row any more" in source.sync()["a"]["error"]
        assert len(source.world.records("a")) == 60
    source.sql(f"INSERT INTO a VALUES {rows}")
    assert "error" not in source.sync()["a"], "the reload's second step"
    source.sql("DELETE FROM a")
    assert confirm(source.world.engine, "a") == 60
    assert source.sync()["a"]["source"]["deleted"] == 60
    assert source.world.records("a") == {}
    source.sql(f"INSERT INTO a VALUES {rows}")
    source.sync()
    source.sql("DELETE FROM a")
    assert "error" in source.sync()["a"], "a confirmation holds for one run"


def test_case_c5_few_rows_may_always_go(world: World) -> None:
    """case C5"""
    rows = ", ".join(f"('{n}', {n})" for n in range(49))
    source = Source(
        world.engine,
        f"CREATE TABLE a (id text PRIMARY KEY, v int); INSERT INTO a VALUES {rows}; {B}",
    )
    source.sync()
    source.sql("DELETE FROM a")
    assert source.sync()["a"]["source"]["deleted"] == 49


def test_case_c7_column_of_another_name_becomes_the_field(server_engine: sa.Engine) -> None:
    """case C7: the letters of names are the table's, the fields' are the declaration's."""
    source = Source(
        server_engine, f'CREATE TABLE a (id text PRIMARY KEY, "Amount" int, v int); {B}'
    )
    source.sql("INSERT INTO a VALUES ('1', 7, 8)")
    declared = source.world.collections["a"].source
    assert declared
    mapped = replace(declared, columns={"v": "Amount"})
    a = replace(source.world.collections["a"], source=mapped)
    source.world.collections = {**source.world.collections, "a": a}
    assert source.sync()["a"]["source"]["changed"] == 1
    assert source.world.records("a") == {"1": {"v": 7}}
