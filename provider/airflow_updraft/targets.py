"""Brings newly arrived records into a collection's ``target`` table, from a durable cursor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from airflow_updraft.bulk import upsert
from airflow_updraft.collections import Collection, TableRef
from airflow_updraft.cursors import EXPIRED, TARGET, changes_after, read_position
from airflow_updraft.errors import TableSyncError
from airflow_updraft.json_values import Json
from airflow_updraft.sql_tables import SyncTable, reflect, to_column
from airflow_updraft.tables import consumers
from airflow_updraft.transaction import run_transaction

CHUNK_ROWS = 500


def export_target(store: sa.Engine, target: sa.Engine, ref: TableRef, collection: Collection) -> dict[str, Json]:
    """Upsert changed records and delete deleted ones; return counts and the cursor's revision.

    The cursor moves after the target has committed: a crash in between writes the same rows once more, which
    changes nothing. A row the table refuses raises, and the cursor stays before it: nothing is left out silently.
    """
    table = reflect(target, ref, collection)
    written = deleted = 0
    cursor = read_cursor(store, collection.name)
    if cursor == EXPIRED:
        raise TableSyncError(
            f"{collection.name}: the target table {ref.table!r} was not written for so long that deletions are "
            f"forgotten. First remove the rows whose {ref.key!r} is no record any more, then the row {TARGET!r}, "
            f"{collection.name!r} of the store's table updraft_consumers: the next run writes every record"
        )
    while rows := _changed_since(store, collection.name, cursor):
        with target.begin() as conn:
            gone = [row.id for row in rows if row.deleted]
            kept = [_to_row(row, table) for row in rows if not row.deleted]
            deleted += _delete(conn, table, gone)
            _write(conn, table, kept)
        written += len(kept)
        cursor = rows[-1].revision
        _save_cursor(store, collection.name, cursor)
    return {"written": written, "deleted": deleted, "revision": cursor}


def read_cursor(store: sa.Engine, collection: str) -> int:
    """The revision up to which the target table is complete, 0 before the first run; EXPIRED after a long absence."""
    with store.connect() as conn:
        return read_position(conn, TARGET, collection).cursor


def _changed_since(store: sa.Engine, collection: str, cursor: int) -> Sequence[Any]:
    with store.connect() as conn:
        return changes_after(conn, collection, cursor, CHUNK_ROWS)


def _save_cursor(store: sa.Engine, collection: str, revision: int) -> None:
    row = (TARGET, collection, revision)
    run_transaction(store, lambda conn: upsert(conn, consumers, [row]), repeatable=True)


def _to_row(row: Any, table: SyncTable) -> dict[str, Any]:
    """A field that is absent becomes NULL; ``key_`` is the key once more, for UPDATE's WHERE."""
    values = {c.name: to_column(row.fields.get(c.name), c) for c in table.columns}
    key = _to_key(row.id, table)
    return {**values, table.key.name: key, "key_": key}


def _to_key(record_id: str, table: SyncTable) -> Any:
    if isinstance(table.key.type, sa.Integer):
        return int(record_id)
    return to_column(record_id, table.key)


def _delete(conn: sa.Connection, table: SyncTable, ids: list[str]) -> int:
    keys = [_to_key(record_id, table) for record_id in ids]
    return conn.execute(table.table.delete().where(table.key.in_(keys))).rowcount if keys else 0


def _write(conn: sa.Connection, table: SyncTable, rows: list[dict[str, Any]]) -> None:
    """Update the rows that are there, insert the others.

    Not ON CONFLICT: any SQL database may be the target, with or without a unique key, and the columns Updraft does
    not copy must stay as they are.
    """
    keys = [row["key_"] for row in rows]
    there = set(conn.scalars(sa.select(table.key).where(table.key.in_(keys)))) if keys else set()
    names = [c.name for c in table.columns]
    if (old := [row for row in rows if row["key_"] in there]) and names:
        values: dict[str, Any] = {name: sa.bindparam(name) for name in names}
        conn.execute(table.table.update().where(table.key == sa.bindparam("key_")).values(values), old)
    if new := [row for row in rows if row["key_"] not in there]:
        conn.execute(table.table.insert(), [{k: v for k, v in row.items() if k != "key_"} for row in new])
