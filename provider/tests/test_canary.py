"""fault 62: after any failure Airflow shows no value of a record: every value has a canary."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from world import NOW, World, create, delete, patch

from airflow_updraft.collections import compile_collections
from airflow_updraft.dag_api.write_all import write_all
from airflow_updraft.dag_api.writes import patch_of, put_of
from airflow_updraft.discreet import describe, discreetly, make_discreet
from airflow_updraft.errors import RecordInvalidError, TableSyncError
from airflow_updraft.exchange.exchange import exchange
from airflow_updraft.store.tables import records, replicas
from airflow_updraft.sync.invariants import verify
from airflow_updraft.sync.maintenance import prune_store
from airflow_updraft.sync.metrics import sync_gauges, verify_gauges
from airflow_updraft.sync.run import sync

CANARY = "canary7f3a"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"id": {"type": "string"}, "note": {}, "size": {}, "kind": {"enum": ["a", "b"]}},
    "required": ["id"],
}
TARGET = {"connection": "other", "table": "kept", "key": "id"}
DIARY = {"schema": SCHEMA, "read": "own", "target": TARGET}


@pytest.fixture
def world(every_engine: sa.Engine, caplog: pytest.LogCaptureFixture) -> Iterator[World]:
    caplog.set_level(logging.DEBUG, "airflow_updraft")
    engine = make_discreet(sa.create_engine(every_engine.url))
    yield World(engine, {"diary": DIARY, "open": {"schema": SCHEMA}})
    engine.dispose()


def sql(world: World, *statements: str) -> None:
    with world.engine.begin() as conn:
        for statement in statements:
            conn.exec_driver_sql(statement)


def run_sync(world: World, declared: dict[str, Any] | None = None) -> dict[str, Any]:
    if declared:
        world.collections = compile_collections(declared)
    return sync(world.engine, lambda _: world.engine, world.collections, NOW)


def assert_silent(shown: object, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the output nor the log, tracebacks included, holds a canary."""
    assert CANARY not in json.dumps(shown, default=str)
    formatter = logging.Formatter()
    assert CANARY not in "\n".join(formatter.format(record) for record in caplog.records)


def whole(error: BaseException) -> str:
    """Return an error as a log shows errors: with all causes."""
    return "".join(traceback.format_exception(error)) + str(error) + repr(error)


NARROW = {
    "too narrow": ("kept (id VARCHAR(99) PRIMARY KEY, note VARCHAR(4))", "longer than the column"),
    "another type": ("kept (id VARCHAR(99) PRIMARY KEY, note INTEGER)", "takes a number"),
    "a check": (
        "kept (id VARCHAR(99) PRIMARY KEY, note TEXT CONSTRAINT short CHECK (length(note) < 4))",
        "23514",
    ),
    "not null": ("kept (id VARCHAR(99) PRIMARY KEY, note TEXT, size TEXT NOT NULL)", "23502"),
    "unique": ("kept (id VARCHAR(99) PRIMARY KEY, note TEXT, kind TEXT UNIQUE)", "23505"),
    "a date": ("kept (id VARCHAR(99) PRIMARY KEY, note DATE)", "the text is no date"),
    "a number for its key": (
        "kept (id INTEGER PRIMARY KEY, note TEXT)",
        "the id is not the text of a number",
    ),
    "none": ("elsewhere (id TEXT)", "does not exist"),
}


@pytest.mark.parametrize("why", NARROW)
def test_case_b1_target_that_refuses_tells_why_and_not_what(
    world: World, caplog: pytest.LogCaptureFixture, why: str
) -> None:
    """case B1: SQLSTATE, table and column; neither parameters nor DETAIL nor the driver's own
    words."""
    table, told = NARROW[why]
    sql(world, f"CREATE TABLE {table}")
    fields = {"note": f"{CANARY} in a note", "kind": "a"}
    world.device("r1", "ana").push(
        create(f"{CANARY}-1", collection="diary", **fields),
        create(f"{CANARY}-2", collection="diary", **fields),
    )
    report = run_sync(world)
    part = report["collections"]["diary"]
    assert_silent(report, caplog)
    if why == "none":
        assert told in part["error"]
        return
    refused = part["target"]["firstRefused"]
    assert part["target"]["refused"] == len(refused) > 0
    if world.engine.dialect.name == "postgresql" or told[0] != "2":
        assert told in refused[0]["message"]
    else:
        assert "SQLITE_CONSTRAINT" in refused[0]["message"]


