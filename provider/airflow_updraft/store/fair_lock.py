"""A lock taken as a courtesy: after a timeout the thread goes on without the lock.

Under the GIL parallel planning only slows the thread that holds the database lock, so threads plan
one at a time. Correctness never depends on this lock.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from weakref import WeakKeyDictionary

import sqlalchemy as sa


class FairLock:
    """Lets the threads of this process that work on the same engine go one after the other."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._locks: WeakKeyDictionary[sa.Engine, Lock] = WeakKeyDictionary()

    @contextmanager
    def take(self, engine: sa.Engine, wait_seconds_max: float) -> Iterator[None]:
        """Run the block when this thread's turn comes, or after ``wait_seconds_max``."""
        with self._lock:
            lock = self._locks.setdefault(engine, Lock())
        is_mine = lock.acquire(timeout=wait_seconds_max)
        try:
            yield
        finally:
            if is_mine:
                lock.release()
