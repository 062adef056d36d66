"""Makes tombstones of a subject's records, and forgets what readers have set aside of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from functools import partial

import sqlalchemy as sa

from airflow_updraft.erasure.subject import ERASED, Key, Subject
from airflow_updraft.store.revision import lock_counter, save_counter
from airflow_updraft.store.tables import records, refused_changes, refused_rows
from airflow_updraft.store.transaction import run_transaction

CHUNK_ROWS = 500
"""Limit on records erased under one lock of the counter, so that devices need not wait long."""
SCANNED_MAX = 20 * CHUNK_ROWS
"""Limit on names found by one scan, which needs no lock."""

Chunk = tuple[str, Sequence[str]]
"""A collection, and ids of it."""

_c = records.c
_TOMBSTONE = (
    records.update()
    .where(_c.collection == sa.bindparam("of"), _c.id == sa.bindparam("name"))
    .values(
        revision=sa.bindparam("at"),
        fields={},
        field_revisions={},
        deleted=True,
        updated_by=ERASED,
        updated_at=sa.bindparam("now"),
    )
)


def erase_records(store: sa.Engine, subject: Subject, now: datetime) -> None:
    """Make tombstones with new revisions, by which devices and readers learn of the deletion."""
    while names := _names(store, subject.unerased):
        for chunk in _chunks(names):
            work = partial(_erase, subject=subject, chunk=chunk, now=now)
            run_transaction(store, work, repeatable=True)


def erase_labels(store: sa.Engine, user: str) -> None:
    """Replace a user's name as that of a record's last writer; no content, so no new revision."""
    wrote = _c.updated_by == user

    def replace(conn: sa.Connection, chunk: Chunk) -> None:
        here = sa.and_(wrote, _among(records, chunk))
        conn.execute(records.update().where(here).values(updated_by=ERASED))

    while names := _names(store, wrote):
        for chunk in _chunks(names):
            run_transaction(store, partial(replace, chunk=chunk), repeatable=True)


def erase_orphans(store: sa.Engine, subject: Subject) -> None:
    """Forget what readers have set aside of records that are forgotten, whoever owned these."""

    def body(conn: sa.Connection) -> None:
        for table in (refused_rows, refused_changes):
            conn.execute(table.delete().where(_is_orphan(table, subject)))

    run_transaction(store, body, repeatable=True)


def count_records(conn: sa.Connection, subject: Subject) -> tuple[dict[str, int], int]:
    """Return the live records of each collection, and the tombstones with something to erase."""
    found = sa.select(_c.collection, _c.deleted).where(subject.unerased)
    live: Counter[str] = Counter()
    tombstones = 0
    for collection, deleted in conn.execute(found):
        live[collection] += not deleted
        tombstones += bool(deleted)
    return +live, tombstones


def count_written(conn: sa.Connection, user: str) -> int:
    """Return how many live records of others a user wrote last."""
    other = sa.or_(_c.owner.is_(None), _c.owner != user)
    query = sa.select(sa.func.count()).where(_c.updated_by == user, ~_c.deleted, other)
    return conn.scalar(query) or 0


def count_set_aside(conn: sa.Connection, subject: Subject) -> tuple[int, int]:
    """Return the numbers of refused rows and of refused changes to forget."""
    counts = []
    for table in (refused_rows, refused_changes):
        here = sa.and_(table.c.collection == _c.collection, table.c.id == _c.id)
        which = sa.or_(sa.exists().where(here, subject.records), _is_orphan(table, subject))
        counts.append(conn.scalar(sa.select(sa.func.count()).select_from(table).where(which)) or 0)
    return counts[0], counts[1]


def _is_orphan(table: sa.Table, subject: Subject) -> sa.ColumnElement[bool]:
    here = sa.and_(_c.collection == table.c.collection, _c.id == table.c.id)
    orphan = ~sa.exists().where(here)
    if subject.record is None:
        return orphan
    collection, record_id = subject.record
    return sa.and_(orphan, _among(table, (collection, [record_id])))


def _names(store: sa.Engine, which: sa.ColumnElement[bool]) -> list[Key]:
    with store.connect() as conn:
        rows = conn.execute(sa.select(_c.collection, _c.id).where(which).limit(SCANNED_MAX))
        return [(collection, record_id) for collection, record_id in rows]


def _chunks(names: Sequence[Key]) -> list[Chunk]:
    of_each = defaultdict[str, list[str]](list)
    for collection, record_id in names:
        of_each[collection].append(record_id)
    return [
        (collection, ids[at : at + CHUNK_ROWS])
        for collection, ids in of_each.items()
        for at in range(0, len(ids), CHUNK_ROWS)
    ]


def _among(table: sa.Table, chunk: Chunk) -> sa.ColumnElement[bool]:
    # By the primary key: SQLite reads the whole table for a list of pairs.
    collection, ids = chunk
    return sa.and_(table.c.collection == collection, table.c.id.in_(ids))


def _erase(conn: sa.Connection, subject: Subject, chunk: Chunk, now: datetime) -> None:
    counter = lock_counter(conn)
    # Read again under the lock: a record may have been given to another user meanwhile.
    still = sa.select(_c.id).where(subject.unerased, _among(records, chunk))
    collection, erased = chunk[0], conn.scalars(still).all()
    if not erased:
        return
    conn.execute(
        _TOMBSTONE,
        [{"of": collection, "name": name, "at": counter.next(), "now": now} for name in erased],
    )
    for table in (refused_rows, refused_changes):
        conn.execute(table.delete().where(_among(table, (collection, erased))))
    save_counter(conn, counter)
