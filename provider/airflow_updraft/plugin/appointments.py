"""When those whom the gate turns away shall come back: one after the other, as fast as the work goes."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable

SECONDS_EACH_AT_FIRST = 0.02
WEIGHT_OF_THE_LAST = 0.02
PAUSE_MAX = 1.5
"""In times of what a piece takes; a server that became slower is still noticed, after some pieces more."""
LATENESS = 1.1
"""A device comes up to a fifth later than it is told (``sw/replay/backoff.ts``), a tenth on average."""
RETRY_SECONDS_MIN = 1
RETRY_SECONDS_MAX = 60


class Appointments:
    """Gives each caller a moment of its own, after those who wait already. Used by one event loop.

    A thousand devices that come back at once and are all told "in a few seconds" would come back at once again: most
    of what the server then does is turning them away.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seconds_each = SECONDS_EACH_AT_FIRST
        self._last_end: float | None = None
        self._next = -math.inf

    def note_end(self, *, others_wait: bool) -> None:
        """Learn how fast the work goes, from the ends of two pieces between which there was always another to do.

        Not from how long a piece takes: in a storm most of that is waiting for the others' turn. One pause, such as
        that in which a thousand are turned away, may not make all the others' appointments too late.
        """
        now = self._clock()
        if self._last_end is not None:
            seconds = min(now - self._last_end, PAUSE_MAX * self._seconds_each)
            self._seconds_each += WEIGHT_OF_THE_LAST * (seconds - self._seconds_each)
        self._last_end = now if others_wait else None

    def next(self, waiting: int) -> int:
        """Whole seconds until this caller's turn, ``waiting`` others being in the line before it."""
        now = self._clock()
        turn = max(self._next, now + max(RETRY_SECONDS_MIN, waiting * self._seconds_each))
        if turn - now > RETRY_SECONDS_MAX:
            # So far ahead nothing is known: anywhere in the later half.
            return random.randint(RETRY_SECONDS_MAX // 2, RETRY_SECONDS_MAX)  # noqa: S311
        self._next = turn + self._seconds_each
        return max(RETRY_SECONDS_MIN, math.floor((turn - now) / LATENESS))
