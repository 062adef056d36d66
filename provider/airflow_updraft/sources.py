"""Imports a collection's ``source`` table: a keyed diff, so that only changed rows get a new revision."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa

from airflow_updraft.apply import Verdict
from airflow_updraft.collections import Collection, Collections, TableRef
from airflow_updraft.errors import TableSyncError
from airflow_updraft.json_values import Json
from airflow_updraft.revision import lock_counter, save_counter
from airflow_updraft.server_changes import delete_records, put_records
from airflow_updraft.sql_tables import SyncTable, reflect, to_field
from airflow_updraft.tables import records
from airflow_updraft.transaction import run_transaction

CHUNK_ROWS = 500
IDS_AT_ONCE = 10_000
REJECTED_SHOWN_MAX = 20


def import_source(
    store: sa.Engine,
    source: sa.Engine,
    ref: TableRef,
    collection: Collection,
    collections: Collections,
    now: datetime,
) -> dict[str, Json]:
    """Make the collection equal to its source table; return counts and the rows its schema refused.

    Memory is bounded by one set of ids and one chunk of rows, however large the table. The counter is locked for a
    chunk at a time, never while the source is read: a slow source must not hold up devices. Raises TableSyncError;
    then no record is deleted, whatever was read so far.
    """
    by = f"source {ref.connection}:{ref.table}"
    table = reflect(source, ref, collection)
    seen: set[str] = set()
    changed = deleted = 0
    rejected: list[dict[str, Json]] = []
    rejected_count = 0
    for documents in _chunks(source, table):
        ids = [str(document["id"]) for document in documents]
        if len(set(ids)) != len(ids) or not seen.isdisjoint(ids):
            raise TableSyncError(f"{by}: the key column {ref.key!r} is not unique")
        seen.update(ids)
        verdicts = _write(
            store, partial(put_records, collection=collection.name, documents=documents), collections, now, by
        )
        refused = [verdict for verdict in verdicts if verdict["verdict"] == "rejected"]
        changed += len(verdicts) - len(refused)
        rejected_count += len(refused)
        shown = refused[: REJECTED_SHOWN_MAX - len(rejected)]
        rejected += [{"id": verdict["id"], "reason": verdict["reason"]} for verdict in shown]
    for ids in _vanished(store, collection.name, seen):
        _write(store, partial(delete_records, collection=collection.name, ids=ids), collections, now, by)
        deleted += len(ids)
    return {
        "rows": len(seen),
        "changed": changed,
        "deleted": deleted,
        "rejected": rejected_count,
        "firstRejected": rejected,
    }


def _write(
    store: sa.Engine,
    change: Callable[..., list[Verdict]],
    collections: Collections,
    now: datetime,
    by: str,
) -> list[Verdict]:
    """One chunk in one transaction. Repeated after an unknown COMMIT it finds its own rows and changes nothing."""

    def body(conn: sa.Connection) -> list[Verdict]:
        counter = lock_counter(conn)
        verdicts = change(conn, counter, collections=collections, now=now, by=by)
        save_counter(conn, counter)
        return verdicts

    return run_transaction(store, body, repeatable=True)


def _chunks(source: sa.Engine, table: SyncTable) -> Iterator[list[dict[str, Json]]]:
    """The rows as documents, by a cursor on the server: the driver would fetch the whole table at once."""
    query = sa.select(table.key, *table.columns)
    with source.connect().execution_options(yield_per=CHUNK_ROWS) as conn:
        for rows in conn.execute(query).partitions():
            yield [_document(row, table) for row in rows]


def _document(row: Sequence[Any], table: SyncTable) -> dict[str, Json]:
    """NULL is an absent field: SQL has no other way to say it."""
    if row[0] is None:
        raise TableSyncError(f"table {table.table.name!r}: a row has no key")
    # str(): a reflected name is a subclass of str, which the validator refuses as a key.
    pairs = zip(table.columns, row[1:], strict=True)
    fields = {str(column.name): to_field(value) for column, value in pairs if value is not None}
    return {"id": str(row[0]), **fields}


def _vanished(store: sa.Engine, collection: str, seen: set[str]) -> Iterator[list[str]]:
    """The ids of live records that are not among those seen, a chunk at a time."""
    after = ""
    while True:
        query = (
            sa.select(records.c.id)
            .where(records.c.collection == collection, ~records.c.deleted, records.c.id > after)
            .order_by(records.c.id)
            .limit(IDS_AT_ONCE)
        )
        with store.connect() as conn:
            ids = conn.scalars(query).all()
        if not ids:
            return
        after = ids[-1]
        missing = [record_id for record_id in ids if record_id not in seen]
        for start in range(0, len(missing), CHUNK_ROWS):
            yield missing[start : start + CHUNK_ROWS]