def test_case_b1_source_rows_that_do_not_fit_are_named_without_their_values(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """case B1: the validator quotes refused values; a private collection's ids are for owners
    alone."""
    source = {"connection": "other", "table": "rows", "key": "id"}
    sql(world, "CREATE TABLE rows (id VARCHAR(99) PRIMARY KEY, kind TEXT)")
    sql(world, f"INSERT INTO rows VALUES ('{CANARY}-1', '{CANARY} kind'), ('fits', 'a')")
    private = {"schema": SCHEMA, "read": "own", "write": "none", "source": source}
    report = run_sync(world, {"diary": private})
    assert report["collections"]["diary"]["source"]["firstRejected"] == [
        {
            "reason": {
                "kind": "schema",
                "message": "it does not fit the schema at /properties/kind/enum",
                "path": "/kind",
            }
        }
    ]
    assert_silent(report, caplog)
    sql(world, "DELETE FROM rows", f"INSERT INTO rows VALUES ('x', '{CANARY} kind')")
    shown = run_sync(world, {"sites": private | {"read": "all"}})
    assert shown["collections"]["sites"]["source"]["firstRejected"][0]["id"] == "x"
    assert_silent(shown, caplog)
    assert_silent(sync_gauges(shown), caplog)


@pytest.mark.parametrize(
    ("schema", "record"),
    [
        ({"additionalProperties": False, "properties": {"id": {}}}, {CANARY: 1}),
        (
            {"properties": {"deep": {"additionalProperties": {"type": "string"}}}},
            {"deep": {CANARY: 1}},
        ),
        ({"properties": {"note": {"pattern": "^x$"}}}, {"note": CANARY * 40}),
        ({"properties": {"note": {"const": "x"}}}, {"note": [CANARY]}),
        ({"properties": {"note": {"format": "date"}}}, {"note": CANARY}),
        ({"additionalProperties": {"type": "number"}, "properties": {"id": {}}}, {CANARY: CANARY}),
        ({"required": ["there"]}, {"note": CANARY}),
    ],
    ids=str,
)
def test_case_b1_what_a_dag_may_not_write_is_said_without_it(
    world: World, schema: dict[str, Any], record: dict[str, Any]
) -> None:
    """case B1: the error ends in the log of the author's task."""
    world.collections = compile_collections({"open": {"schema": schema}})
    with pytest.raises(RecordInvalidError) as caught:
        write_all(
            world.engine,
            world.collections,
            [put_of(world.collections["open"], {"id": "a"} | record, None)],
            by="a DAG",
        )
    assert "it does not fit the schema at /" in str(caught.value)
    assert CANARY not in whole(caught.value)


def breaking(world: World, what: str) -> str:
    """Make the store refuse rows with a canary, as a full disk or a table made by hand may."""
    table, column = {
        "records": ("updraft_records", "fields"),
        "ledger": ("updraft_replicas", "nonce"),
    }[what]
    if world.engine.dialect.name == "postgresql":
        free = f"position('{CANARY}' IN CAST({column} AS text)) = 0"
        return f"ALTER TABLE {table} ADD CONSTRAINT narrow CHECK ({free})"
    return (
        f"CREATE TRIGGER narrow BEFORE INSERT ON {table} WHEN instr(NEW.{column}, '{CANARY}') > 0 "
        f"BEGIN SELECT RAISE(ABORT, 'no {CANARY}'); END"
    )


@pytest.mark.parametrize("what", ["records", "ledger"])
def test_case_b1_exchange_that_the_store_refuses_tells_nothing_of_its_batch(
    world: World, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    """case B1: COPY quotes the failed line, a constraint the whole row; viewers read the task's
    log."""
    device = world.device("r1", "ana")
    sql(world, breaking(world, what))
    request = device.batch_request(
        create("a", collection="diary", note=CANARY), nonce=f"{CANARY}-n"
    )
    with pytest.raises(sa.exc.DBAPIError) as caught:
        exchange(request, "ana", world.engine, world.collections)
    assert CANARY not in whole(caught.value)
    assert "narrow" in describe(caught.value) or "SQLITE_CONSTRAINT" in describe(caught.value)
    with pytest.raises(RuntimeError) as ended:
        discreetly(lambda: exchange(request, "ana", world.engine, world.collections), RuntimeError)
    assert (ended.value.__cause__, ended.value.__context__) == (None, None)
    assert CANARY not in whole(ended.value)
    assert_silent({}, caplog)


def test_case_b1_verify_and_prune_name_no_person_and_nothing_private(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """case B1, case B11: revisions are enough to find a row; the owner is for operators at a
    terminal."""
    people = world.device(f"{CANARY}-phone", f"{CANARY}-user")
    made = [create(f"{CANARY}-{n}", collection="diary", note=CANARY) for n in range(2)]
    people.push(*made, create("shown", collection="open", note=CANARY))
    people.push(delete(f"{CANARY}-1", collection="diary", base=2))
    with world.engine.begin() as conn:
        conn.execute(
            records.update().values(revision=records.c.revision + 100, field_revisions={CANARY: 1})
        )
        conn.execute(replicas.update().values(nonce=None))
    report = verify(world.engine, world.collections)
    assert len(report["violations"]) >= 3
    assert_silent(report, caplog)
    assert any(
        "id='shown'" in place for violation in report["violations"] for place in violation["where"]
    )
    assert CANARY in json.dumps(verify(world.engine)), "operators are told"
    assert_silent(verify_gauges(report), caplog)
    assert_silent(prune_store(world.engine, NOW, 1e-9, 1e-9), caplog)


@pytest.mark.parametrize(
    ("fail", "words"),
    [
        (lambda: int(CANARY), "ValueError at test_canary.py"),
        (lambda: {}[CANARY], "KeyError at test_canary.py"),
        (lambda: json.loads(f'{{"{CANARY}'), "JSONDecodeError at "),
    ],
)
def test_case_b1_error_that_nobody_expected_is_told_by_its_place(
    fail: Callable[[], object], words: str
) -> None:
    with pytest.raises(RuntimeError) as caught:
        discreetly(fail, RuntimeError)
    assert str(caught.value).startswith(words)
    assert CANARY not in whole(caught.value)


def test_case_b1_own_words_pass() -> None:
    error = TableSyncError("table 'x' does not exist: create it")
    with pytest.raises(TableSyncError) as caught:
        discreetly(lambda: (_ for _ in ()).throw(error), RuntimeError, TableSyncError)
    assert caught.value is error
    assert describe(error) == str(error)


class OfMySql(Exception):  # noqa: N818
    """An error as raised by MySQL's drivers."""


@pytest.mark.parametrize(
    ("number", "said", "told"),
    [
        (1406, "Data too long for column 'note' at row 1", "OfMySql, error 1406, column 'note'"),
        (
            1366,
            f"Incorrect integer value: '{CANARY}' for column 'n' at row 1",
            "OfMySql, error 1366, column 'n'",
        ),
        (1062, f"Duplicate entry '{CANARY}' for key 'PRIMARY'", "OfMySql, error 1062"),
        (3819, "Check constraint 'short' is violated.", "OfMySql, error 3819"),
    ],
)
def test_case_b1_mysqls_words_are_not_passed_on(number: int, said: str, told: str) -> None:
    from airflow_updraft.discreet import redact

    error = OfMySql(number, said)
    redact(error)
    assert (error.args, CANARY in whole(error)) == ((number, told), False)
    redact(error)
    assert error.args == (number, told), "twice is once"


def test_case_b1_patch_of_a_record_by_a_dag_quotes_neither_side(world: World) -> None:
    world.device("r1", "ana").push(create("a", collection="open", note=CANARY, size=1))
    world.device("r2", "ana").push(patch("a", collection="open", base=1, note=CANARY * 2))
    world.collections = compile_collections(
        {"open": {"schema": {"properties": {"note": {"maxLength": 3}}}}}
    )
    with pytest.raises(RecordInvalidError) as caught:
        write_all(
            world.engine,
            world.collections,
            [patch_of(world.collections["open"], "a", {"size": 2}, (), None)],
            by="a DAG",
        )
    assert CANARY not in whole(caught.value)
