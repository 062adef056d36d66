"""The gate: a bounded number of threads for blocking work, and bounded lines before these.

anyio's pool is not used: Airflow's own routes run in the pool's 40 places. Work that hangs here
starves only Updraft. Each user has a line, and the lines take turns; when all lines together are
full, the longest gives way. So a user with a hundred requests at once waits for most of these, and
the others hardly notice.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import cached_property
from typing import TypeVar

from airflow_updraft.plugin.problems import RouteError, busy
from airflow_updraft.plugin.retry_after_schedule import RetryAfterSchedule

T = TypeVar("T")

WAIT_SECONDS_MAX = 5.0


class Gate:
    """Runs blocking work off the event loop, for one loop; threads start with the first work."""

    def __init__(
        self, at_once: int, waiting_max: int, wait_seconds_max: float = WAIT_SECONDS_MAX
    ) -> None:
        self._at_once = at_once
        self._waiting_max = waiting_max
        self._wait_seconds_max = wait_seconds_max
        self._running = 0
        self._lines: dict[
            str, deque[asyncio.Future[None]]
        ] = {}  # by user, in the order of the next turns
        self._waiting = 0
        self._retry_after = RetryAfterSchedule()

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._at_once, thread_name_prefix="updraft")

    @property
    def is_full(self) -> bool:
        """Whether somebody must give way before another may wait."""
        return self._waiting >= self._waiting_max

    def require_room(self, who: str = "") -> None:
        """Raise RouteError ``busy`` if the lines are full and no line is longer: costs nothing."""
        if self.is_full and self._longer_than(who) is None:
            raise self._busy("too many requests are waiting: try again")

    async def run(self, work: Callable[[], T], who: str = "") -> T:
        """Return the work's result; raise the work's error, or RouteError ``busy`` unstarted."""
        await self._enter(who)
        future = asyncio.get_running_loop().run_in_executor(self._threads, copy_context().run, work)
        # The place is left at the thread's end, not this coroutine's: a client that leaves does not
        # stop the thread.
        future.add_done_callback(self._leave)
        return await asyncio.shield(future)

    async def _enter(self, who: str) -> None:
        if self._running < self._at_once:
            self._running += 1
            return
        turn = self._line_up(who)
        try:
            async with asyncio.timeout(self._wait_seconds_max):
                await turn
        except TimeoutError:
            self._give_up(who, turn)
            raise self._busy("the server is busy: try again") from None
        except asyncio.CancelledError:
            self._give_up(who, turn)
            raise

    def _line_up(self, who: str) -> asyncio.Future[None]:
        self.require_room(who)
        if self.is_full and (greedy := self._longer_than(who)) is not None:
            # The last to come gives way: the others in the line have waited for longer.
            last = self._lines[greedy][-1]
            self._remove(greedy, last)
            last.set_exception(self._busy("too many of your requests are waiting: try again"))
        turn = asyncio.get_running_loop().create_future()
        self._lines.setdefault(who, deque()).append(turn)
        self._waiting += 1
        return turn

    def _longer_than(self, who: str) -> str | None:
        """Return the user whose line, less its last, is at least as long as this user's next."""
        greedy = max(self._lines, key=lambda one: len(self._lines[one]), default=None)
        if greedy is None or len(self._lines[greedy]) < len(self._lines.get(who, ())) + 2:
            return None
        return greedy

    def _give_up(self, who: str, turn: asyncio.Future[None]) -> None:
        """Leave the line; a turn that came at the same moment goes to the next."""
        if turn in self._lines.get(who, ()):
            self._remove(who, turn)
        elif not turn.cancelled() and turn.exception() is None:
            self._next()

    def _remove(self, who: str, turn: asyncio.Future[None]) -> None:
        self._lines[who].remove(turn)
        self._waiting -= 1
        if not self._lines[who]:
            del self._lines[who]

    def _next(self) -> None:
        """Give a free place to the first of the line whose turn has come; requeue that line."""
        while self._lines:
            who, line = next(iter(self._lines.items()))
            turn = line[0]
            self._remove(who, turn)
            if who in self._lines:
                self._lines[who] = self._lines.pop(who)
            if not turn.done():
                turn.set_result(None)
                return
        self._running -= 1

    def _leave(self, done: asyncio.Future[T]) -> None:
        self._next()
        self._retry_after.note_end(others_wait=self._waiting > 0)
        if not done.cancelled():
            done.exception()  # looked at: with the client gone, nobody else does

    def _busy(self, message: str) -> RouteError:
        return busy(message, self._retry_after.next(self._waiting))

    def close(self) -> None:
        """Let the threads end after their current work."""
        self._threads.shutdown(wait=False)
