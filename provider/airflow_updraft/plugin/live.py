"""Live changes: many streams, and one look at the store for each process.

exchange of this process ─ wake ─▶ ┌───────┐                   ┌─▶ stream: a line when the heads
    every POLL_SECONDS ──────────────▶ │ watch │ ─▶ latest heads ──┼─▶ stream   differ from the last
    the server is told to stop ──────▶ └───────┘                   └─▶ stream   sent, else a
heartbeat

A stream holds nothing but the heads last sent: a slow client misses states in between, never the
latest, and nothing is buffered.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

from airflow_updraft.discreet import describe
from airflow_updraft.plugin.heads import Heads
from airflow_updraft.plugin.problems import busy

log = logging.getLogger(__name__)

POLL_SECONDS = 0.25
FAILED_POLL_SECONDS = 1.0
HEARTBEAT_SECONDS = 15.0
HEARTBEAT = b"{}\n"

STREAM_SECONDS_MAX = 900.0
"""Streams end after this long, and the client opens another: revoked rights do not outlive a
stream."""

SLICE_STREAMS = 50
SLICE_SECONDS = 0.05
"""Streams are served in slices with a pause after each: a line costs the event loop some tenths of
a millisecond, and with a thousand streams and a busy store Airflow's own requests would wait for
nothing but lines."""

Poll = Callable[[Heads | None], Awaitable[Heads]]


class Live:
    """The streams of a process, on one event loop; the store is watched only for listeners."""

    def __init__(
        self,
        poll: Poll,
        streams_max: int,
        is_stopping: Callable[[], bool],
        per_user_max: int | None = None,
    ) -> None:
        self._poll = poll
        self._streams_max = streams_max
        self._per_user_max = per_user_max or streams_max
        self._by_user = Counter[str]()
        self._is_stopping = is_stopping
        self._news: set[asyncio.Event] = set()  # an event for each stream, set on news
        self._watch: asyncio.Task[None] | None = None
        self._first_look = asyncio.Lock()
        self._latest: Heads | None = None
        self._wake = asyncio.Event()
        self._closed = False

    def wake(self) -> None:
        """Look at the store at once: this process has just written."""
        self._wake.set()

    @property
    def streams(self) -> int:
        """How many streams are open."""
        return len(self._news)

    async def open(self, who: str = "") -> AsyncIterator[bytes]:
        """Open a stream with the first line ready; raise ``busy`` or the poll's error."""
        if self._by_user[who] >= self._per_user_max:
            raise busy("you have too many live streams: poll instead, and try again later")
        if self.streams >= self._streams_max:
            raise busy("too many live streams: poll instead, and try again later")
        async with self._first_look:
            if self._watch is None:
                self._latest = await self._poll(self._latest)
        return self._lines(who)

    async def _lines(self, who: str) -> AsyncIterator[bytes]:
        clock = asyncio.get_running_loop().time
        ends = clock() + STREAM_SECONDS_MAX * random.uniform(0.9, 1.0)  # noqa: S311
        sent: Heads | None = None
        with self._listening(who) as news:
            while not self._closed and clock() < ends:
                news.clear()
                if self._latest is not None and self._latest is not sent:
                    line, sent = self._latest.line_after(sent), self._latest
                    yield line
                    continue
                try:
                    async with asyncio.timeout(HEARTBEAT_SECONDS):
                        await news.wait()
                except TimeoutError:
                    yield HEARTBEAT

    @contextlib.contextmanager
    def _listening(self, who: str) -> Iterator[asyncio.Event]:
        """Count a stream; the first stream begins the watch, the last ends the watch."""
        news = asyncio.Event()
        self._news.add(news)
        self._by_user[who] += 1
        if self._watch is None:
            self._watch = asyncio.create_task(self._watch_store(), name="updraft live")
        try:
            yield news
        finally:
            self._news.discard(news)
            self._by_user[who] -= 1
            if not self._by_user[who]:
                del self._by_user[who]
            if not self._news and self._watch is not None:
                self._watch.cancel()
                self._watch = None

    async def _watch_store(self) -> None:
        is_failing = False
        while not self._closed:
            if self._is_stopping():
                self.close()
                return
            before = self._latest
            try:
                self._latest = await self._poll(before)
                is_failing = False
            except Exception as error:  # of any kind: streams stay, the next poll may succeed
                if not is_failing:
                    log.warning("live: the store cannot be read, trying on: %s", describe(error))
                is_failing = True
            if self._latest is not before:
                await self._announce()
            await self._nap(FAILED_POLL_SECONDS if is_failing else POLL_SECONDS)

    async def _nap(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        self._wake.clear()

    async def _announce(self) -> None:
        streams = tuple(self._news)
        for start in range(0, len(streams), SLICE_STREAMS):
            for news in streams[start : start + SLICE_STREAMS]:
                news.set()
            await asyncio.sleep(SLICE_SECONDS)

    def close(self) -> None:
        """End every stream after the current line."""
        self._closed = True
        for news in self._news:
            news.set()


def server_is_stopping() -> bool:
    """Return whether the server of this process was told to end.

    Uvicorn waits for open responses before telling the application, so a stream that waits for word
    would hold the server up until the server is killed. The handler of SIGTERM belongs to the
    server object, under Gunicorn too.
    """
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return bool(getattr(server, "should_exit", False))
