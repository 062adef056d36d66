"""Live changes: many streams, one look at the store a process.

    exchange of this process ─ wake ─▶ ┌───────┐                   ┌─▶ stream: a line when the heads differ from those
    every POLL_SECONDS ──────────────▶ │ watch │ ─▶ latest heads ──┼─▶ stream   this stream last sent, else a heartbeat
    the server is told to stop ──────▶ └───────┘                   └─▶ stream

A stream holds nothing but the heads it last sent: a slow client misses states in between, never the latest, and
nothing is buffered for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

from airflow_updraft.plugin.heads import Heads
from airflow_updraft.plugin.problems import busy

log = logging.getLogger(__name__)

POLL_SECONDS = 0.25
FAILED_POLL_SECONDS = 1.0
HEARTBEAT_SECONDS = 15.0
HEARTBEAT = b"{}\n"

STREAM_SECONDS_MAX = 900.0
"""Streams end after this long, the client opens another: rights that were taken away do not outlive it."""

SLICE_STREAMS = 50
SLICE_SECONDS = 0.05
"""Streams are told in slices with a pause after each: a line costs the event loop some tenths of a millisecond, and
with a thousand streams and a busy store Airflow's own requests would wait for nothing but lines."""

Poll = Callable[[Heads | None], Awaitable[Heads]]


class Live:
    """The streams of one process. Used by one event loop; watches the store only while somebody listens."""

    def __init__(self, poll: Poll, streams_max: int, is_stopping: Callable[[], bool]) -> None:
        self._poll = poll
        self._streams_max = streams_max
        self._is_stopping = is_stopping
        self._news: set[asyncio.Event] = set()  # one a stream, set when there is something to look at
        self._watch: asyncio.Task[None] | None = None
        self._first_look = asyncio.Lock()
        self._latest: Heads | None = None
        self._wake = asyncio.Event()
        self._closed = False

    def wake(self) -> None:
        """Look at the store at once: this process has just written to it."""
        self._wake.set()

    @property
    def streams(self) -> int:
        """How many streams are open."""
        return len(self._news)

    async def open(self) -> AsyncIterator[bytes]:
        """A new stream of lines, its first line ready; raises RouteError ``busy``, or the poll's error."""
        if self.streams >= self._streams_max:
            raise busy("too many live streams: poll instead, and try again later")
        async with self._first_look:
            if self._watch is None:
                self._latest = await self._poll(self._latest)
        return self._lines()

    async def _lines(self) -> AsyncIterator[bytes]:
        clock = asyncio.get_running_loop().time
        ends = clock() + STREAM_SECONDS_MAX * random.uniform(0.9, 1.0)  # noqa: S311
        sent: Heads | None = None
        with self._listening() as news:
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
    def _listening(self) -> Iterator[asyncio.Event]:
        """Count a stream; the first begins the watch, the last ends it."""
        news = asyncio.Event()
        self._news.add(news)
        if self._watch is None:
            self._watch = asyncio.create_task(self._watch_store(), name="updraft live")
        try:
            yield news
        finally:
            self._news.discard(news)
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
            except Exception as error:  # whatever it is: the streams stay, and the next poll may succeed
                if not is_failing:
                    log.warning("live: the store cannot be read, trying on: %s", error)
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
        """End every stream after the line it is at."""
        self._closed = True
        for news in self._news:
            news.set()


def server_is_stopping() -> bool:
    """Whether the server of this process was told to end.

    Uvicorn waits for open responses before it tells the application, so a stream that waits to be told would hold the
    server up until it is killed. Its handler of SIGTERM belongs to the server object, under Gunicorn too.
    """
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return bool(getattr(server, "should_exit", False))
