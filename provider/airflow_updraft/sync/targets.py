"""Brings newly arrived records into a collection's ``target`` table, from a durable cursor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from airflow_updraft.collections import Collection, TableRef
from airflow_updraft.errors import TableSyncError
from airflow_updraft.json_values import Json
from airflow_updraft.store.bulk import upsert
from airflow_updraft.store.cursors import EXPIRED, TARGET, changes_after, read_position
from airflow_updraft.store.tables import consumers
from airflow_updraft.store.transaction import run_transaction
from airflow_updraft.sync import refused_rows
from airflow_updraft.sync.sql_tables import reflect
from airflow_updraft.sync.target_rows import Refusal, to_rows, write_rows

CHUNK_ROWS = 500
SHOWN_MAX = 20


def export_target(
    store: sa.Engine, target: sa.Engine, ref: TableRef, collection: Collection
) -> dict[str, Json]:
    """Write changed records, delete deleted ones; return counts and the first refused rows.

    The cursor moves after the target has committed: a crash in between writes the same rows once
    more, which changes nothing. A row that the table refuses is set aside in the store with the
    cursor's move, and tried again when record or table changes; an error of every row raises, and
    the cursor stays.
    """
    table = reflect(target, ref, collection, for_writing=True)
    cursor = read_cursor(store, collection.name)
    if cursor == EXPIRED:
        raise TableSyncError(
            f"{collection.name}: the target table {ref.table!r} was not written for so long that "
            "deletions are "
            f"forgotten. First remove the rows whose {ref.key!r} is no record any more, then run "
            f"'python -m airflow_updraft consumers restart {collection.name} {TARGET}': the next "
            "run writes every record"
        )
    shape = table.shape
    written = deleted = 0
    for rows, is_retry in _chunks(store, collection.name, cursor, shape):
        converted = to_rows(rows, table)
        removed, refusals = write_rows(target, table, converted)
        deleted += removed
        refused = {one.id for one in refusals}
        written += sum(not row.deleted and row.id not in refused for row in rows)
        cursor = cursor if is_retry else rows[-1].revision
        _save(
            store,
            collection.name,
            None if is_retry else cursor,
            [row.id for row in rows],
            refusals,
            shape,
        )
    counts: dict[str, Json] = {"written": written, "deleted": deleted, "revision": cursor}
    count, first = refused_rows.report(
        store, collection.name, SHOWN_MAX, with_ids=not collection.is_private
    )
    return counts | ({"refused": count, "firstRefused": first} if count else {})


def _chunks(
    store: sa.Engine, collection: str, cursor: int, shape: str
) -> Iterator[tuple[Sequence[Any], bool]]:
    while rows := _changed_since(store, collection, cursor):
        yield rows, False
        cursor = rows[-1].revision
    if again := refused_rows.due_again(store, collection, shape):
        yield again, True


def read_cursor(store: sa.Engine, collection: str) -> int:
    """Return the revision up to which the target is complete; EXPIRED after a long absence.

    0 before the first run.
    """
    with store.connect() as conn:
        return read_position(conn, TARGET, collection).cursor


def _changed_since(store: sa.Engine, collection: str, cursor: int) -> Sequence[Any]:
    with store.connect() as conn:
        return changes_after(conn, collection, cursor, CHUNK_ROWS)


def _save(
    store: sa.Engine,
    collection: str,
    cursor: int | None,
    tried: list[str],
    refusals: list[Refusal],
    shape: str,
) -> None:
    """Save the cursor and the refusals up to the cursor in one transaction, losing nothing."""

    def body(conn: sa.Connection) -> None:
        refused_rows.save(conn, collection, tried, refusals, shape)
        if cursor is not None:
            upsert(conn, consumers, [(TARGET, collection, cursor)])

    run_transaction(store, body, repeatable=True)
