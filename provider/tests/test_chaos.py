"""Many exchanges while connections die and locks are held: nothing is lost or doubled."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
import sqlalchemy as sa
from world import Device, World, create, mutation

from airflow_updraft.errors import CommitUnknownError
from airflow_updraft.store import transaction

SEEDS = [1, 2]
WRITERS, BATCHES = 4, 8


def send_until_answered(
    world: World, request: dict[str, Any], user: str, failures: list[str]
) -> dict[str, Any]:
    """As a device does: the same request again, however often the database fails."""
    for _ in range(50):
        try:
            return world.exchange(request, user)
        except (sa.exc.DBAPIError, CommitUnknownError) as error:
            failures.append(str(error))
    raise AssertionError(failures)


def write(world: World, index: int, failures: list[str], seed: int) -> None:
    """Send a device's batches: increments of a shared record, and own records, some sent twice."""
    chance = random.Random(seed * 100 + index)
    user = f"user{index}"
    device = Device(world, f"r{index}", user)
    device.settle(send_until_answered(world, device.request(), user, failures))
    for number in range(BATCHES):
        request = device.batch_request(
            mutation("patch", "sum", inc={"visits": 1}), create(f"{index}-{number}")
        )
        answer = send_until_answered(world, request, user, failures)
        if chance.random() < 0.3:
            assert (
                send_until_answered(world, request, user, failures)["verdicts"]
                == answer["verdicts"]
            )
        assert [v["verdict"] for v in answer["verdicts"]] in (
            ["merged", "applied"],
            ["applied", "applied"],
        )
        device.settle(answer, request)


@contextmanager
def disturbed(
    disturb: Callable[[random.Random], bool], seed: int, revision: Callable[[], int]
) -> Iterator[list[bool]]:
    """Disturb again and again beside the block; yield a list with an entry for each hit.

    The next blow waits until something was written after the last blow: on any machine, work goes
    on.
    """
    over, chance, hits = threading.Event(), random.Random(seed), []

    def work() -> None:
        while True:
            if disturb(chance):
                hits.append(True)
            before = revision()
            while revision() == before:
                if over.wait(0.005):
                    return
            if over.wait(chance.uniform(0, 0.04)):
                return

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield hits
    finally:
        over.set()
        thread.join(30)


def run_writers(world: World, seed: int) -> None:
    errors: list[BaseException] = []
    failures: list[str] = []

    def work(index: int) -> None:
        try:
            write(world, index, failures, seed)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert errors == []


def assert_nothing_lost_or_doubled(world: World) -> None:
    held = world.records()
    assert held.pop("sum")["visits"] == WRITERS * BATCHES
    assert sorted(held) == sorted(
        f"{index}-{number}" for index in range(WRITERS) for number in range(BATCHES)
    )
    assert world.revision == 1 + 2 * WRITERS * BATCHES, "effects = revisions"
    ledger = {row["replica_id"]: row["number"] for row in world.snapshot()["updraft_replicas"]}
    assert ledger == {"first": 1} | {f"r{index}": BATCHES for index in range(WRITERS)}
    reader = Device(world, "first", "ana", "e1", {"number": 1, "nonce": "first-n1"})
    assert len(reader.pull()["changes"]) == len(held) + 1


VICTIMS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'exchange' ORDER BY pid"


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"fault 30: seed {seed}")
def test_fault_30_backends_terminated_at_random(
    server_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """fault 30: at any moment of each connection, COMMIT included."""
    monkeypatch.setattr(transaction, "PAUSE_MAX_S", 0.01)
    engine = sa.create_engine(
        server_engine.url.update_query_dict({"application_name": "exchange"}), pool_size=WRITERS
    )
    world = World(engine)
    world.device("first").push(create("sum", visits=0))
    with server_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:

        def terminate(chance: random.Random) -> bool:
            pids = conn.scalars(sa.text(VICTIMS)).all()
            victim = {"pid": chance.choice(pids)} if pids else {"pid": 0}
            return bool(pids and conn.scalar(sa.text("SELECT pg_terminate_backend(:pid)"), victim))

        observer = World(server_engine)
        with disturbed(terminate, seed, lambda: observer.revision) as hits:
            run_writers(world, seed)
    assert len(hits) > WRITERS
    engine.dispose()
    assert_nothing_lost_or_doubled(World(server_engine))


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"fault 30: seed {seed}")
def test_fault_30_sqlite_locked_at_random(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """fault 30: another process's writer holds the lock for longer than an attempt waits."""
    monkeypatch.setattr(transaction, "SQLITE_WAIT_MS", 5)
    monkeypatch.setattr(transaction, "PAUSE_MAX_S", 0.01)
    world = World(sa.create_engine(f"sqlite:///{tmp_path}/s.db"))
    world.device("first").push(create("sum", visits=0))
    holder = sqlite3.connect(
        f"{tmp_path}/s.db", isolation_level=None, timeout=0, check_same_thread=False
    )

    def hold(chance: random.Random) -> bool:
        # The blow comes between two turns of the writers; asking SQLite would seldom find a free
        # lock.
        with transaction._writers.take(world.engine, 2.0), suppress(sqlite3.OperationalError):
            holder.execute("BEGIN IMMEDIATE")
        if not holder.in_transaction:
            return False
        time.sleep(chance.uniform(0.005, 0.02))
        holder.rollback()
        return True

    with disturbed(hold, seed, lambda: world.revision) as hits:
        run_writers(world, seed)
    assert hits
    assert_nothing_lost_or_doubled(world)
    holder.close()


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"fault 29: seed {seed}")
def test_fault_29_runs_of_the_same_batches_at_once(world: World, seed: int) -> None:
    """fault 29: each batch is applied by several runs, started at random; only one may win."""
    chance = random.Random(seed)
    world.device("first").push(create("sum", visits=0))
    devices = [world.device(f"r{index}", f"user{index}") for index in range(WRITERS)]
    for number in range(4):
        requests = [
            device.batch_request(
                mutation("patch", "sum", inc={"visits": 1}), create(f"{index}-{number}")
            )
            for index, device in enumerate(devices)
        ]
        runs = [index for index in range(WRITERS) for _ in range(chance.randint(2, 4))]
        chance.shuffle(runs)
        answers: list[tuple[int, dict[str, Any]]] = []

        def run(
            index: int, requests: list[dict[str, Any]] = requests, answers: Any = answers
        ) -> None:
            answers.append((index, world.exchange(requests[index], f"user{index}")))

        threads = [threading.Thread(target=run, args=(index,)) for index in runs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        for index, device in enumerate(devices):
            mine = [answer for run_index, answer in answers if run_index == index]
            assert len(mine) == runs.count(index)
            assert all(answer["verdicts"] == mine[0]["verdicts"] for answer in mine)
            device.settle(mine[0], requests[index])
    assert world.records()["sum"]["visits"] == 4 * WRITERS
    assert world.revision == 1 + 2 * 4 * WRITERS
