"""When those whom the gate turns away shall come back: one after the other, as fast as the work goes."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable

SECONDS_OF_WORK_AT_FIRST = 0.01
COST_OF_WORK = 1.25
"""What a process spends on an exchange, in processor times of the exchange's thread: the rest is Airflow's part of the
request, and the database's. By the clock the threads of a storm seem to work for seconds, waiting for each other."""
WEIGHT_OF_THE_LAST = 0.1
RETRY_SECONDS_MIN = 1
RETRY_SECONDS_MAX = 60


class Appointments:
    """Gives each caller a moment of its own, after those who wait already. Used by one event loop.

    A thousand devices that come back at once and are all told "in a few seconds" would come back at once again: most
    of what the server then does is turning them away.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seconds_each = COST_OF_WORK * SECONDS_OF_WORK_AT_FIRST
        self._next = -math.inf

    def note(self, seconds: float) -> None:
        """Learn from a piece of work whose thread used this much processor time."""
        self._seconds_each += WEIGHT_OF_THE_LAST * (COST_OF_WORK * seconds - self._seconds_each)

    def next(self, waiting: int) -> int:
        """Whole seconds until this caller's turn, ``waiting`` others being in the line before it."""
        now = self._clock()
        turn = max(self._next, now + max(RETRY_SECONDS_MIN, waiting * self._seconds_each))
        if turn - now > RETRY_SECONDS_MAX:
            # So far ahead nothing is known: anywhere in the later half.
            return random.randint(RETRY_SECONDS_MAX // 2, RETRY_SECONDS_MAX)  # noqa: S311
        self._next = turn + self._seconds_each
        return math.ceil(turn - now)
