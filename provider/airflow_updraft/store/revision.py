"""The locked revision counter: commit order is revision order."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from airflow_updraft.store.pipelining import Statement
from airflow_updraft.store.tables import meta


@dataclass(slots=True)
class Counter:
    """The store's ever-growing number, held by the transaction that locked the row."""

    epoch: str
    revision: int
    horizon: int
    bond: str | None = None

    def next(self) -> int:
        """Take the next revision."""
        self.revision += 1
        return self.revision


def lock_counter(conn: sa.Connection) -> Counter:
    """Lock the counter row until the transaction ends.

    Without the lock a writer could commit a lower revision after a reader had passed that revision:
    the reader would skip the change.
    """
    return Counter(*conn.execute(_LOCK).one())


def read_counter(conn: sa.Connection) -> Counter:
    """Read the counter without a lock; the counter may have moved since."""
    return Counter(*conn.execute(_READ).one())


_READ = sa.select(meta.c.epoch, meta.c.revision, meta.c.horizon, meta.c.bond).where(meta.c.id == 1)
# A separate statement: read in the same statement, rows of another table would be as of before the
# wait for the lock.
_LOCK = _READ.with_for_update()
LOCK = sa.text("SELECT 1 FROM updraft_meta WHERE id = 1 FOR UPDATE")
"""The bare lock for PostgreSQL, followed by reads under the lock."""


def save_counter(conn: sa.Connection, counter: Counter) -> None:
    """Write the counter back, in the transaction that locked the row."""
    conn.execute(*saving(counter))


def saving(counter: Counter) -> Statement:
    """Return the statement that writes the counter back."""
    return _SAVE, {
        "store_epoch": counter.epoch,
        "store_revision": counter.revision,
        "horizon": counter.horizon,
    }


_SAVE = sa.text(
    "UPDATE updraft_meta SET epoch = :store_epoch, revision = :store_revision, horizon = :horizon "
    "WHERE id = 1"
)
