"""Views of collections: typed columns, no value hidden, and no record that stops a view."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from test_ddl import FIELDS
from world import World, delete, mutation, only_verdict

from airflow_updraft import airflow_bridge, cli
from airflow_updraft.collections import Collection, compile_collections
from airflow_updraft.errors import ViewError
from airflow_updraft.store.tables import records
from airflow_updraft.views.make import existing, make

AWKWARD = {
    "it's": {"type": "string"},
    'say "so"': {"type": "integer"},
    "a:b %s %(x)s": {"type": "boolean"},
    "back\\slash": {"type": "string"},
    "größe.cm": {"type": "number"},
}
RECORD: dict[str, Any] = {
    "site": "s",
    "note": "it's 100 %",
    "status": "watch",
    "level": "high",
    "visits": 2**53 - 1,
    "reading": 0.1,
    "done": True,
    "day": "2026-01-31",
    "moment": "2026-01-31T12:30:00.5+02:00",
    "tags": ["a", 1, None],
    "where": {"lat": 1.5},
    "any": None,
    "either": 3,
    "it's": "one",
    'say "so"': 7,
    "a:b %s %(x)s": False,
    "back\\slash": "\\:",
    "größe.cm": 1e300,
}


def open_fields(fields: dict[str, Any]) -> dict[str, Collection]:
    schema = {"type": "object", "properties": fields}
    return dict(compile_collections({"things": {"schema": schema}, "other-1": {"schema": {}}}))


@pytest.fixture
def run(every_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run ``updraft views`` with collections whose schema has these fields."""
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "")
    monkeypatch.setattr(airflow_bridge, "server_store_engine", lambda: every_engine)

    def command(*words: str, fields: dict[str, Any] = FIELDS | AWKWARD) -> int:
        monkeypatch.setattr(airflow_bridge, "declared_collections", lambda: open_fields(fields))
        return cli.main(["views", *words])

    return command


@pytest.fixture
def world(every_engine: sa.Engine) -> World:
    """A store with a record that has a value in each field, and with a tombstone."""
    world = World(every_engine)
    world.collections = open_fields(FIELDS | AWKWARD)
    device = world.device("phone", "ana")
    for name in ("a", "gone"):
        answer = device.push(mutation("create", name, collection="things", set=RECORD))
        assert only_verdict(answer)["verdict"] == "applied", answer
    device.push(delete("gone", base=answer["verdicts"][0]["revision"], collection="things"))
    return world


def shown(world: World, view: str = "updraft_v_things") -> list[dict[str, Any]]:
    quote = world.engine.dialect.identifier_preparer.quote_identifier
    with world.engine.connect() as conn:
        query = sa.text(f"SELECT * FROM {quote(view)} ORDER BY id")
        return [dict(row) for row in conn.execute(query).mappings()]


def plant(world: World, **fields: Any) -> None:
    """Store values that today's schema would not let in."""
    with world.engine.begin() as conn:
        kept = conn.execute(sa.select(records.c.fields).where(records.c.id == "a")).scalar_one()
        conn.execute(records.update().where(records.c.id == "a").values(fields=kept | fields))


def is_sqlite(world: World) -> bool:
    return world.engine.dialect.name == "sqlite"


def test_each_field_is_a_column_of_its_type_and_tombstones_are_left_out(
    run: Callable[..., int], world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("create") == 0
    assert capsys.readouterr().out == "updraft_v_things is made.\nupdraft_v_other-1 is made.\n"
    (row,) = shown(world)
    assert list(row)[:3] == ["id", "site", "note"]
    assert list(row)[-5:] == ["_fields", "_revision", "_owner", "_updated_by", "_updated_at"]
    assert (row["_owner"], row["_updated_by"], row["_revision"]) == ("ana", "ana", 1)
    typed: dict[str, Any] = {
        "moment": datetime(2026, 1, 31, 10, 30, 0, 500_000, UTC),
        "day": date(2026, 1, 31),
    }
    in_sqlite: dict[str, Any] = {
        "level": '"high"',
        "tags": '["a",1,null]',
        "where": '{"lat":1.5}',
        "any": "null",
        "either": "3",
        "done": 1,
        "a:b %s %(x)s": 0,
    }
    expected = RECORD | (in_sqlite if is_sqlite(world) else typed)
    assert {field: row[field] for field in RECORD} == expected
    assert shown(world, "updraft_v_other-1") == []


def test_absent_fields_are_null_and_json_null_is_not(run: Callable[..., int], world: World) -> None:
    world.device("tablet", "ben").push(
        mutation("create", "b", collection="things", set={"any": None, "reading": None})
    )
    run("create", "things")
    a_row, b_row = shown(world)
    assert b_row["site"] is None
    assert b_row["reading"] is None
    assert b_row["_fields"] != a_row["_fields"]
    with world.engine.connect() as conn:
        found = conn.execute(
            sa.text('SELECT "any" IS NULL, "where" IS NULL FROM updraft_v_things ORDER BY id')
        ).all()
    assert [tuple(map(bool, row)) for row in found] == [(False, False), (False, True)]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("visits", 1.5),
        ("visits", 1e20),
        ("visits", "many"),
        ("reading", "0.1"),
        ("done", "true"),
        ("done", 1),
        ("day", "2026-02-31"),
        ("day", "now"),
        ("day", "infinity"),
        ("day", 20260131),
        ("moment", "2026-01-31T25:00:00Z"),
        ("moment", "tomorrow"),
        ("moment", {"at": 1}),
        ("note", ["not", "a", "text"]),
        ("status", 5),
    ],
)
def test_value_that_its_column_cannot_show_stops_no_view_and_is_not_hidden(
    run: Callable[..., int], world: World, field: str, value: Any
) -> None:
    plant(world, **{field: value})
    run("create")
    (row,) = shown(world)
    whole = row["_fields"]
    assert (json.loads(whole) if isinstance(whole, str) else whole)[field] == value
    assert row["site"] == "s"
    # SQLite has no type for a day or a moment: their texts are shown as they are.
    is_text = is_sqlite(world) and field in ("day", "moment") and isinstance(value, str)
    assert row[field] == (value if is_text else None)


