"""Imports a collection's ``source`` table: a keyed diff, so that only changed rows get a new revision."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from airflow_updraft.collections import Collection, Collections, TableRef
from airflow_updraft.errors import TableSyncError
from airflow_updraft.json_values import Json
from airflow_updraft.revision import lock_counter, save_counter
from airflow_updraft.server_changes import delete_records, put_records
from airflow_updraft.sql_tables import SyncTable, reflect, to_field
from airflow_updraft.tables import records
from airflow_updraft.transaction import transaction

CHUNK_ROWS = 500
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

    Memory is bounded by the ids and one chunk of rows. The counter is locked for a chunk at a time, never while
    the source is read: a slow source must not hold up devices.
    """
    by = f"source {ref.connection}:{ref.table}"
    table = reflect(source, ref, collection)
    seen: set[str] = set()
    changed = 0
    rejected: list[dict[str, Json]] = []
    for documents in _chunks(source, table):
        ids = [str(document["id"]) for document in documents]
        if len(set(ids)) != len(ids) or not seen.isdisjoint(ids):
            raise TableSyncError(f"{by}: the key column {ref.key!r} is not unique")
        seen.update(ids)
        with transaction(store) as conn:
            counter = lock_counter(conn)
            verdicts = put_records(conn, counter, collection.name, documents, collections, now, by=by)
            save_counter(conn, counter)
        for verdict in verdicts:
            if verdict["verdict"] == "rejected":
                rejected.append({"id": verdict["id"], "reason": verdict["reason"]})
            else:
                changed += 1
    vanished = sorted(_live_ids(store, collection) - seen)
    for start in range(0, len(vanished), CHUNK_ROWS):
        with transaction(store) as conn:
            counter = lock_counter(conn)
            chunk = vanished[start : start + CHUNK_ROWS]
            delete_records(conn, counter, collection.name, chunk, collections, now, by=by)
            save_counter(conn, counter)
    return {
        "rows": len(seen),
        "changed": changed,
        "deleted": len(vanished),
        "rejected": len(rejected),
        "firstRejected": rejected[:REJECTED_SHOWN_MAX],
    }


def _chunks(source: sa.Engine, table: SyncTable) -> Iterator[list[dict[str, Json]]]:
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


def _live_ids(store: sa.Engine, collection: Collection) -> set[str]:
    query = sa.select(records.c.id).where(records.c.collection == collection.name, ~records.c.deleted)
    with store.connect() as conn:
        return set(conn.scalars(query))
