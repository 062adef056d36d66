"""When to ring for a target: while its table lacks a change, or its followers an event.

The target's own cursor says what is missing, so the bell keeps nothing: a new triggerer finds the
target behind, and rings. A ring is out until the cursor reaches the revision rung for; news
meanwhile is exported by that same run. Where the cursor stands still for PATIENCE_S the ring may be
lost, or the export failed: the bell rings again, after twice as long each time. Writes that the
followers of the target's asset were not told of, since their export was killed or was the
schedule's, are rung for likewise.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from airflow_updraft.store.cursors import EXPIRED, TARGET, UNTOLD
from airflow_updraft.store.tables import consumers, records

PATIENCE_S, PATIENCE_S_MAX = 20.0, 300.0


@dataclass(slots=True)
class _Ring:
    """The ring that is out: for which revision, and since when the cursor stands where it does."""

    revision: int
    cursor: int
    since: float
    patience_s: float = PATIENCE_S


class TargetBell:
    """Asks whether a target is behind; ``clock`` is monotonic, in seconds. For one thread."""

    def __init__(
        self, store: sa.Engine, collection: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._clock = clock
        self._out: _Ring | None = None
        head = sa.select(sa.func.max(records.c.revision)).where(records.c.collection == collection)
        kept = [
            sa.select(consumers.c.revision)
            .where(consumers.c.name == name, consumers.c.collection == collection)
            .scalar_subquery()
            for name in (TARGET, UNTOLD)
        ]
        parts = [sa.func.coalesce(part, 0) for part in (head.scalar_subquery(), *kept)]
        self._question: sa.Select[Any] = sa.select(*parts)

    def ask(self) -> int | None:
        """Return the revision to ring for, or None. Refused rows are behind the cursor: no news."""
        with self._store.connect() as conn:
            newest, cursor, is_untold = conn.execute(self._question).one()
        if cursor == EXPIRED or not (newest > cursor or is_untold):
            self._out = None
            return None
        return newest if self._is_due(newest, cursor) else None

    def _is_due(self, newest: int, cursor: int) -> bool:
        """Tell whether to ring for a target that is behind or untold, and note the ring."""
        now, out = self._clock(), self._out
        is_news = out is not None and newest > cursor >= out.revision
        if out is None or is_news or newest < out.revision:  # of a restored store
            self._out = _Ring(newest, cursor, now)
            return True
        if cursor != out.cursor:
            self._out = _Ring(out.revision, cursor, now)
            return False
        if now - out.since < out.patience_s:
            return False
        self._out = _Ring(newest, cursor, now, min(2 * out.patience_s, PATIENCE_S_MAX))
        return True

    def has_store(self, store: sa.Engine) -> bool:
        """Tell whether this engine is of the same database."""
        return store.url == self._store.url

    def close(self) -> None:
        """Give the connections back."""
        self._store.dispose()
