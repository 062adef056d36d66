"""A turn at work that two processes must not do at once, such as writing a target table.

A turn ends with its process: nobody has to clean up after one that was killed.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from zlib import crc32

import sqlalchemy as sa

from airflow_updraft.store.connection import connected

_OURS = 0x75706472
"""The first half of the advisory lock's key: no application's own lock is waited for."""
_KEEPALIVE = {
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}


@contextmanager
def turn_at(store: sa.Engine, work: str) -> Iterator[None]:
    """Run the block while no other process is in a block of the same work on this store.

    PostgreSQL's advisory lock belongs to a separate transaction, and so holds behind a pooler of
    transactions too. A machine that vanished is noticed within a minute, not after two hours. With
    SQLite, the store of a single machine, the lock is a file beside the store.
    """
    if store.dialect.name == "sqlite":
        with _file_lock(store):
            yield
        return
    key = crc32(work.encode()) - 2**31
    with connected(store, "READ COMMITTED") as conn, conn.begin():
        noticed = [sa.func.set_config(name, value, sa.true()) for name, value in _KEEPALIVE.items()]
        conn.execute(sa.select(*noticed, sa.func.pg_advisory_xact_lock(_OURS, key)))
        yield


@contextmanager
def _file_lock(store: sa.Engine) -> Iterator[None]:
    if not (database := store.url.database) or database == ":memory:":
        yield
        return
    file = os.open(f"{database}.turn", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)
