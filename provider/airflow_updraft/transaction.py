"""One writing transaction, begun as each database needs it, and run again where that has no second effect."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import sqlalchemy as sa

from airflow_updraft.errors import CommitUnknownError
from airflow_updraft.turns import Turns

Result = TypeVar("Result")

_writers = Turns()

SQLITE_WAIT_MS = 2_000
"""How long one attempt waits for another process's writer; with ATTEMPTS_MAX about 10 s in all."""

SQLITE_CACHE_KIB = 65_536
"""Memory one connection may use for pages of the store."""

ATTEMPTS_MAX = 5
PAUSE_MAX_S = 0.5
"""Longest pause after the first attempt; each further one may be twice as long, 3.75 s in all."""

_SERIALIZATION_FAILURE, _DEADLOCK = "40001", "40P01"
_SQLITE_BUSY, _SQLITE_LOCKED = 5, 6


@dataclass(frozen=True, slots=True)
class Pace:
    """What retries wait by; injected, so that tests need not wait."""

    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] = random.random

    def pause(self, attempt: int) -> None:
        """Wait after this failed attempt (from 1): full jitter, so that two that collided do not meet again."""
        self.sleep(self.random() * PAUSE_MAX_S * 2 ** (attempt - 1))


def run_transaction(
    engine: sa.Engine,
    body: Callable[[sa.Connection], Result],
    *,
    repeatable: bool = False,
    pace: Pace | None = None,
) -> Result:
    """Run ``body`` in one transaction and return its result once that is committed.

    It is run again, on a new transaction and at most ATTEMPTS_MAX times, where the database was locked, saw a
    deadlock or a serialization failure, or lost the connection before COMMIT: nothing of it was written then.
    Where the connection is lost during COMMIT nobody knows. A ``repeatable`` body finds by itself what it wrote
    (an exchange: the ledger) and is run again; any other raises CommitUnknownError. All other errors rise at once.
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
    """Tell whether the failed transaction may succeed when it is run again."""
    if error.connection_invalidated:
        return True
    cause = error.orig
    state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    # The low byte: SQLITE_BUSY_SNAPSHOT and its like are kinds of SQLITE_BUSY.
    sqlite_code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    return state in (_SERIALIZATION_FAILURE, _DEADLOCK) or sqlite_code in (_SQLITE_BUSY, _SQLITE_LOCKED)


@contextmanager
def transaction(engine: sa.Engine) -> Iterator[sa.Connection]:
    """One writing transaction: committed at the end of the block, rolled back by any error.

    Raises CommitUnknownError where the connection was lost during COMMIT; it may have been committed.
    """
    begin = _sqlite_transaction if engine.dialect.name == "sqlite" else _server_transaction
    with begin(engine) as conn:
        yield conn


@contextmanager
def _server_transaction(engine: sa.Engine) -> Iterator[sa.Connection]:
    # READ COMMITTED is enough because every writer locks the counter first, and better than a stricter level:
    # the statement after the lock sees what the transaction it waited for has committed.
    with engine.connect().execution_options(isolation_level="READ COMMITTED") as conn, conn.begin() as work:
        yield conn
        try:
            work.commit()
        except sa.exc.DBAPIError as error:
            if error.connection_invalidated:
                raise CommitUnknownError from error
            raise


@contextmanager
def _sqlite_transaction(engine: sa.Engine) -> Iterator[sa.Connection]:
    # The driver would begin a deferred transaction; two of those that read and then write fail each other.
    with (
        # Waiting for SQLite itself means polling, up to 100 ms too long each time. Whoever waits too long here asks
        # it all the same, and is told by it that the database is locked.
        _writers.take(engine, SQLITE_WAIT_MS / 1000),
        engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn,
    ):
        _set_up_sqlite(conn)
        conn.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            yield conn
            conn.exec_driver_sql("COMMIT")
        except BaseException:
            # Some errors (a full disk) have rolled back already.
            if conn.connection.dbapi_connection is not None and conn.connection.dbapi_connection.in_transaction:
                conn.exec_driver_sql("ROLLBACK")
            raise


def _set_up_sqlite(conn: sa.Connection) -> None:
    """Once for each of the pool's connections."""
    if "updraft" in conn.info:
        return
    conn.exec_driver_sql(f"PRAGMA busy_timeout={SQLITE_WAIT_MS}")
    # What was answered must survive a power cut, whatever this SQLite was built to do by default.
    conn.exec_driver_sql("PRAGMA synchronous=FULL")
    # With the default of 2 MB an exchange with a large store would read the same index pages again and again.
    conn.exec_driver_sql(f"PRAGMA cache_size=-{SQLITE_CACHE_KIB}")
    conn.info["updraft"] = True
