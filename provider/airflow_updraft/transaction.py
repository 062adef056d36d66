"""One writing transaction, begun as each database needs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

SQLITE_WAIT_MS = 30_000


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