@pytest.mark.parametrize(
    ("given", "at"),
    [
        ("2026-01-31T10:30:00Z", (10, 30)),
        ("2026-01-31T10:30:00", (10, 30)),
        ("2026-01-31 10:30+02", (10, 30)),
        ("2026-01-31T10:30:00-0130", (12, 0)),
    ],
)
def test_moment_without_a_zone_is_in_utc(
    run: Callable[..., int], world: World, given: str, at: tuple[int, int]
) -> None:
    plant(world, moment=given)
    run("create")
    (row,) = shown(world)
    if not is_sqlite(world):
        moment = row["moment"].astimezone(UTC)
        hour = 8 if given.endswith("+02") else at[0]
        assert (moment.hour, moment.minute) == (hour, at[1])


def test_declaration_that_changes_replaces_the_view(
    run: Callable[..., int], world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    run("create", "things")
    capsys.readouterr()
    assert run("create", "things", fields={"id": {}, "visits": {"type": "string"}}) == 0
    again = "" if is_sqlite(world) else "; its columns have changed, so grant the rights to read"
    assert capsys.readouterr().out.startswith(f"updraft_v_things is made{again}")
    (row,) = shown(world)
    assert list(row)[:2] == ["id", "visits"]
    assert "site" not in row
    assert run("create", "things", fields={"id": {}, "visits": {"type": "string"}}) == 0
    assert capsys.readouterr().out == "updraft_v_things is made.\n"


def test_field_that_can_be_no_column_is_told_and_stays_in_fields(
    run: Callable[..., int], world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    long = "ü" * 32
    plant(world, **{long: 1, "ID": 2, "_revision": 3})
    fields = {name: {"type": "integer"} for name in (long, "ID", "_revision")}
    assert run("create", "things", fields=fields) == 0
    left_out = [long, "ID"] if is_sqlite(world) else [long]
    words = ", ".join(map(repr, left_out))
    assert capsys.readouterr().out == f"updraft_v_things is made; only _fields has {words}.\n"
    (row,) = shown(world)
    assert row["_revision"] == 3
    assert row["__revision"] == 1
    whole = row["_fields"]
    assert (json.loads(whole) if isinstance(whole, str) else whole)[long] == 1


def test_statements_are_printed_and_run_as_they_are(
    run: Callable[..., int], world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("sql", "things") == 0
    printed = capsys.readouterr().out
    assert existing(world.engine) == []
    with world.engine.begin() as conn:
        for statement in printed.split(";\n"):
            if statement.strip():
                conn.exec_driver_sql(statement, execution_options={"no_parameters": True})
    (row,) = shown(world)
    assert row["it's"] == "one"


def test_views_are_dropped_one_or_all(
    run: Callable[..., int], world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    run("create")
    assert run("drop", "things") == 0
    assert existing(world.engine) == ["updraft_v_other-1"]
    assert run("drop") == 0
    assert existing(world.engine) == []
    capsys.readouterr()
    assert run("drop") == 2
    assert capsys.readouterr().err == "There is no such view.\n"


def test_wrong_name_and_names_too_long_are_told(
    run: Callable[..., int],
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("create", "thing") == 2
    assert "no collection 'thing'; it declares: things, other-1." in capsys.readouterr().err
    long = "l" * 54
    both = compile_collections({long: {"schema": {}}, "things": {"schema": {}}})
    with pytest.raises(ViewError, match=r"would have 64 characters, of which PostgreSQL keeps 63"):
        make(world.engine, both[long])


def test_view_that_others_depend_on_is_not_torn_down(
    run: Callable[..., int], world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    run("create")
    with world.engine.begin() as conn:
        conn.execute(sa.text("CREATE VIEW mine AS SELECT site FROM updraft_v_things"))
    capsys.readouterr()
    if is_sqlite(world):  # which lets a view go that another one needs
        assert run("create", fields={"id": {}}) == 0
        return
    assert run("create", fields={"id": {}}) == 1
    said = capsys.readouterr()
    assert "the view updraft_v_things cannot be made" in said.err
    assert "updraft_v_other-1 is made" in said.out
    assert shown(world)[0]["site"] == "s"
    assert run("drop", "things") == 1
