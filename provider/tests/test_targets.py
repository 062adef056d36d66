"""Each kind of value and key in a target table: unchanged, or refused by name, in nobody's way."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from target_table import Target
from world import Device, create, delete

from airflow_updraft.store.tables import refused_rows


@pytest.fixture
def lite(tmp_path: Path) -> tuple[sa.Engine, sa.Engine]:
    return sa.create_engine(f"sqlite:///{tmp_path}/s.db"), sa.create_engine(
        f"sqlite:///{tmp_path}/t.db"
    )


@pytest.mark.parametrize(
    ("column", "value", "right"),
    [
        ("text[]", ["a", "b"], ["a", "b"]),
        ("int[]", [1, 2], [1, 2]),
        ("numeric(6,2)", 1.25, Decimal("1.25")),
        ("real", 1.1, 1.1),
        ("boolean", False, False),
        ("text", True, "true"),
        ("text", 12, "12"),
        ("timestamp", "2026-07-01T10:00:00+02:00", datetime(2026, 7, 1, 8)),
        ("timestamp", "2026-07-01t08:00:00z", datetime(2026, 7, 1, 8)),
        ("timestamp", "2026-06-30T23:59:60Z", datetime(2026, 7, 1)),
        ("timestamptz", "2026-07-01T08:00:00", datetime(2026, 7, 1, 8, tzinfo=UTC)),
        ("bigint", 2**53 - 1, 2**53 - 1),
        ("jsonb", {"a": [1]}, {"a": [1]}),
    ],
)
def test_case_c2_value_arrives_as_it_is(
    server_engine: sa.Engine, column: str, value: Any, right: Any
) -> None:
    """case C2, case C4"""
    target = Target(
        server_engine, server_engine, f"CREATE TABLE things (id text PRIMARY KEY, v {column})", "v"
    )
    target.put("a", v=value)
    assert target.refused() == {}
    assert target.sql("SELECT v FROM things") == [(right,)]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("date", "0000-01-01"),
        ("varchar(3)", "four"),
        ("int", 2**40),
        ("int", 1.5),
        ("int", "7"),
        ("boolean", "yes"),
        ("int NOT NULL", None),
        ("numeric(4,1)", 1.25),
        ("numeric(4,1)", 99999),
        ("real", 1.23456789012),
        ("text[]", "a"),
        ("int[]", ["a"]),
        ("uuid", "no"),
        ("time", "10:00:00+02:00"),
        ("interval", "1 day"),
        ("bytea", "x"),
        ("text CHECK (v <> 'secret')", "secret"),
        ("timestamp", "2026-07-01T08:00:00.1234567Z"),
    ],
)
def test_case_c2_value_that_is_refused_keeps_nobody_back_and_is_quoted_nowhere(
    server_engine: sa.Engine, column: str, value: Any
) -> None:
    """case C2, fault 70"""
    target = Target(
        server_engine,
        server_engine,
        f"CREATE TABLE things (id text PRIMARY KEY, n int, v {column})",
        "n",
        "v",
    )
    good = {"n": 1} | (
        {"v": {"int": 1}[column.split(maxsplit=1)[0]]} if "NOT NULL" in column else {}
    )
    target.put("a", **good)
    target.put("bad", **({} if value is None else {"v": value}))
    target.put("z", **good)
    refused = target.refused()
    assert refused.keys() == {"bad"}
    assert "secret" not in refused["bad"]
    assert target.sql("SELECT id FROM things ORDER BY id") == [("a",), ("z",)]
    target.device.push(delete("bad", base=target.device.since, collection="things"))
    assert target.refused() == {}


def test_case_c2_column_that_the_database_makes_is_left_to_it(server_engine: sa.Engine) -> None:
    """case C2"""
    made = (
        "CREATE TABLE things (id text PRIMARY KEY, n int, v int GENERATED ALWAYS AS (n + 1) STORED)"
    )
    target = Target(server_engine, server_engine, made, "n", "v")
    target.put("a", n=1, v=5)
    assert target.refused() == {}
    assert target.sql("SELECT n, v FROM things") == [(1, 2)]


def test_case_c2_absent_field_of_a_json_column_is_null_and_json_null_is_not(
    server_engine: sa.Engine,
) -> None:
    """case C2"""
    target = Target(
        server_engine,
        server_engine,
        "CREATE TABLE things (id text PRIMARY KEY, v jsonb, w json)",
        "v",
        "w",
    )
    target.put("absent")
    target.put("null", v=None, w=None)
    assert target.refused() == {}
    target.change("absent", other=1)
    target.sync()
    assert target.sql("SELECT id, v IS NULL, w IS NULL FROM things ORDER BY id") == [
        ("absent", True, True),
        ("null", False, False),
    ]


@pytest.mark.parametrize("name", ["key_", "v_0", "v_key", "Name", "order"])
def test_case_c2_columns_with_any_name_are_written(server_engine: sa.Engine, name: str) -> None:
    """case C2: at the insert and at the update; letter case alone may differ."""
    field = name.lower()
    target = Target(
        server_engine,
        server_engine,
        f'CREATE TABLE things (id text PRIMARY KEY, "{name}" text)',
        field,
    )
    target.put("a", **{field: "one"})
    target.sync()
    assert target.sql(f'SELECT "{name}" FROM things') == [("one",)]
    target.change("a", **{field: "two"})
    target.sync()
    assert target.sql(f'SELECT "{name}" FROM things') == [("two",)]


@pytest.mark.parametrize("column", ["text UNIQUE", "text UNIQUE NOT NULL", "int UNIQUE"])
def test_case_c2_swap_of_unique_values_ends_valid(server_engine: sa.Engine, column: str) -> None:
    """case C2"""
    one, two = (1, 2) if column.startswith("int") else ("one", "two")
    target = Target(
        server_engine, server_engine, f"CREATE TABLE things (id text PRIMARY KEY, v {column})", "v"
    )
    target.put("a", v=one)
    target.put("b", v=two)
    target.sync()
    target.change("a", v=two)
    target.change("b", v=one)
    assert target.refused() == {}
    assert target.sql("SELECT id, v FROM things ORDER BY id") == [("a", two), ("b", one)]


def test_case_c2_unique_value_that_is_taken_is_tried_again_when_it_is_free(
    server_engine: sa.Engine,
) -> None:
    """case C2: the refusal hangs on another row, not on the row's own record."""
    target = Target(
        server_engine,
        server_engine,
        "CREATE TABLE things (id text PRIMARY KEY, v text UNIQUE)",
        "v",
    )
    target.put("a", v="x")
    target.put("b", v="x")
    assert target.refused().keys() == {"b"}
    target.device.push(delete("a", base=target.device.since, collection="things"))
    assert target.refused() == {}
    assert target.sql("SELECT id, v FROM things") == [("b", "x")]


