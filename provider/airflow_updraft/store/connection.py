"""A connection at a level of isolation, and the driver's own errors as SQLAlchemy's.

SQLAlchemy wraps errors of its own statements, but neither of a COPY nor of a change of the level,
which go straight to the driver. A lost connection is then told in the driver's words, which no
retry of a transaction would recognise.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import sqlalchemy as sa

from airflow_updraft.discreet import redact

Level = Literal["AUTOCOMMIT", "READ COMMITTED", "REPEATABLE READ"]

_GONE_BEFORE_USE = (
    "terminating connection",
    "closed the connection",
    "the database system is starting up",
    "the database system is shutting down",
)
"""PostgreSQL's words when a connection ended while being made: another may succeed in a moment."""


@contextmanager
def connected(engine: sa.Engine, level: Level) -> Iterator[sa.Connection]:
    """Lend a pooled connection at this level, reset to the pool's level afterwards.

    SQLAlchemy's ``execution_options(isolation_level=…)`` does the same, but raises the driver's
    errors, also when the connection is lost during the reset after COMMIT: the work would pass for
    undone, and the pool never count the connection as returned.
    """
    with _connect(engine) as conn:
        raw: Any = conn.connection.dbapi_connection
        with driver_errors(conn, f"SET ISOLATION LEVEL {level}"):
            conn.dialect.set_isolation_level(raw, level)
        try:
            yield conn
        finally:
            _reset(conn)


def _reset(conn: sa.Connection) -> None:
    """Leave the connection as the pool knows it; work done stands, even if this fails."""
    if conn.invalidated:
        return
    raw: Any = conn.connection.dbapi_connection
    try:
        conn.rollback()
        with driver_errors(conn, "RESET ISOLATION LEVEL"):
            conn.dialect.reset_isolation_level(raw)
    except sa.exc.DBAPIError as error:
        conn.invalidate(error)


def _connect(engine: sa.Engine) -> sa.Connection:
    try:
        return engine.connect()
    except sa.exc.DBAPIError as error:
        if any(words in str(error.orig) for words in _GONE_BEFORE_USE):
            # SQLAlchemy asks the connection whether it is lost, and there was no connection to ask.
            error.connection_invalidated = True
        raise


@contextmanager
def driver_errors(conn: sa.Connection, statement: str) -> Iterator[None]:
    """Raise the driver's errors in the block as SQLAlchemy's own.

    Errors decide whether the transaction is run again. ``statement`` is shown in the error, without
    values.
    """
    dbapi, raw = conn.dialect.loaded_dbapi, conn.connection.dbapi_connection
    try:
        yield
    except (dbapi.Error, SystemError) as raised:
        # psycopg2 stumbles over a connection that ends in the midst of a COPY: the driver's error
        # is then the cause.
        error = raised.__cause__ if isinstance(raised, SystemError) else raised
        if not isinstance(error, dbapi.Error):
            raise
        is_lost = conn.dialect.is_disconnect(error, raw, None)
        redact(error)
        if is_lost:
            conn.invalidate(error)
        raise sa.exc.DBAPIError.instance(
            statement,
            None,
            error,
            dbapi.Error,
            connection_invalidated=is_lost,
            dialect=conn.dialect,
        ) from error
