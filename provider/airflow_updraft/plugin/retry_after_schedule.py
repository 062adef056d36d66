"""Retry times for callers that the gate turns away: in single file, at the pace of the work."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable

SECONDS_EACH_AT_FIRST = 0.02
WEIGHT_OF_THE_LAST = 0.02
PAUSE_MAX = 1.5
"""In multiples of the average time; a server that became slower is still noticed after some pieces.
"""
LATENESS = 1.1
"""A device comes up to a fifth later than told (``sw/replay/backoff.ts``), a tenth on average."""
RETRY_SECONDS_MIN = 1
RETRY_SECONDS_MAX = 60


class RetryAfterSchedule:
    """Gives each caller a separate moment, after the callers already waiting; for one event loop.

    A thousand devices that come back at once and are all told "in a few seconds" would come back at
    once again: most of the server's work would then be turning devices away.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seconds_each = SECONDS_EACH_AT_FIRST
        self._last_end: float | None = None
        self._next = -math.inf

    def note_end(self, *, others_wait: bool) -> None:
        """Learn the pace from the ends of two pieces between which other work always waited.

        A piece's own duration tells little: in a storm most of that is waiting for the others'
        turn. A pause, such as the moment in which a thousand are turned away, may not delay all
        later callers.
        """
        now = self._clock()
        if self._last_end is not None:
            seconds = min(now - self._last_end, PAUSE_MAX * self._seconds_each)
            self._seconds_each += WEIGHT_OF_THE_LAST * (seconds - self._seconds_each)
        self._last_end = now if others_wait else None

    def next(self, waiting: int) -> int:
        """Return the seconds until this caller's turn, after ``waiting`` others in the line."""
        now = self._clock()
        turn = max(self._next, now + max(RETRY_SECONDS_MIN, waiting * self._seconds_each))
        if turn - now > RETRY_SECONDS_MAX:
            # Nothing is known so far ahead: any moment in the later half will do.
            return random.randint(RETRY_SECONDS_MAX // 2, RETRY_SECONDS_MAX)  # noqa: S311
        self._next = turn + self._seconds_each
        return max(RETRY_SECONDS_MIN, math.floor((turn - now) / LATENESS))
