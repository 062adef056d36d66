"""Imports a collection's ``source`` table by a keyed diff: only changed rows get a revision."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa

from airflow_updraft.collections import Collection, Collections, Problem, TableRef
from airflow_updraft.errors import TableSyncError
from airflow_updraft.exchange.apply import Verdict
from airflow_updraft.exchange.server_changes import delete_records, put_records
from airflow_updraft.exchange.shape import id_problem
from airflow_updraft.json_values import Json, value_problem
from airflow_updraft.store.revision import lock_counter, save_counter
from airflow_updraft.store.tables import records
from airflow_updraft.store.transaction import run_transaction
from airflow_updraft.sync.column_values import key_text
from airflow_updraft.sync.source_loss import confirmed, forget_confirmation, live_records
from airflow_updraft.sync.sql_tables import SyncTable, reflect, to_field

CHUNK_ROWS = 500
IDS_AT_ONCE = 10_000
REJECTED_SHOWN_MAX = 20

KEY_SHOWN_MAX = 50

LOST_SHARE_MAX = 0.2
LOST_ROWS_MIN = 50
"""Fewer rows may always go, at any share."""


def import_source(
    store: sa.Engine,
    source: sa.Engine,
    ref: TableRef,
    collection: Collection,
    collections: Collections,
    now: datetime,
) -> dict[str, Json]:
    """Make the collection equal to its source table; return counts and schema refusals.

    Memory is bounded by a set of ids and a chunk of rows, for a table of any size. The counter is
    locked for a chunk at a time, never while the source is read: a slow source must not hold up
    devices. Raises TableSyncError; then no record is deleted, after any amount of reading.
    """
    by = f"source {ref.connection}:{ref.table}"
    table = reflect(source, ref, collection)
    seen: set[str] = set()
    changed = deleted = rejected_count = row_count = 0
    rejected: list[dict[str, Json]] = []
    for documents, unfit in _chunks(source, table, collection):
        ids = [str(document["id"]) for document in documents] + [
            row.id for row in unfit if row.id is not None
        ]
        if len(set(ids)) != len(ids) or not seen.isdisjoint(ids):
            raise TableSyncError(f"{by}: the key column {ref.key!r} is not unique")
        seen.update(ids)
        verdicts = _write(
            store,
            partial(put_records, collection=collection.name, documents=documents),
            collections,
            now,
            by,
        )
        refused = [verdict for verdict in verdicts if verdict["verdict"] == "rejected"]
        changed += len(verdicts) - len(refused)
        rejected_count += len(refused) + len(unfit)
        by_id = {document["id"]: document for document in documents}
        told = [row.told(collection) for row in unfit]
        told += [_told(collection, by_id[verdict["id"]], verdict) for verdict in refused]
        rejected += told[: REJECTED_SHOWN_MAX - len(rejected)]
        row_count += len(documents) + len(unfit)
    _refuse_a_loss(store, collection, seen, by)
    for ids in _vanished(store, collection.name, seen):
        _write(
            store,
            partial(delete_records, collection=collection.name, ids=ids),
            collections,
            now,
            by,
        )
        deleted += len(ids)
    forget_confirmation(store, collection.name)
    counts: dict[str, Json] = {
        "rows": row_count,
        "changed": changed,
        "deleted": deleted,
        "rejected": rejected_count,
        "firstRejected": rejected,
    }
    return counts


def _refuse_a_loss(store: sa.Engine, collection: Collection, seen: set[str], by: str) -> None:
    """Refuse to empty every device because a table is emptied to be filled again."""
    missing = sum(map(len, _vanished(store, collection.name, seen)))
    live = live_records(store, collection.name)
    if (
        missing < LOST_ROWS_MIN
        or missing <= live * LOST_SHARE_MAX
        or missing <= confirmed(store, collection.name)
    ):
        return
    raise TableSyncError(
        f"{by}: {missing} of {live} records have no row any more, and none was deleted: more than "
        f"{LOST_SHARE_MAX:.0%} at once is taken for a table that is being filled anew. If they are "
        "to go, run "
        f"`airflow updraft sources confirm {collection.name}` (or `python -m airflow_updraft "
        "sources confirm "
        f"{collection.name}`): the next run deletes up to that many"
    )


def _told(collection: Collection, document: dict[str, Json], verdict: Verdict) -> dict[str, Json]:
    """Return a refused row for the report: id and reason, but no values.

    More people read the report than the records.
    """
    problem = collection.problem(document) or Problem(
        verdict["reason"]["kind"], verdict["reason"]["message"]
    )
    reason = collection.without_values(problem).as_json()
    return {"reason": reason} if collection.is_private else {"id": document["id"], "reason": reason}


def _write(
    store: sa.Engine,
    change: Callable[..., list[Verdict]],
    collections: Collections,
    now: datetime,
    by: str,
) -> list[Verdict]:
    """Write a chunk in a transaction; after an unknown COMMIT a repetition changes nothing."""

    def body(conn: sa.Connection) -> list[Verdict]:
        counter = lock_counter(conn)
        verdicts = change(conn, counter, collections=collections, now=now, by=by)
        save_counter(conn, counter)
        return verdicts

    return run_transaction(store, body, repeatable=True)


@dataclass(frozen=True, slots=True)
class UnfitRow:
    """A row that cannot become a record; ``id`` is None for a key that cannot be an id."""

    id: str | None
    column: str
    message: str
    key: str = ""
    """The key that is no id, cut."""

    def told(self, collection: Collection) -> dict[str, Json]:
        """Return the row for the report: key and reason, without values."""
        reason = Problem("table", f"column {self.column!r}: {self.message}").as_json()
        if collection.is_private:
            return {"reason": reason}
        return {"id": self.key if self.id is None else self.id, "reason": reason}


def _chunks(
    source: sa.Engine, table: SyncTable, collection: Collection
) -> Iterator[tuple[list[dict[str, Json]], list[UnfitRow]]]:
    """Yield the rows as documents, by a server-side cursor: drivers would fetch the whole table."""
    query = sa.select(table.key, *table.columns)
    with source.connect().execution_options(yield_per=CHUNK_ROWS) as conn:
        for rows in conn.execute(query).partitions():
            both = [_document(row, table, collection) for row in rows]
            documents = [one for one in both if not isinstance(one, UnfitRow)]
            yield documents, [one for one in both if isinstance(one, UnfitRow)]


def _document(
    row: Sequence[Any], table: SyncTable, collection: Collection
) -> dict[str, Json] | UnfitRow:
    """Return the row as a document without NULLs: SQL has no other way to say absent."""
    key = str(table.key.name)
    record_id = None if row[0] is None else key_text(row[0])
    problem = None if record_id is None else id_problem(record_id)
    if record_id is None or problem:
        if record_id is None:
            return UnfitRow(None, key, "a row has no key")
        return UnfitRow(None, key, f"a key is no id: {problem}", record_id[:KEY_SHOWN_MAX])
    declared = collection.schema.get("properties", {})
    fields: dict[str, Json] = {}
    for column, field, value in zip(table.columns, table.fields, row[1:], strict=True):
        if value is None:
            continue
        wanted = declared.get(field)
        try:
            fields[field] = to_field(value, wanted if isinstance(wanted, dict) else None)
        except TableSyncError as error:
            return UnfitRow(record_id, str(column.name), str(error))
        if message := value_problem(fields[field]):
            return UnfitRow(record_id, str(column.name), message)
    return {"id": record_id, **fields}


def _vanished(store: sa.Engine, collection: str, seen: set[str]) -> Iterator[list[str]]:
    """Yield the ids of live records that are not in ``seen``, a chunk at a time."""
    after: str | None = None
    while True:
        query = (
            sa.select(records.c.id)
            .where(records.c.collection == collection, ~records.c.deleted)
            .order_by(records.c.id)
            .limit(IDS_AT_ONCE)
        )
        if after is not None:
            query = query.where(records.c.id > after)
        with store.connect() as conn:
            ids = conn.scalars(query).all()
        if not ids:
            return
        after = ids[-1]
        missing = [record_id for record_id in ids if record_id not in seen]
        for start in range(0, len(missing), CHUNK_ROWS):
            yield missing[start : start + CHUNK_ROWS]
