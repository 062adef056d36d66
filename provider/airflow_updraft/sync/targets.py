"""Brings newly arrived records into a collection's ``target`` table, from a durable cursor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from airflow_updraft.collections import Collection, TableRef
from airflow_updraft.errors import TableSyncError
from airflow_updraft.json_values import Json
from airflow_updraft.store.cursors import (
    EXPIRED,
    TARGET,
    Position,
    changes_after,
    move_cursor,
    note_untold,
    read_position,
)
from airflow_updraft.store.tables import records
from airflow_updraft.store.transaction import run_transaction
from airflow_updraft.store.turns import turn_at
from airflow_updraft.sync import refused_rows
from airflow_updraft.sync.sql_tables import SyncTable, reflect
from airflow_updraft.sync.target_rows import to_rows, write_rows

CHUNK_ROWS = 500
SHOWN_MAX = 20


def export_target(
    store: sa.Engine,
    target: sa.Engine,
    ref: TableRef,
    collection: Collection,
    *,
    retry_refused: bool = True,
) -> dict[str, Json]:
    """Write changed records, delete deleted ones; return counts and the first refused rows.

    Two exports of a target take turns, chunk by chunk, each from where the cursor is then: of two
    that found a row missing both would insert it. The cursor moves after the target has committed:
    a crash in between writes the same rows once more, which changes nothing. A row that the table
    refuses is set aside in the store with the cursor's move, and tried again when record or table
    changes; an error of every row raises, and the cursor stays.
    """
    table = reflect(target, ref, collection, for_writing=True)
    export = _Export(store, target, ref, collection, table)
    written = deleted = 0
    while done := export.next_chunk():
        written, deleted = written + done.written, deleted + done.deleted
    if retry_refused:
        done = export.refused_again()
        written, deleted = written + done.written, deleted + done.deleted
    counts: dict[str, Json] = {
        "written": written,
        "deleted": deleted,
        "revision": read_cursor(store, collection.name),
    }
    count, first = refused_rows.report(
        store, collection.name, SHOWN_MAX, with_ids=not collection.is_private
    )
    return counts | ({"refused": count, "firstRefused": first} if count else {})


@dataclass(frozen=True, slots=True)
class _Done:
    written: int
    deleted: int


@dataclass(frozen=True, slots=True)
class _Export:
    store: sa.Engine
    target: sa.Engine
    ref: TableRef
    collection: Collection
    table: SyncTable

    def next_chunk(self) -> _Done | None:
        """Write the oldest changes that the table lacks; None when there are none."""
        name = self.collection.name
        with turn_at(self.store, f"target {name}"):
            with self.store.connect() as conn:
                position = read_position(conn, TARGET, name)
                rows = changes_after(conn, name, self._checked(position), CHUNK_ROWS)
            return self._write(rows, position) if rows else None

    def refused_again(self) -> _Done:
        """Try the rows again that may fit by now."""
        name = self.collection.name
        with turn_at(self.store, f"target {name}"):
            rows = refused_rows.due_again(self.store, name, self.table.shape)
            return self._write(rows, None) if rows else _Done(0, 0)

    def _checked(self, position: Position) -> int:
        if position.cursor != EXPIRED:
            return position.cursor
        name, ref = self.collection.name, self.ref
        raise TableSyncError(
            f"{name}: the target table {ref.table!r} was not written for so long that deletions "
            f"are forgotten. First remove the rows whose {ref.key!r} is no record any more, then "
            f"run 'python -m airflow_updraft consumers restart {name} {TARGET}': the next run "
            "writes every record"
        )

    def _write(self, rows: Sequence[Any], start: Position | None) -> _Done:
        """Write the rows, then save refusals and the cursor, if it moves, in one transaction."""
        name, shape = self.collection.name, self.table.shape
        deleted, refusals = write_rows(self.target, self.table, to_rows(rows, self.table))

        refused = {one.id for one in refusals}
        written = sum(not row.deleted and row.id not in refused for row in rows)

        def save(conn: sa.Connection) -> None:
            if written or deleted:
                note_untold(conn, name)
            # A cursor that an operator or a restored backup moved meanwhile stays as it is: the
            # next chunk begins there.
            if start is None or move_cursor(conn, TARGET, name, start, rows[-1].revision):
                refused_rows.save(conn, name, [row.id for row in rows], refusals, shape)
            elif read_position(conn, TARGET, name) == start:
                raise TableSyncError(
                    f"{name}: a record has a revision above the store's counter, so the target's "
                    "cursor cannot pass it. Run 'python -m airflow_updraft verify' and mend what "
                    "it names"
                )

        run_transaction(self.store, save, repeatable=True)
        return _Done(written, deleted)


def is_behind(store: sa.Engine, collection: str) -> bool:
    """Tell whether the table lacks a change; refused rows are behind the cursor, so no change."""
    head = sa.select(sa.func.max(records.c.revision)).where(records.c.collection == collection)
    with store.connect() as conn:
        cursor = read_position(conn, TARGET, collection).cursor
        return (conn.scalar(head) or 0) > cursor


def read_cursor(store: sa.Engine, collection: str) -> int:
    """Return the revision up to which the target is complete; EXPIRED after a long absence.

    0 before the first run.
    """
    with store.connect() as conn:
        return read_position(conn, TARGET, collection).cursor
