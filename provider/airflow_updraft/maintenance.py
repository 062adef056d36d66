"""Forgets what nobody needs any more: old tombstones and gone entries. Knows nothing of Airflow.

Replicas' rows (the ledger) are never pruned, however long a device was away. The row alone tells a resend from a new
batch: without it the batch that a phone sealed before it was lost in a drawer would be applied twice when the phone
comes back. A row is small, there is one a device, and it holds only the last batch's verdicts. What is safe is to
delete the row of a device that is known to be destroyed or wiped; nobody but a person can know that.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa

from airflow_updraft.cursors import EXPIRED
from airflow_updraft.json_values import Json
from airflow_updraft.revision import lock_counter, save_counter
from airflow_updraft.server_changes import Pruned, prune, readers_behind
from airflow_updraft.tables import consumers, gone, meta, records
from airflow_updraft.transaction import run_transaction

CHUNK_TOMBSTONES = 5_000
"""How many are forgotten under one lock of the counter, so that devices need not wait for long."""


def prune_store(store: sa.Engine, now: datetime, tombstone_days: float, consumer_days: float) -> dict[str, Json]:
    """Forget tombstones older than ``tombstone_days``; return counts and who was in the way.

    A consumer or target that has not read a tombstone keeps it, and all later ones, until it is older than
    ``consumer_days``: then the reader is marked expired, and its next run fails with what to do.
    """
    oldest = revision_before(store, now - timedelta(days=max(tombstone_days, consumer_days)))
    run_transaction(store, lambda conn: _expire(conn, oldest), repeatable=True)
    up_to = revision_before(store, now - timedelta(days=tombstone_days))
    tombstones = left = 0
    while chunk_end := _next_chunk_end(store, up_to):
        done = run_transaction(store, partial(_prune, up_to=chunk_end))
        tombstones, left = tombstones + done.tombstones, left + done.gone
        if done.horizon < chunk_end:
            break
    lost = sa.select(consumers.c.name, consumers.c.collection).where(consumers.c.revision == EXPIRED)
    with store.connect() as conn:
        return {
            "horizon": conn.scalar(sa.select(meta.c.horizon)),
            "tombstones": tombstones,
            "gone": left,
            "heldBackBy": [asdict(reader) for reader in readers_behind(conn) if reader.first_unread <= up_to],
            "expired": [dict(row) for row in conn.execute(lost).mappings()],
        }


def revision_before(store: sa.Engine, moment: datetime) -> int:
    """The last revision before the first record that was written at or after the moment.

    The rows' times are labels by the servers' clocks. One that was wrong can only make devices re-read, or
    tombstones stay for longer: nothing else hangs on it.
    """
    first_later = sa.select(sa.func.min(records.c.revision)).where(records.c.updated_at >= moment)
    with store.connect() as conn:
        # The counter first: what is written between the two statements lies above it.
        counter = conn.execute(sa.select(meta.c.revision).where(meta.c.id == 1)).scalar_one()
        first = conn.scalar(first_later)
    return int(counter if first is None else first - 1)


def _next_chunk_end(store: sa.Engine, up_to: int) -> int | None:
    """The revision of the last of the next few to forget; None where there is nothing to forget."""
    deleted = sa.select(records.c.revision).where(records.c.deleted, records.c.revision <= up_to)
    left = sa.select(gone.c.revision).where(gone.c.revision <= up_to)
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
