"""The gate: so many pieces of blocking work at once, in threads of its own, and a bounded line before them.

Not anyio's pool: its 40 places are what Airflow's own routes run in. Work that hangs here starves only Updraft.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import cached_property
from typing import TypeVar

from airflow_updraft.plugin.appointments import Appointments
from airflow_updraft.plugin.problems import busy

T = TypeVar("T")

WAIT_SECONDS_MAX = 5.0


class Gate:
    """Runs blocking work off the event loop. Used by one event loop; its threads start with the first work."""

    def __init__(self, at_once: int, waiting_max: int, wait_seconds_max: float = WAIT_SECONDS_MAX) -> None:
        self._at_once = at_once
        self._waiting_max = waiting_max
        self._wait_seconds_max = wait_seconds_max
        self._free = asyncio.Semaphore(at_once)
        self._waiting = 0
        self._appointments = Appointments()

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._at_once, thread_name_prefix="updraft")

    def require_room(self) -> None:
        """Raise RouteError ``busy`` where the line is full: before anything is spent on a request."""
        if self._waiting >= self._waiting_max:
            raise busy("too many requests are waiting: try again", self._appointments.next(self._waiting))

    async def run(self, work: Callable[[], T]) -> T:
        """Return the work's result; raise its error, or RouteError ``busy`` where it could not even begin."""
        await self._enter()
        future = asyncio.get_running_loop().run_in_executor(self._threads, copy_context().run, work)
        # By the thread's end, not by this coroutine's: a client that goes away does not stop its thread.
        future.add_done_callback(self._leave)
        return await asyncio.shield(future)

    async def _enter(self) -> None:
        self.require_room()
        self._waiting += 1
        try:
            async with asyncio.timeout(self._wait_seconds_max):
                await self._free.acquire()
        except TimeoutError:
            raise busy("the server is busy: try again", self._appointments.next(self._waiting)) from None
        finally:
            self._waiting -= 1

    def _leave(self, done: asyncio.Future[T]) -> None:
        self._free.release()
        self._appointments.note_end(others_wait=self._waiting > 0)
        if not done.cancelled():
            done.exception()  # looked at: where the client is gone, nobody else does

    def close(self) -> None:
        """Let the threads end with what they are doing."""
        self._threads.shutdown(wait=False)
