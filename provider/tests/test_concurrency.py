"""Two writers at once: the counter's lock, and the loss without the lock."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from world import NOW, World, create, mutation


def test_reader_never_skips_a_change_a_slower_writer_commits_later(every_engine: sa.Engine) -> None:
    """Deterministic: the slow writer holds a revision while a fast writer tries to pass.

    With ``--planted-bug feed-without-lock`` the fast writer commits first, the reader passes both,
    and this fails.
    """
    world = World(every_engine)
    slow, fast, reader = (world.device(name, name) for name in ("slow", "fast", "reader"))
    inside, go_on = threading.Event(), threading.Event()

    def waiting_clock() -> datetime:
        inside.set()
        assert go_on.wait(30)
        return NOW

    seen = []
    slow_writer = threading.Thread(
        target=lambda: world.exchange(
            slow.batch_request(create("slow")), "slow", clock=waiting_clock
        )
    )
    fast_writer = threading.Thread(
        target=lambda: world.exchange(fast.batch_request(create("fast")), "fast")
    )
    slow_writer.start()
    assert inside.wait(30)
    fast_writer.start()
    fast_writer.join(1)
    if not fast_writer.is_alive():
        seen += reader.pull()["changes"]
    go_on.set()
    slow_writer.join(30)
    fast_writer.join(30)
    seen += reader.pull()["changes"]
    assert sorted(change["id"] for change in seen) == ["fast", "slow"]


def test_planted_bug_in_the_lock_is_caught(planted_bug: str | None) -> None:
    if planted_bug:
        pytest.skip("this is the run with the bug")
    name = test_reader_never_skips_a_change_a_slower_writer_commits_later.__name__
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--planted-bug",
        "feed-without-lock",
        "-k",
        name,
        __file__,
    ]
    run = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1]
    )
    assert run.returncode == 1, run.stdout + run.stderr
    for database in ("sqlite", "postgres", "psycopg2"):
        assert f"FAILED tests/test_concurrency.py::{name}[{database}]" in run.stdout


def test_increments_of_many_threads_add_up(world: World) -> None:
    world.device("first").push(create("a", visits=0))
    errors: list[BaseException] = []

    def work(index: int) -> None:
        try:
            device = world.device(f"r{index}", f"user{index}")
            for _ in range(8):
                device.push(mutation("patch", "a", base=1, inc={"visits": 1}))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert world.records()["a"]["visits"] == 32
    assert world.revision == 33


def test_two_runs_with_the_same_batch_at_once_have_one_effect(world: World) -> None:
    """fault 29: two DAG runs of the same delivery."""
    device = world.device()
    device.push(create("a", visits=0))
    request = device.batch_request(mutation("patch", "a", base=1, inc={"visits": 1}))
    answers: list[Any] = []
    threads = [
        threading.Thread(target=lambda: answers.append(world.exchange(request))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [a["verdicts"] for a in answers] == [answers[0]["verdicts"]] * 6
    assert world.records()["a"]["visits"] == 1


def test_reader_beside_writers_sees_every_change(world: World) -> None:
    reader = world.device("reader", "reader")
    held: dict[str, Any] = {}
    writing = threading.Event()

    def write(index: int) -> None:
        device = world.device(f"w{index}", f"user{index}")
        for number in range(12):
            device.push(create(f"{index}-{number}", visits=number))

    threads = [threading.Thread(target=write, args=(index,)) for index in range(3)]
    for thread in threads:
        thread.start()
    while not writing.is_set():
        if not any(thread.is_alive() for thread in threads):
            writing.set()
        held.update({change["id"]: change["record"] for change in reader.pull()["changes"]})
    held.update({change["id"]: change["record"] for change in reader.pull()["changes"]})
    assert len(held) == 36
    assert reader.since == world.revision


def test_apply_that_fails_half_way_leaves_nothing_behind(world: World) -> None:
    device = world.device()
    request = device.batch_request(create("a", visits=1))
    before = world.snapshot()
    calls = iter([NOW])

    def clock() -> datetime:
        """Breaks when the ledger is to be written, after the records were."""
        return next(calls)

    with pytest.raises(StopIteration):
        world.exchange(request, clock=clock)
    assert world.snapshot() == before
    assert world.exchange(request)["verdicts"][0]["verdict"] == "applied"


KILLED_MID_APPLY = """
import json, os, signal, sys
import sqlalchemy as sa
from world import NOW, COLLECTIONS
from airflow_updraft.collections import compile_collections
from airflow_updraft.exchange.exchange import exchange
calls = 0
def clock():
    global calls
    calls += 1
    if calls == 2:  # the records are written, the ledger is not
        os.kill(os.getpid(), signal.SIGKILL)
    return NOW
engine, collections = sa.create_engine(sys.argv[1]), compile_collections(COLLECTIONS)
exchange(json.loads(sys.argv[2]), "ana", engine, collections, clock=clock)
"""


def test_process_killed_mid_apply_is_rolled_back_and_its_retry_applies_once(world: World) -> None:
    """fault 28: SIGKILL between records and ledger; Airflow's retry sends the same request."""
    import json

    device = world.device()
    device.push(create("a", visits=0))
    request = device.batch_request(mutation("patch", "a", base=1, inc={"visits": 1}))
    url = world.engine.url.render_as_string(hide_password=False)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-c", KILLED_MID_APPLY, url, json.dumps(request)]
    killed = subprocess.run(command, env=environment, check=False)
    assert killed.returncode == -9
    assert world.records()["a"]["visits"] == 0
    for _ in range(2):
        assert world.exchange(request)["verdicts"][0]["verdict"] == "applied"
    assert world.records()["a"]["visits"] == 1
