"""Forgets old tombstones and revoked views. Knows nothing of Airflow.

Replicas' rows (the ledger) are never pruned, after any absence of a device. The row alone tells a
resend from a new batch: without the row, the batch that a phone sealed before the phone was lost in
a drawer would be applied twice when the phone comes back. A row is small, each device has a single
row, and the row holds only the last batch's verdicts. The row of a device that is known to be
destroyed or wiped can be deleted safely; nobody but a person can know that.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa

from airflow_updraft.json_values import Json
from airflow_updraft.store.cursors import BELL, EXPIRED, UNTOLD
from airflow_updraft.store.revision import Counter, lock_counter, save_counter
from airflow_updraft.store.tables import consumers, meta, records, revoked_views
from airflow_updraft.store.transaction import run_transaction

CHUNK_TOMBSTONES = 5_000
"""Limit on tombstones forgotten under one lock of the counter, so that devices need not wait long.
"""


def prune_store(
    store: sa.Engine, now: datetime, tombstone_days: float, consumer_days: float
) -> dict[str, Json]:
    """Forget tombstones older than ``tombstone_days``; return counts and the readers in the way.

    A consumer or target that has not read a tombstone keeps that tombstone, and all later
    tombstones, until older than ``consumer_days``: then the reader is marked expired, and the
    reader's next run fails with the remedy.
    """
    oldest = revision_before(store, now - timedelta(days=max(tombstone_days, consumer_days)))
    run_transaction(store, lambda conn: _expire(conn, oldest), repeatable=True)
    up_to = revision_before(store, now - timedelta(days=tombstone_days))
    tombstones = left = 0
    while chunk_end := _next_chunk_end(store, up_to):
        done = run_transaction(store, partial(_prune, up_to=chunk_end))
        tombstones, left = tombstones + done.tombstones, left + done.views
        if done.horizon < chunk_end:
            break
    lost = sa.select(consumers.c.name, consumers.c.collection).where(
        consumers.c.revision == EXPIRED
    )
    with store.connect() as conn:
        return {
            "horizon": conn.scalar(sa.select(meta.c.horizon)),
            "tombstones": tombstones,
            "gone": left,
            "heldBackBy": [
                asdict(reader) for reader in readers_behind(conn) if reader.first_unread <= up_to
            ],
            "expired": [dict(row) for row in conn.execute(lost).mappings()],
        }


def revision_before(store: sa.Engine, moment: datetime) -> int:
    """Return the last revision before the first record written at or after the moment.

    The rows' times are labels by the servers' clocks. A wrong clock can only make devices re-read,
    or tombstones stay for longer: nothing else hangs on a time.
    """
    first_later = sa.select(sa.func.min(records.c.revision)).where(records.c.updated_at >= moment)
    with store.connect() as conn:
        # The counter is read first: writes between the two statements lie above the counter.
        counter = conn.execute(sa.select(meta.c.revision).where(meta.c.id == 1)).scalar_one()
        first = conn.scalar(first_later)
    return int(counter if first is None else first - 1)


def _next_chunk_end(store: sa.Engine, up_to: int) -> int | None:
    """Return the revision of the last of the next few to forget, or None."""
    deleted = sa.select(records.c.revision).where(records.c.deleted, records.c.revision <= up_to)
    left = sa.select(revoked_views.c.revision).where(revoked_views.c.revision <= up_to)
    both = sa.union_all(deleted, left).subquery()
    few = sa.select(both.c.revision).order_by(both.c.revision).limit(CHUNK_TOMBSTONES).subquery()
    with store.connect() as conn:
        found: int | None = conn.scalar(sa.select(sa.func.max(few.c.revision)))
        return found


def _prune(conn: sa.Connection, up_to: int) -> Pruned:
    counter = lock_counter(conn)
    done = prune(conn, counter, up_to)
    save_counter(conn, counter)
    return done


def _expire(conn: sa.Connection, oldest: int) -> None:
    for reader in readers_behind(conn):
        if reader.first_unread <= oldest:
            here = (consumers.c.name == reader.name, consumers.c.collection == reader.collection)
            conn.execute(consumers.update().where(*here).values(revision=EXPIRED))


@dataclass(frozen=True, slots=True)
class Pruned:
    """Counts of forgotten rows, and the store's ``horizon`` afterwards."""

    horizon: int
    tombstones: int
    views: int


def prune(conn: sa.Connection, counter: Counter, up_to: int) -> Pruned:
    """Forget tombstones and revoked views up to a revision; devices further behind will re-read.

    Pruning stops before a tombstone that a consumer or target has yet to read: such a reader does
    not re-read, and would miss the deletion.
    """
    unread = [reader.first_unread for reader in readers_behind(conn)]
    horizon = min([up_to, counter.revision, *(revision - 1 for revision in unread)])
    tombstones = conn.execute(
        records.delete().where(records.c.deleted, records.c.revision <= horizon)
    ).rowcount
    left = conn.execute(revoked_views.delete().where(revoked_views.c.revision <= horizon)).rowcount
    counter.horizon = max(counter.horizon, horizon)
    return Pruned(counter.horizon, tombstones, left)


@dataclass(frozen=True, slots=True)
class ReaderBehind:
    """A consumer or target with unread tombstones, from revision ``first_unread`` on."""

    name: str
    collection: str
    first_unread: int


def readers_behind(conn: sa.Connection) -> list[ReaderBehind]:
    """Return the readers that pruning must wait for, without the bell, which reads no content."""
    unread = sa.and_(
        records.c.collection == consumers.c.collection,
        records.c.deleted,
        records.c.revision > consumers.c.revision,
    )
    query = (
        sa.select(consumers.c.name, consumers.c.collection, sa.func.min(records.c.revision))
        .join(records, unread)
        .where(consumers.c.name.not_in((BELL, UNTOLD)), consumers.c.revision != EXPIRED)
        .group_by(consumers.c.name, consumers.c.collection)
    )
    return [ReaderBehind(*row) for row in conn.execute(query)]
