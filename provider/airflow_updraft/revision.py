"""The writer's transaction and the locked revision counter: commit order is revision order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from airflow_updraft.tables import meta

SQLITE_WAIT_MS = 30_000


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


@contextmanager
def transaction(engine: sa.Engine) -> Iterator[sa.Connection]:
    """One writing transaction: committed at the end of the block, rolled back by any error."""
    if engine.dialect.name != "sqlite":
        # READ COMMITTED is enough because every writer locks the counter first, and better than a stricter level:
        # the statement after the lock sees what the transaction it waited for has committed.
        with engine.connect().execution_options(isolation_level="READ COMMITTED") as conn, conn.begin():
            yield conn
        return
    # The driver would begin a deferred transaction; two of those that read and then write fail each other.
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.exec_driver_sql(f"PRAGMA busy_timeout={SQLITE_WAIT_MS}")
        conn.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            yield conn
        except BaseException:
            conn.exec_driver_sql("ROLLBACK")
            raise
        conn.exec_driver_sql("COMMIT")


def lock_counter(conn: sa.Connection) -> Counter:
    """Lock the counter row until the transaction ends.

    Without the lock a writer could commit a lower revision after a reader had passed it: the reader would skip it.
    """
    query = sa.select(meta.c.epoch, meta.c.revision, meta.c.horizon).where(meta.c.id == 1).with_for_update()
    return Counter(*conn.execute(query).one())


def save_counter(conn: sa.Connection, counter: Counter) -> None:
    """Write the counter back, in the transaction that locked it."""
    conn.execute(
        meta.update()
        .where(meta.c.id == 1)
        .values(epoch=counter.epoch, revision=counter.revision, horizon=counter.horizon)
    )
