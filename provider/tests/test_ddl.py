"""case C7: printed tables take each value that a schema allows, and printing changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from target_table import Target
from world import create

from airflow_updraft import airflow_bridge, cli
from airflow_updraft.check.ddl import DIALECTS, create_statement, statements
from airflow_updraft.collections import Collection, TableRef, compile_collections
from airflow_updraft.store.cursors import TARGET, restart_cursor
from airflow_updraft.sync.column_values import UnfitError, to_column

FIELDS: dict[str, Any] = {
    "id": {"type": "string"},
    "site": {"type": "string", "maxLength": 50},
    "note": {"type": "string"},
    "long": {"type": "string", "maxLength": 5_000},
    "status": {"enum": ["ok", "watch"]},
    "level": {"enum": [1, "high"]},
    "visits": {"type": "integer"},
    "reading": {"type": ["number", "null"]},
    "done": {"type": "boolean"},
    "day": {"type": "string", "format": "date"},
    "moment": {"type": "string", "format": "date-time"},
    "tags": {"type": "array"},
    "where": {"type": "object"},
    "any": {},
    "either": {"type": ["string", "integer"]},
}
RECORD: dict[str, Any] = {
    "site": "s" * 50,
    "note": "ü" * 2_000,
    "long": "l" * 5_000,
    "status": "watch",
    "level": "high",
    "visits": 2**53 - 1,
    "reading": 0.1,
    "done": True,
    "day": "2026-01-31",
    "moment": "2026-01-31T12:30:00.123456Z",
    "tags": ["a", 1],
    "where": {"lat": 1.5},
    "any": [None],
    "either": "text",
}


def declared(fields: dict[str, Any], **target: Any) -> tuple[Collection, TableRef]:
    ref = {"connection": "t", "table": "things", "key": "id"} | target
    schema = {"type": "object", "properties": fields}
    collection = compile_collections({"things": {"schema": schema, "target": ref}})["things"]
    assert collection.target
    return collection, collection.target


@pytest.fixture
def target(bare_engine: sa.Engine, tmp_path: Path) -> Iterator[Target]:
    is_sqlite = bare_engine.dialect.name == "sqlite"
    other = sa.create_engine(f"sqlite:///{tmp_path}/t.db") if is_sqlite else bare_engine
    yield Target(bare_engine, other, "SELECT 1")
    other.dispose()


def declare(target: Target, fields: dict[str, Any]) -> tuple[Collection, TableRef]:
    collection, ref = declared(fields)
    target.world.collections = {"things": collection}
    return collection, ref


def test_case_c7_printed_table_takes_each_value_and_then_lacks_nothing(target: Target) -> None:
    collection, ref = declare(target, FIELDS)
    (made,) = statements(target.other, collection, ref)
    target.sql(made)
    target.device.push(create("a", collection="things", **RECORD), create("b", collection="things"))
    assert target.refused() == {}
    assert target.sql("SELECT count(*), count(note), count(moment) FROM things") == [(2, 1, 1)]
    assert statements(target.other, collection, ref) == []


def test_case_c7_column_added_later_is_filled(target: Target) -> None:
    some = {name: FIELDS[name] for name in ("id", "site", "done")}
    target.sql(statements(target.other, *declare(target, some))[0])
    declare(target, FIELDS)
    target.device.push(create("a", collection="things", **RECORD))
    target.sync()
    added = statements(target.other, *declare(target, FIELDS))
    assert len([line for line in added if line.startswith("ALTER TABLE things ADD COLUMN")]) == 12
    assert "consumers restart things target" in added[-1]
    for line in added[:-1]:
        target.sql(line)
    with target.world.engine.begin() as conn:
        restart_cursor(conn, TARGET, "things")
    assert target.refused() == {}
    assert target.sql("SELECT note, visits FROM things") == [("ü" * 2_000, 2**53 - 1)]


def test_case_c7_column_that_is_too_short_is_given_another_type(
    server_engine: sa.Engine, tmp_path: Path
) -> None:
    made = "CREATE TABLE things (id text PRIMARY KEY, site varchar(3), visits text)"
    server = Target(server_engine, server_engine, made)
    some = {name: FIELDS[name] for name in ("id", "site", "visits")}
    (line,) = statements(server.other, *declare(server, some))
    assert line == (
        "ALTER TABLE things ALTER COLUMN site TYPE VARCHAR(50) USING site::VARCHAR(50);"
    )
    server.sql(line)
    assert statements(server.other, *declare(server, some)) == []
    lite = sa.create_engine(f"sqlite:///{tmp_path}/lite.db")
    with lite.begin() as conn:
        conn.execute(sa.text(made))
    assert statements(lite, *declared(some)) == [
        "-- SQLite changes no column's type: make things anew, with site VARCHAR(50)"
    ]


def test_case_c7_mapped_and_odd_names_are_quoted_in_each_dialect() -> None:
    fields = {"order": {"type": "string"}, "a": {"type": "boolean"}}
    mapping = {"order": "Order no.", "a": "select"}
    ref = declared(fields, table="shop.Things", key="nr", columns=mapping)
    texts = {name: create_statement(*ref, dialect()) for name, dialect in DIALECTS.items()}
    assert 'CREATE TABLE shop."Things"' in texts["postgresql"]
    assert '"Order no." TEXT' in texts["postgresql"]
    assert '"select" BOOLEAN' in texts["sqlite"]
    assert "`Order no.` LONGTEXT" in texts["mysql"]
    assert "nr VARCHAR(768) NOT NULL" in texts["mysql"]
    assert "COLLATE utf8mb4_bin" in texts["mysql"]


def test_case_c7_boolean_goes_into_mysqls_boolean_and_into_no_other_number() -> None:
    assert to_column(True, sa.Column("c", mysql.TINYINT(display_width=1))) == 1
    with pytest.raises(UnfitError):
        to_column(True, sa.Column("c", mysql.TINYINT()))


def test_case_c7_command_prints_and_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "collections.json"
    ref = {"connection": "t", "table": "things", "key": "id"}
    things = {"schema": {"properties": {"site": FIELDS["site"]}}, "target": ref}
    file.write_text(
        json.dumps({"version": 1, "collections": {"things": things, "rest": {"schema": {}}}})
    )
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "")
    monkeypatch.setenv("AIRFLOW__UPDRAFT__COLLECTIONS", str(file))
    other = sa.create_engine(f"sqlite:///{tmp_path}/t.db")
    monkeypatch.setattr(airflow_bridge, "connection_engine", lambda _: other)
    expected = (
        "CREATE TABLE things (\n\tid TEXT NOT NULL,\n\tsite VARCHAR(50),\n\tPRIMARY KEY (id)\n);"
    )
    for words in (["things"], [], ["--dialect", "sqlite"]):
        assert cli.main(["tables", "ddl", *words]) == 0
        out = capsys.readouterr().out
        assert out == f"-- things: table things on connection t\n{expected}\n"
    assert sa.inspect(other).get_table_names() == []
    assert cli.main(["tables", "ddl", "rest"]) == 2
    assert "no target for rest" in capsys.readouterr().err
    with other.begin() as conn:
        conn.execute(sa.text("CREATE TABLE things (nr INT)"))
    assert cli.main(["tables", "ddl", "things"]) == 1
    assert "has no key column 'id'" in capsys.readouterr().err