@pytest.mark.parametrize(
    ("key", "ids", "written", "refused"),
    [
        ("integer PRIMARY KEY", ["7", "007", "1_000", " 5", "٣", "+7", "-0", "-3"], {7, -3}, 6),
        ("numeric(10) PRIMARY KEY", ["7", "007", "7.0", "1e1"], {Decimal(7)}, 3),
        ("numeric(10)", ["7"], {Decimal(7)}, 0),
        ("char(10) PRIMARY KEY", ["abc", "abc "], {"abc       "}, 1),
        ("char(10)", ["abc"], {"abc       "}, 0),
    ],
)
def test_case_c3_each_id_has_one_row_of_its_own(
    server_engine: sa.Engine, key: str, ids: list[str], written: set[Any], refused: int
) -> None:
    """case C3: found again at each edit, and deleted by its own id alone."""
    target = Target(server_engine, server_engine, f"CREATE TABLE things (id {key}, v int)", "v")
    for number in (1, 2, 3):
        for record_id in ids:
            target.put(record_id, v=0) if number == 1 else target.change(record_id, v=number)
        assert len(target.refused()) == refused
    rows = target.sql("SELECT id, v FROM things")
    assert ({row[0] for row in rows}, {row[1] for row in rows}, len(rows)) == (
        written,
        {3},
        len(written),
    )
    for record_id in ids[1:]:
        target.device.push(delete(record_id, base=target.device.since, collection="things"))
    assert target.refused() == {}
    assert len(target.sql("SELECT id FROM things")) == 1


