"""Every storable text comes back unchanged, through every driver."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from world import NOW

from airflow_updraft.json_values import write_json
from airflow_updraft.store.bulk import append, upsert
from airflow_updraft.store.tables import create_store, records
from airflow_updraft.store.transaction import Pace, run_transaction

storable = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
awkward = st.sampled_from(
    ['"', "\\", "{", "}", ",", "NULL", "null", "", " ", "'", '\\"', "%s", ":user", "%(x)s", "\x01"]
)
texts = storable | awkward
fields = st.dictionaries(texts, texts | st.lists(texts, max_size=2) | st.none(), max_size=3)
rows = st.lists(st.tuples(texts, texts | st.none(), fields, st.booleans()), min_size=1, max_size=4)


@pytest.fixture
def store(every_engine: sa.Engine) -> sa.Engine:
    create_store(every_engine)
    return every_engine


def as_row(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(
        write_json(row[c.name]) if isinstance(c.type, sa.JSON) else row[c.name]
        for c in records.columns
    )


@given(rows)
@example([("a", None, {}, False)])
@example([("NULL", "NULL", {"NULL": "\\"}, True), ("b", None, {'"': '\\"'}, False)])
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_rows_are_read_as_they_were_written(store: sa.Engine, drawn: Any) -> None:
    written = {
        record_id: {
            "collection": 'a "collection" \\ {',
            "id": record_id,
            "revision": 2**53 - 1,
            "created": number,
            "fields": document,
            "field_revisions": dict.fromkeys(document, 1),
            "deleted": deleted,
            "owner": owner,
            "updated_by": owner or "",
            "updated_at": NOW,
        }
        for number, (record_id, owner, document, deleted) in enumerate(drawn)
    }
    with store.begin() as conn:
        conn.execute(records.delete())
        append(
            conn,
            records,
            [as_row(row | {"revision": 1, "owner": "before"}) for row in written.values()],
        )
        upsert(conn, records, [as_row(row) for row in written.values()])
        read = {row["id"]: dict(row) for row in conn.execute(records.select()).mappings()}
    for row in read.values():
        row["updated_at"] = row["updated_at"].replace(tzinfo=NOW.tzinfo)
    assert read == written


def a_row(record_id: str) -> tuple[Any, ...]:
    return ("notes", record_id, 1, 1, "{}", "{}", False, None, "ana", NOW)


def test_taken_key_is_an_integrity_error(store: sa.Engine) -> None:
    with store.begin() as conn:
        conn.execute(records.delete())
        append(conn, records, [a_row("taken")])
    with pytest.raises(sa.exc.IntegrityError), store.begin() as conn:
        append(conn, records, [a_row("new"), a_row("taken")])
    with store.connect() as conn:
        assert conn.scalars(sa.select(records.c.id)).all() == ["taken"]


def test_connection_that_dies_is_known_to_be_lost(server_engine: sa.Engine) -> None:
    """A lost connection is known, so that the transaction runs again on another (fault 30)."""
    create_store(server_engine)
    attempts = []

    def write(conn: sa.Connection) -> None:
        attempts.append(conn.scalar(sa.select(sa.func.pg_backend_pid())))
        if len(attempts) == 1:
            with server_engine.connect() as other:
                other.execute(sa.select(sa.func.pg_terminate_backend(attempts[0], 5_000)))
        append(conn, records, [a_row("a")])

    run_transaction(server_engine, write, pace=Pace(sleep=lambda _: None))
    assert len(set(attempts)) == 2
