"""One thread at a time, as a courtesy: who has waited long enough goes on all the same, and nothing depends on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from weakref import WeakKeyDictionary

import sqlalchemy as sa


class Turns:
    """Lets the threads of this process that work on the same engine go one after the other."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._turns: WeakKeyDictionary[sa.Engine, Lock] = WeakKeyDictionary()

    @contextmanager
    def take(self, engine: sa.Engine, wait_seconds_max: float) -> Iterator[None]:
        """Run the block when it is this thread's turn, or after ``wait_seconds_max``."""
        with self._lock:
            turn = self._turns.setdefault(engine, Lock())
        is_mine = turn.acquire(timeout=wait_seconds_max)
        try:
            yield
        finally:
            if is_mine:
                turn.release()