def test_case_c3_ids_that_the_database_takes_for_one_are_both_named(
    lite: tuple[sa.Engine, sa.Engine],
) -> None:
    """case C3"""
    target = Target(*lite, "CREATE TABLE things (id TEXT COLLATE NOCASE PRIMARY KEY, v INT)", "v")
    target.put("abc", v=1)
    target.sync()
    target.put("ABC", v=2)
    refused = target.refused()
    assert "'ABC'" in refused["ABC"]
    assert "'abc'" in refused["ABC"]
    assert target.sql("SELECT id, v FROM things") == [("abc", 1)]


def test_case_c4_one_instant_is_one_value_in_a_column_without_a_zone(
    lite: tuple[sa.Engine, sa.Engine],
) -> None:
    """case C4"""
    target = Target(*lite, "CREATE TABLE things (id TEXT PRIMARY KEY, v DATETIME)", "v")
    target.put("a", v="2026-07-01T10:00:00+02:00")
    target.put("b", v="2026-07-01T08:00:00Z")
    target.sync()
    assert {row[0] for row in target.sql("SELECT v FROM things")} == {"2026-07-01 08:00:00.000000"}


def test_case_c2_integer_beyond_the_databases_is_refused(lite: tuple[sa.Engine, sa.Engine]) -> None:
    """case C1: SQLite's driver raises OverflowError."""
    target = Target(*lite, "CREATE TABLE things (id TEXT PRIMARY KEY, v INTEGER)", "v")
    target.put("a", v=1e30)
    target.put("b", v=1)
    assert target.refused().keys() == {"a"}


def test_case_c2_one_of_a_thousand_is_found_and_the_others_are_written(
    server_engine: sa.Engine,
) -> None:
    """case C2, fault 70"""
    target = Target(
        server_engine, server_engine, "CREATE TABLE things (id text PRIMARY KEY, v varchar(3))", "v"
    )
    for start in (0, 500):
        device = Device(target.world, f"d{start}", "ana")
        device.pull()
        device.push(*[create(f"i{start + n}", collection="things", v="ok") for n in range(500)])
    target.sql("ALTER TABLE things ADD CONSTRAINT no CHECK (id <> 'i777')")
    assert target.refused().keys() == {"i777"}
    assert target.sql("SELECT count(*) FROM things") == [(999,)]
    with target.world.engine.connect() as conn:
        assert conn.scalar(sa.select(refused_rows.c.sqlstate)) == "23514"
    target.sql("ALTER TABLE things DROP CONSTRAINT no")
    assert target.refused() == {}
    assert target.sql("SELECT count(*) FROM things") == [(1000,)]


def test_case_c7_fields_go_to_the_columns_that_the_declaration_names(
    server_engine: sa.Engine,
) -> None:
    """case C7: another name, names that are exchanged, and a field that stays at home."""
    target = Target(
        server_engine,
        server_engine,
        'CREATE TABLE things (nr text PRIMARY KEY, "Remark" text, a text, b text, home text)',
        "note",
        "a",
        "b",
        "home",
        key="nr",
        columns={"note": "Remark", "a": "b", "b": "a"},
    )
    target.put("r1", note="n", a="of a", b="of b", home="stays")
    assert target.refused() == {}
    target.change("r1", a="edited")
    assert target.refused() == {}
    assert target.sql('SELECT nr, "Remark", a, b, home FROM things') == [
        ("r1", "n", "of b", "edited", None)
    ]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"note": "remark"}, "has no columns \\['remark'\\]"),
        ({"note": "id"}, "the field 'note' cannot have the column 'id': the key 'id' holds the id"),
        ({"id": "v"}, "the field 'id' cannot have the column 'v'"),
        ({"a": "V", "note": "v"}, "the fields \\['a', 'note'\\] have one column 'v'"),
    ],
)
def test_case_c7_mapping_that_the_table_cannot_have_is_named(
    lite: tuple[sa.Engine, sa.Engine], columns: dict[str, str], words: str
) -> None:
    target = Target(
        *lite, "CREATE TABLE things (id TEXT PRIMARY KEY, v TEXT)", "note", "a", columns=columns
    )
    with pytest.raises(AssertionError, match=words):
        target.sync()
