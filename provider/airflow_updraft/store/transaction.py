"""A writing transaction, begun as each database needs, and run again if without second effect."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import sqlalchemy as sa

from airflow_updraft.errors import CommitUnknownError
from airflow_updraft.store.connection import connected
from airflow_updraft.store.fair_lock import FairLock

Result = TypeVar("Result")

_writers = FairLock()

SQLITE_WAIT_MS = 2_000
"""How long an attempt waits for another process's writer; with ATTEMPTS_MAX about 10 s in all."""

SQLITE_CACHE_KIB = 65_536
"""Memory of a connection for pages of the store."""

ATTEMPTS_MAX = 5
PAUSE_MAX_S = 0.5
"""Longest pause after the first attempt; each further pause may be twice as long, 3.75 s in all."""

_SERIALIZATION_FAILURE, _DEADLOCK = "40001", "40P01"
_SQLITE_BUSY, _SQLITE_LOCKED = 5, 6


@dataclass(frozen=True, slots=True)
class Pace:
    """The waits between attempts, injected, so that tests need not wait."""

    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] = random.random

    def pause(self, attempt: int) -> None:
        """Wait after this failed attempt (from 1), with full jitter against a second collision."""
        self.sleep(self.random() * PAUSE_MAX_S * 2 ** (attempt - 1))


def run_transaction(
    engine: sa.Engine,
    body: Callable[[sa.Connection], Result],
    *,
    repeatable: bool = False,
    pace: Pace | None = None,
) -> Result:
    """Run ``body`` in a transaction and return the result once committed.

    The body is run again, in a new transaction and at most ATTEMPTS_MAX times, after a lock
    timeout, a deadlock, a serialization failure, or a connection lost before COMMIT: nothing was
    written then. After a connection lost during COMMIT the outcome is unknown. A ``repeatable``
    body finds its own earlier writes (an exchange: by the ledger) and is run again; any other
    raises CommitUnknownError. All other errors rise at once.
    """
    pace = pace or Pace()
    attempt = 1
    while True:
        try:
            with transaction(engine) as conn:
                return body(conn)
        except CommitUnknownError:
            if not repeatable or attempt == ATTEMPTS_MAX:
                raise
        except sa.exc.DBAPIError as error:
            if not _is_passing(error) or attempt == ATTEMPTS_MAX:
                raise
        pace.pause(attempt)
        attempt += 1


def _is_passing(error: sa.exc.DBAPIError) -> bool:
    """Tell whether the failed transaction may succeed when run again."""
    if error.connection_invalidated:
        return True
    cause = error.orig
    state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    # The low byte: SQLITE_BUSY_SNAPSHOT and its like are kinds of SQLITE_BUSY.
    sqlite_code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    return state in (_SERIALIZATION_FAILURE, _DEADLOCK) or sqlite_code in (
        _SQLITE_BUSY,
        _SQLITE_LOCKED,
    )


@contextmanager
def transaction(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open a writing transaction: committed at the end of the block, rolled back by any error.

    Raises CommitUnknownError if the connection was lost during COMMIT, which may have succeeded.
    """
    begin = _sqlite_transaction if engine.dialect.name == "sqlite" else _server_transaction
    with begin(engine) as conn:
        yield conn


@contextmanager
def _server_transaction(engine: sa.Engine) -> Iterator[sa.Connection]:
    # READ COMMITTED is enough because every writer locks the counter first, and better than a
    # stricter level: the statement after the lock sees the commits that the transaction waited for.
    with connected(engine, "READ COMMITTED") as conn, conn.begin() as work:
        yield conn
        try:
            work.commit()
        except sa.exc.DBAPIError as error:
            if error.connection_invalidated:
                raise CommitUnknownError from error
            raise


@contextmanager
def _sqlite_transaction(engine: sa.Engine) -> Iterator[sa.Connection]:
    # The driver would begin a deferred transaction; two deferred transactions that read and then
    # write fail each other.
    with (
        # SQLite waits by polling, up to 100 ms too long each time. After the timeout the thread
        # asks SQLite all the same, and learns that the database is locked.
        _writers.take(engine, SQLITE_WAIT_MS / 1000),
        connected(engine, "AUTOCOMMIT") as conn,
    ):
        _set_up_sqlite(conn)
        conn.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            yield conn
            conn.exec_driver_sql("COMMIT")
        except BaseException:
            # Some errors (a full disk) have rolled back already.
            if (
                conn.connection.dbapi_connection is not None
                and conn.connection.dbapi_connection.in_transaction
            ):
                conn.exec_driver_sql("ROLLBACK")
            raise


def _set_up_sqlite(conn: sa.Connection) -> None:
    """Configure each new connection of the pool once."""
    if "updraft" in conn.info:
        return
    conn.exec_driver_sql(f"PRAGMA busy_timeout={SQLITE_WAIT_MS}")
    # Answered writes must survive a power cut, with any default that this SQLite was built with.
    conn.exec_driver_sql("PRAGMA synchronous=FULL")
    # With the default of 2 MB an exchange with a large store would read the same index pages again
    # and again.
    conn.exec_driver_sql(f"PRAGMA cache_size=-{SQLITE_CACHE_KIB}")
    conn.info["updraft"] = True
