"""The gate: a bounded line before bounded work, and no place lost whoever goes away."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine
from functools import partial
from random import Random
from typing import Any

import anyio.to_thread
import pytest

from airflow_updraft.plugin.gate import Gate
from airflow_updraft.plugin.problems import BUSY_RETRY_SECONDS, RouteError, busy
from airflow_updraft.plugin.retry_after_schedule import (
    LATENESS,
    RETRY_SECONDS_MAX,
    RetryAfterSchedule,
)


class Work:
    """Blocking work that ends on command, and knows how much ran at once."""

    def __init__(self) -> None:
        self.end = threading.Event()
        self.running = self.most = self.done = 0
        self.lock = threading.Lock()

    def __call__(self) -> int:
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.end.wait(10)
        with self.lock:
            self.running -= 1
            self.done += 1
        return self.done


async def until(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


def run(main: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(main)


def test_only_so_much_at_once_and_the_rest_in_turn() -> None:
    async def main() -> Work:
        gate, work = Gate(at_once=2, waiting_max=10), Work()
        tasks = [asyncio.create_task(gate.run(work)) for _ in range(8)]
        await until(lambda: work.running == 2)
        work.end.set()
        await asyncio.gather(*tasks)
        return work

    work = run(main())
    assert (work.most, work.done) == (2, 8)


def test_full_line_is_refused_at_once_and_a_long_wait_in_time() -> None:
    async def main() -> list[Any]:
        gate, work = Gate(at_once=1, waiting_max=2, wait_seconds_max=0.1), Work()
        first = asyncio.create_task(gate.run(work))
        await until(lambda: work.running == 1)
        waiting = [asyncio.create_task(gate.run(work)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(RouteError, match="too many"):
            # A step of the coroutine by hand: it is refused without waiting for anything.
            gate.run(work).send(None)
        refused = await asyncio.gather(*waiting, return_exceptions=True)
        work.end.set()
        await first
        return refused

    refused = run(main())
    assert [(e.status, e.kind) for e in refused] == [(503, "busy")] * 2


def test_case_b7_one_user_with_140_at_once_gets_503_for_his_excess_and_others_get_through() -> None:
    """case B7: the longest line gives way, and the lines take turns."""

    async def main() -> tuple[list[Any], list[Any], list[str]]:
        gate, work, order = Gate(at_once=4, waiting_max=128), Work(), list[str]()

        async def one(who: str) -> str:
            await gate.run(work, who)
            order.append(who)
            return who

        greedy = [asyncio.create_task(one("ana")) for _ in range(140)]
        await until(lambda: gate.is_full)
        others = [asyncio.create_task(one(f"u{number}")) for number in range(20) for _ in range(2)]
        await asyncio.sleep(0.01)
        work.end.set()
        anas = await asyncio.gather(*greedy, return_exceptions=True)
        return anas, await asyncio.gather(*others, return_exceptions=True), order

    anas, others, order = run(main())
    assert all(isinstance(one, str) for one in others), "everybody else gets through"
    refused = [one for one in anas if not isinstance(one, str)]
    assert {(error.status, error.kind) for error in refused} == {(503, "busy")}
    assert len(refused) == 140 - 4 - 128 + 40, "and she has all that is left"
    assert sum(who == "ana" for who in order[:44]) <= 4 + 20, "in turns, not after all of hers"


def test_case_b7_full_line_of_many_users_is_refused_to_all_alike() -> None:
    async def main() -> None:
        gate, work = Gate(at_once=1, waiting_max=4), Work()
        tasks = [asyncio.create_task(gate.run(work, f"u{number}")) for number in range(5)]
        await until(lambda: gate.is_full)
        for who in ("u1", "new"):
            with pytest.raises(RouteError, match="too many"):
                gate.require_room(who)
        work.end.set()
        await asyncio.gather(*tasks)

    run(main())


def test_case_b7_no_place_is_lost_whoever_gives_up_when() -> None:
    """case B7: turns that come in the very moment in which their owners leave go to the next."""

    async def main() -> int:
        chance = Random(7)
        gate = Gate(at_once=3, waiting_max=20, wait_seconds_max=0.004)
        for _ in range(60):
            tasks = [
                asyncio.create_task(gate.run(partial(time.sleep, 0.002), f"u{chance.randrange(4)}"))
                for _ in range(15)
            ]
            await asyncio.sleep(chance.random() * 0.006)
            for task in chance.sample(tasks, k=5):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await until(lambda: gate._running == 0)
        return gate._waiting + len(gate._lines)

    assert run(main()) == 0


def test_client_that_goes_away_gives_its_place_back_only_when_its_thread_is_done() -> None:
    async def main() -> tuple[int, int]:
        gate, left, next_ = Gate(at_once=1, waiting_max=5), Work(), Work()
        task = asyncio.create_task(gate.run(left))
        await until(lambda: left.running == 1)
        task.cancel()
        follower = asyncio.create_task(gate.run(next_))
        await asyncio.sleep(0.05)
        began_beside = next_.running
        next_.end.set()
        left.end.set()
        return began_beside, await follower

    assert run(main()) == (0, 1)


def test_error_of_the_work_is_raised_and_frees_the_place() -> None:
    async def main() -> str:
        gate = Gate(at_once=1, waiting_max=1)
        for _ in range(3):
            with pytest.raises(KeyError):
                await gate.run(lambda: {}["x"])
        return await gate.run(lambda: "free")

    assert run(main()) == "free"


def test_hanging_work_takes_no_place_in_the_pool_of_airflows_routes() -> None:
    async def main() -> str:
        gate, work = Gate(at_once=50, waiting_max=1), Work()
        tasks = [asyncio.create_task(gate.run(work)) for _ in range(50)]
        await until(lambda: work.running == 50)
        async with asyncio.timeout(5):
            answer = await anyio.to_thread.run_sync(lambda: "answered")
        work.end.set()
        await asyncio.gather(*tasks)
        return answer

    assert run(main()) == "answered"


def test_who_is_turned_away_is_told_a_moment_of_its_own() -> None:
    """fault 41: a hundred who are turned away at once come back in single file, at the pace of the
    work."""
    now = [0.0]
    schedule = RetryAfterSchedule(clock=lambda: now[0])
    for _ in range(600):
        now[0] += 0.25  # four a second
        schedule.note_end(others_wait=True)
    told = [schedule.next(waiting=40) for _ in range(100)]
    assert told == sorted(told)
    assert told[0] == 10 // LATENESS, "after the forty that wait"
    assert max(told.count(second) for second in set(told)) <= 5
    assert 33 // LATENESS <= told[-1] <= 36 // LATENESS
    now[0] = 200.0
    assert schedule.next(waiting=0) == 1, "the storm is over"


def test_time_without_work_says_nothing_of_how_fast_it_goes() -> None:
    now = [0.0]
    schedule = RetryAfterSchedule(clock=lambda: now[0])
    for _ in range(600):
        now[0] += 0.25
        schedule.note_end(others_wait=True)
    now[0] += 0.25
    schedule.note_end(others_wait=False)
    now[0] += 3_600
    schedule.note_end(others_wait=False)
    assert schedule.next(waiting=40) == 10 // LATENESS


def test_one_pause_does_not_send_everybody_away_for_long() -> None:
    """fault 41: while a thousand are turned away nothing else is done; none get a later time."""
    now = [0.0]
    schedule = RetryAfterSchedule(clock=lambda: now[0])
    for pause in (0.25,) * 600 + (30.0,):
        now[0] += pause
        schedule.note_end(others_wait=True)
    assert schedule.next(waiting=40) <= 11


def test_no_appointment_is_further_away_than_anybody_knows() -> None:
    now = [0.0]
    schedule = RetryAfterSchedule(clock=lambda: now[0])
    for _ in range(600):
        now[0] += 1.0
        schedule.note_end(others_wait=True)
    told = [schedule.next(waiting=0) for _ in range(2_000)]
    assert max(told) <= RETRY_SECONDS_MAX
    assert len(set(told[-1_000:])) > 20, "and those who have none do not come together"


def test_busy_spreads_those_who_come_back() -> None:
    told = {busy("…").retry_after for _ in range(200)}
    assert told == set(range(BUSY_RETRY_SECONDS[0], BUSY_RETRY_SECONDS[1] + 1))
