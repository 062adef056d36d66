"""Tests an idle pooled connection before use, unless the connection was used a moment ago."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

IDLE_SECONDS = 1.0


def ping_idle_connections(engine: sa.Engine, clock: Callable[[], float] = time.monotonic) -> None:
    """Replace a connection that died while idle, before a statement fails.

    ``pool_pre_ping`` does the same with a round trip even between consecutive exchanges: a
    connection that dies in between is lost in a transaction, which is run again.
    """
    used = "updraft_used"

    @sa.event.listens_for(engine, "checkin")
    def _note(_: Any, record: Any) -> None:
        record.info[used] = clock()

    @sa.event.listens_for(engine, "checkout")
    def _ping(connection: Any, record: Any, _: Any) -> None:
        # A new connection has not been used.
        if clock() - record.info.get(used, math.inf) < IDLE_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            # The pool tries again, with another connection.
            raise sa.exc.DisconnectionError from error
