"""A pooled connection that died while idle is replaced; a recently used connection is not asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_updraft.plugin.pings import IDLE_SECONDS, ping_idle_connections


class Idle:
    """An engine with a single connection, and a clock set by hand."""

    def __init__(self, url: sa.URL) -> None:
        self.now = 0.0
        self.engine = sa.create_engine(url, pool_size=1, max_overflow=0)
        self.pings = 0
        ping = self.engine.dialect.do_ping

        def counted(connection: Any) -> bool:
            self.pings += 1
            return ping(connection)

        self.engine.dialect.do_ping = counted  # type: ignore[method-assign]
        ping_idle_connections(self.engine, lambda: self.now)

    def backend(self) -> int:
        with self.engine.connect() as conn:
            return int(conn.scalar(sa.text("SELECT pg_backend_pid()")) or 0)


@pytest.fixture
def idle(server_engine: sa.Engine) -> Iterator[Idle]:
    idle = Idle(server_engine.url)
    yield idle
    idle.engine.dispose()


def test_connection_that_died_while_idle_is_replaced(idle: Idle, server_engine: sa.Engine) -> None:
    """fault 30: the database was restarted, or a firewall forgot the connection."""
    first = idle.backend()
    with server_engine.connect() as other:
        assert other.scalar(
            sa.text("SELECT pg_terminate_backend(:backend, 5000)"), {"backend": first}
        )
    idle.now += IDLE_SECONDS
    assert idle.backend() != first


def test_connection_is_asked_after_a_while_alone(idle: Idle) -> None:
    first = idle.backend()
    idle.now += IDLE_SECONDS / 2
    assert (idle.backend(), idle.pings) == (first, 0)
    idle.now += IDLE_SECONDS
    assert (idle.backend(), idle.pings) == (first, 1)
