"""The watch alone, with a scripted store: a single look for everybody, within its capacity."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from airflow_updraft.plugin import live
from airflow_updraft.plugin.heads import Heads
from airflow_updraft.plugin.live import Live


class ScriptedStore:
    """A store that counts looks."""

    def __init__(self) -> None:
        self.looks = 0
        self.heads = Heads("e1", 0, {"asks": 0})

    async def poll(self, _: Heads | None) -> Heads:
        self.looks += 1
        return self.heads

    def move(self) -> None:
        revision = self.heads.revision + 1
        self.heads = Heads("e1", revision, {"asks": revision})


def make(store: ScriptedStore, *, is_stopping: bool = False) -> Live:
    return Live(store.poll, streams_max=10_000, is_stopping=lambda: is_stopping)


async def read(lines: AsyncIterator[bytes], count: int) -> list[bytes]:
    return [await anext(lines) for _ in range(count)]


@pytest.mark.parametrize("streams", [1, 500])
def test_number_of_looks_does_not_grow_with_the_streams(
    streams: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "POLL_SECONDS", 3_600.0)

    async def main() -> int:
        store = ScriptedStore()
        desk = make(store)
        readers = [await desk.open() for _ in range(streams)]
        await asyncio.gather(*(read(lines, 1) for lines in readers))
        opened = store.looks
        for _ in range(3):
            store.move()
            desk.wake()
            told = await asyncio.gather(*(read(lines, 1) for lines in readers))
            assert len(told) == streams
        for lines in readers:
            await lines.aclose()  # type: ignore[attr-defined]
        return store.looks - opened

    assert asyncio.run(main()) == 3


def test_slow_client_gets_the_latest_in_one_line_and_nothing_is_kept_for_it() -> None:
    async def main() -> list[bytes]:
        store = ScriptedStore()
        desk = make(store)
        slow, quick = await desk.open(), await desk.open()
        await read(slow, 1)
        await read(quick, 1)
        for _ in range(5):
            store.move()
            desk.wake()
            await read(quick, 1)
        return await read(slow, 1)

    assert asyncio.run(main()) == [b'{"epoch":"e1","revision":5,"heads":{"asks":5}}\n']


def test_nobody_listens_and_nothing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "POLL_SECONDS", 0.001)

    async def main() -> int:
        store = ScriptedStore()
        desk = make(store)
        lines = await desk.open()
        await read(lines, 1)
        await lines.aclose()  # type: ignore[attr-defined]
        before = store.looks
        await asyncio.sleep(0.05)
        return store.looks - before

    assert asyncio.run(main()) == 0


def test_busy_store_is_not_told_about_without_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "SLICE_SECONDS", 0.05)

    async def main() -> float:
        store = ScriptedStore()
        desk = make(store)
        lines = await desk.open()
        await read(lines, 1)
        clock = asyncio.get_running_loop().time
        begun = clock()
        for _ in range(10):
            store.move()
            desk.wake()
            await read(lines, 1)
        return clock() - begun

    assert asyncio.run(main()) > 0.4, "nine pauses of 0.05 s"


def test_many_streams_are_told_in_slices_and_airflow_is_served_between(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live, "SLICE_STREAMS", 10)
    monkeypatch.setattr(live, "SLICE_SECONDS", 3_600.0)

    async def main() -> int:
        store = ScriptedStore()
        desk = make(store)
        readers = [await desk.open() for _ in range(30)]
        await asyncio.gather(*(read(lines, 1) for lines in readers))
        waiting = [asyncio.create_task(read(lines, 1)) for lines in readers]
        await asyncio.sleep(0.05)
        store.move()
        desk.wake()
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.sleep(0.05)
        told = sum(task.done() for task in waiting)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        return told

    assert asyncio.run(main()) == 10


def test_first_clients_of_a_storm_share_one_look_at_a_time() -> None:
    at_once = []

    async def main() -> int:
        store, running = ScriptedStore(), 0

        async def poll(last: Heads | None) -> Heads:
            nonlocal running
            running += 1
            at_once.append(running)
            await asyncio.sleep(0.001)
            running -= 1
            return await store.poll(last)

        desk = Live(poll, streams_max=100, is_stopping=lambda: False)
        opened = await asyncio.gather(*(desk.open() for _ in range(20)))
        return len(opened)

    assert asyncio.run(main()) == 20
    assert max(at_once) == 1


def test_streams_end_when_the_server_is_told_to_stop() -> None:
    async def main() -> list[bytes]:
        lines = await make(ScriptedStore(), is_stopping=True).open()
        return [line async for line in lines]

    assert len(asyncio.run(main())) <= 1
