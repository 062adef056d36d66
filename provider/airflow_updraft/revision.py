"""The locked revision counter: commit order is revision order."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from airflow_updraft.tables import meta


@dataclass(slots=True)
class Counter:
    """The store's one ever-growing number, held by the transaction that locked it."""

    epoch: str
    revision: int
    horizon: int

    def next(self) -> int:
        """Take the next revision."""
        self.revision += 1
        return self.revision


def lock_counter(conn: sa.Connection) -> Counter:
    """Lock the counter row until the transaction ends.

    Without the lock a writer could commit a lower revision after a reader had passed it: the reader would skip it.
    """
    return Counter(*conn.execute(_LOCK).one())


def read_counter(conn: sa.Connection) -> Counter:
    """Read the counter as it is, or was: nobody has locked it."""
    return Counter(*conn.execute(_READ).one())


_READ = sa.select(meta.c.epoch, meta.c.revision, meta.c.horizon).where(meta.c.id == 1)
# A statement of its own. Read in the same one, another table's rows would be those from before the wait for the lock.
_LOCK = _READ.with_for_update()


def save_counter(conn: sa.Connection, counter: Counter) -> None:
    """Write the counter back, in the transaction that locked it."""
    new = {"new_epoch": counter.epoch, "new_revision": counter.revision, "new_horizon": counter.horizon}
    conn.execute(_SAVE, new)


# Made once: making it costs more than running it.
_SAVE = (
    meta.update()
    .where(meta.c.id == 1)
    .values({name: sa.bindparam(f"new_{name}") for name in ("epoch", "revision", "horizon")})
)
