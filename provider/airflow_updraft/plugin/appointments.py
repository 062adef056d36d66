"""When those whom the gate turns away shall come back: one after the other, as fast as the work goes."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable

SECONDS_OF_WORK_AT_FIRST = 0.1
WEIGHT_OF_THE_LAST = 0.1
RETRY_SECONDS_MIN = 1
RETRY_SECONDS_MAX = 60


class Appointments:
    """Gives each caller a moment of its own, after those who wait already. Used by one event loop.

    A thousand devices that come back at once and are all told "in a few seconds" would come back at once again: most
    of what the server then does is turning them away.
    """

    def __init__(self, at_once: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._at_once = at_once
        self._clock = clock
        self._seconds_each = SECONDS_OF_WORK_AT_FIRST / at_once
        self._next = -math.inf

    def note(self, seconds: float) -> None:
        """Learn from a piece of work that took this long in its thread."""
        self._seconds_each += WEIGHT_OF_THE_LAST * (seconds / self._at_once - self._seconds_each)

    def next(self, waiting: int) -> int:
        """Whole seconds until this caller's turn, ``waiting`` others being in the line before it."""
        now = self._clock()
        turn = max(self._next, now + max(RETRY_SECONDS_MIN, waiting * self._seconds_each))
        if turn - now > RETRY_SECONDS_MAX:
            # So far ahead nothing is known: anywhere in the later half.
            return random.randint(RETRY_SECONDS_MAX // 2, RETRY_SECONDS_MAX)  # noqa: S311
        self._next = turn + self._seconds_each
        return math.ceil(turn - now)
