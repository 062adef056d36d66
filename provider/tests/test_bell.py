"""The bell that wakes DAGs: rings for news, again only if a ring may be lost, never for nothing."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from world import World, create, patch

from airflow_updraft.dag_api import consumer
from airflow_updraft.dag_api.bell import AFTER_PROGRESS_S, CONFIRM_S, STUCK_S, STUCK_S_MAX, Bell
from airflow_updraft.store.tables import consumers, create_store


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def bell_of(world: World, clock: Clock) -> Bell:
    return Bell(world.engine, "asks", clock)


def cursor(world: World) -> int | None:
    with world.engine.connect() as conn:
        return conn.scalar(sa.select(consumers.c.revision).where(consumers.c.name == "bell"))


def test_rings_once_for_what_is_new(world: World) -> None:
    clock = Clock()
    bell, device = bell_of(world, clock), world.device()
    assert bell.ask() is None
    device.push(create("a"))
    assert [bell.ask(), bell.ask()] == [1, None]
    device.push(create("b"), patch("a", base=1, note="n"))
    assert [bell.ask(), bell.ask()] == [3, None]
    for clock.now in (CONFIRM_S, 10 * CONFIRM_S, 1000 * CONFIRM_S):
        assert bell.ask() is None
    assert cursor(world) == 3


def test_another_collection_rings_not(world: World) -> None:
    world.device().push(create("a", collection="clients"))
    assert bell_of(world, Clock()).ask() is None


def test_what_arrived_before_the_first_poll_rings(world: World) -> None:
    world.device().push(create("a"))
    assert bell_of(world, Clock()).ask() == 1


def test_ring_that_may_be_lost_with_the_triggerer_is_rung_again(world: World) -> None:
    clock = Clock()
    killed = bell_of(world, clock)
    world.device().push(create("a"))
    assert killed.ask() == 1
    clock.now = CONFIRM_S - 1
    killed.ask()
    assert cursor(world) is None
    assert bell_of(world, clock).ask() == 1


def test_ring_that_was_confirmed_is_not_rung_again_by_a_new_triggerer(world: World) -> None:
    clock = Clock()
    first = bell_of(world, clock)
    world.device().push(create("a"))
    first.ask()
    clock.now = CONFIRM_S
    first.ask()
    assert bell_of(world, clock).ask() is None


def test_two_triggerers_keep_one_cursor_that_only_grows(world: World) -> None:
    clock = Clock()
    one, other, device = bell_of(world, clock), bell_of(world, clock), world.device()
    device.push(create("a"))
    assert (one.ask(), other.ask()) == (1, 1)
    device.push(create("b"))
    clock.now = 1
    assert one.ask() == 2
    clock.now = CONFIRM_S + 1
    one.ask()
    assert cursor(world) == 2
    other.ask()
    assert cursor(world) == 2


def test_restored_store_rings_for_its_new_life(world: World) -> None:
    clock = Clock()
    bell, device = bell_of(world, clock), world.device()
    device.push(create("a"))
    backup = world.snapshot()
    device.push(create("b"), create("c"))
    assert bell.ask() == 3
    world.restore(backup)
    clock.now = CONFIRM_S
    assert bell.ask() == 1
    world.device("r2", "bob").push(create("d"))
    assert bell.ask() == 2


def read(world: World, limit: int = 500) -> int:
    """Read as the documented DAG does, which writes nothing back."""
    with consumer.changes(world.engine, "asks", "score", limit) as changes:
        return len(changes)


def push_many(world: World, count: int) -> None:
    device = world.device()
    for start in range(0, count, 500):
        end = min(start + 500, count)
        device.push(*[create(f"r{number}") for number in range(start, end)])


def test_case_c8_bell_rings_again_until_nothing_is_left(world: World) -> None:
    """case C8: 1,500 records at once; each ring starts a run that is handed 500 of them."""
    clock = Clock()
    bell = bell_of(world, clock)
    push_many(world, 1_500)
    handed: list[int] = []
    for _ in range(60):
        clock.now += 1
        if bell.ask() is not None:
            handed.append(read(world))
    assert handed == [500, 500, 500]
    assert clock.now == 60


def test_case_c8_consumer_that_stands_still_is_woken_ever_more_rarely(world: World) -> None:
    clock = Clock()
    bell = bell_of(world, clock)
    world.device().push(create("a"))

    def fail() -> None:
        with consumer.changes(world.engine, "asks", "score", 500):
            raise ZeroDivisionError

    rings = []
    for clock.now in (*range(0, 600, 5), *range(600, 6 * 3_600, 120)):
        if bell.ask() is not None:
            rings.append(clock.now)
            with pytest.raises(ZeroDivisionError):
                fail()
    pauses = [later - earlier for earlier, later in pairwise(rings)]
    assert pauses[:4] == [AFTER_PROGRESS_S, STUCK_S, 2 * STUCK_S, 4 * STUCK_S]
    assert pauses[-1] == STUCK_S_MAX
    clock.now += STUCK_S_MAX
    assert bell.ask() == 1
    assert read(world) == 1
    clock.now += STUCK_S_MAX
    assert bell.ask() is None, "nobody is behind any more"


def test_new_triggerer_wakes_a_consumer_that_is_behind(world: World) -> None:
    clock = Clock()
    first = bell_of(world, clock)
    push_many(world, 3)
    first.ask()
    read(world, limit=1)
    clock.now = CONFIRM_S
    first.ask()
    other = bell_of(world, clock)
    assert [other.ask(), other.ask()] == [3, None]


def test_reader_that_must_begin_anew_and_a_target_are_not_rung_for(world: World) -> None:
    clock = Clock()
    bell = bell_of(world, clock)
    world.device().push(create("a"))
    bell.ask()
    rows = [("score", -1), ("target", 0)]
    with world.engine.begin() as conn:
        conn.execute(
            consumers.insert(),
            [{"name": n, "collection": "asks", "revision": r} for n, r in rows],
        )
    clock.now = 10 * STUCK_S
    assert bell.ask() is None


def test_trigger_fires_backs_off_from_a_broken_store_and_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from airflow_updraft import airflow_bridge, trigger

    slept: list[float] = []
    nowhere = sa.create_engine(f"sqlite:///{tmp_path}/no/such/folder/store.db")
    engines = iter([nowhere, nowhere, world.engine])
    monkeypatch.setattr(airflow_bridge, "store_engine", lambda **_: next(engines))
    world.device().push(create("a"))

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def first_event() -> Any:
        monkeypatch.setattr(trigger.asyncio, "sleep", sleep)
        events = trigger.CollectionChangedTrigger(collection="asks").run()
        try:
            return await anext(events)
        finally:
            await events.aclose()  # type: ignore[attr-defined]

    event = asyncio.run(first_event())
    assert event.payload == {"collection": "asks", "revision": 1}
    assert slept == [1.0, 2.0]


def test_trigger_takes_up_an_edited_connection_and_stays_silent_for_a_refused_store(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """case C10: as the API server does, each minute."""
    from airflow_updraft import airflow_bridge, trigger
    from airflow_updraft.errors import ForeignStoreError

    before = sa.create_engine(f"sqlite:///{tmp_path}/before.db")
    create_store(before)
    world.device().push(create("a"))
    answers = iter([before, before, ForeignStoreError(), world.engine])
    asked = []

    def open_store(**options: bool) -> sa.Engine:
        asked.append(options)
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def sleep(_: float) -> None:
        pass

    async def first_event() -> Any:
        monkeypatch.setattr(trigger.asyncio, "sleep", sleep)
        events = trigger.CollectionChangedTrigger(collection="asks").run()
        try:
            return await anext(events)
        finally:
            await events.aclose()  # type: ignore[attr-defined]

    monkeypatch.setattr(airflow_bridge, "store_engine", open_store)
    monkeypatch.setattr(trigger, "RECHECK_S", 0.0)
    assert asyncio.run(first_event()).payload == {"collection": "asks", "revision": 1}
    assert asked == [{"may_bond": False}] * 4, "a triggerer keeps nothing"
    before.dispose()


def test_trigger_does_not_block_the_loop(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_updraft import airflow_bridge, trigger
    from airflow_updraft.dag_api import bell

    def slow(self: Bell) -> int:
        time.sleep(0.3)
        return 1

    monkeypatch.setattr(airflow_bridge, "store_engine", lambda **_: world.engine)
    monkeypatch.setattr(bell.Bell, "ask", slow)

    async def beats_meanwhile() -> int:
        events = trigger.CollectionChangedTrigger(collection="asks").run()
        waiting = asyncio.ensure_future(anext(events))
        beats = 0
        while not waiting.done():
            await asyncio.sleep(0.01)
            beats += 1
        await events.aclose()  # type: ignore[attr-defined]
        return beats

    assert asyncio.run(beats_meanwhile()) > 5


def test_trigger_is_made_anew_from_what_it_serializes_and_one_watches_a_collection() -> None:
    from airflow.triggers.base import BaseEventTrigger

    from airflow_updraft import Collection
    from airflow_updraft.trigger import CollectionChangedTrigger

    one, other = Collection("asks").asset(), Collection("asks").asset()
    assert one == other
    path, kwargs = one.watchers[0].trigger.serialize()
    assert path == f"{CollectionChangedTrigger.__module__}.{CollectionChangedTrigger.__name__}"
    assert CollectionChangedTrigger(**kwargs).collection == "asks"
    assert BaseEventTrigger.hash(path, kwargs) == BaseEventTrigger.hash(
        *other.watchers[0].trigger.serialize()
    )


def test_asset_in_a_dag_file_loads_next_to_nothing() -> None:
    """The DAG processor reads every DAG file every few seconds, and each task its own."""
    code = (
        "import sys; from airflow.sdk import DAG; import airflow.triggers.base; before = "
        "set(sys.modules)\n"
        "from airflow_updraft import Collection; Collection('inspections').asset()\n"
        "print(sorted({name.split('.')[0] for name in set(sys.modules) - before}))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "['airflow_updraft', 'asgiref']"
