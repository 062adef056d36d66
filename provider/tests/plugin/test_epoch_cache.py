"""The kept epoch: seldom read, and never renewed on an old read."""

from __future__ import annotations

import pytest
from world import KeptEpoch, World, create

from airflow_updraft.plugin.epoch_cache import KEPT_SECONDS, EpochCache


class Counted(KeptEpoch):
    """The shared database of both processes: Airflow's."""

    reads = 0
    writes = 0

    def get(self) -> str | None:
        self.reads += 1
        return super().get()

    def set(self, epoch: str) -> None:
        self.writes += 1
        super().set(epoch)


class Process:
    """An API-server process: a cache before the shared keeper, and a clock."""

    def __init__(self, world: World, shared: Counted) -> None:
        self.world, self.now = world, 0.0
        self.cache = EpochCache(shared, clock=lambda: self.now)

    def pull(self, replica_id: str) -> str:
        request = self.world.device(replica_id, "ana").request(epoch=None, since=0, floor=0)
        answer = self.world.exchange(request, epoch_keeper=self.cache.for_one_exchange())
        return str(answer["epoch"])


@pytest.fixture
def shared() -> Counted:
    return Counted("e1")


def test_many_exchanges_make_one_read(world: World, shared: Counted) -> None:
    process = Process(world, shared)
    assert {process.pull(f"r{i}") for i in range(20)} == {"e1"}
    assert shared.reads == 1
    process.now += KEPT_SECONDS
    process.pull("late")
    assert shared.reads == 2


def test_restored_store_is_found_at_the_first_exchange(world: World, shared: Counted) -> None:
    process = Process(world, shared)
    process.pull("r1")
    backup = world.snapshot()
    shared.epoch = "e9"  # an epoch that was renewed after the backup was made
    process.cache.get_fresh()
    world.restore(backup)
    assert process.pull("r2") == "e2" == shared.epoch


def test_epoch_kept_by_hand_counts_when_the_cache_is_over(world: World, shared: Counted) -> None:
    process = Process(world, shared)
    process.pull("r1")
    shared.epoch = "by-hand"
    assert process.pull("r2") == "e1"
    process.now += KEPT_SECONDS
    assert process.pull("r3") == "e2" == shared.epoch


def test_two_processes_renew_once_and_not_for_ever(world: World, shared: Counted) -> None:
    one, other = Process(world, shared), Process(world, shared)
    assert (one.pull("a1"), other.pull("b1")) == ("e1", "e1")
    shared.epoch = "by-hand"
    one.now += KEPT_SECONDS
    epochs = [process.pull(f"r{i}") for i in range(10) for process in (one, other)]
    assert set(epochs) == {"e2"}, "the other process's cache is old, and it must not renew on that"
    assert shared.writes == 1


def test_first_epoch_is_kept_and_agreed_on(world: World) -> None:
    shared = Counted(None)
    one, other = Process(world, shared), Process(world, shared)
    assert {one.pull("a"), other.pull("b"), one.pull("c")} == {"e1"} == {shared.epoch}
    assert shared.writes == 1


def test_rolled_back_renewal_is_done_again(world: World, shared: Counted) -> None:
    process = Process(world, shared)
    process.pull("r1")
    process.cache.for_one_exchange().set("e7")  # the store's transaction failed after this
    assert process.pull("r2") == "e2" == shared.epoch


def test_keeper_that_fails_stops_the_exchange_before_it_writes(
    world: World, shared: Counted
) -> None:
    process = Process(world, shared)
    device = world.device()

    def fail() -> str:
        raise ConnectionError("Airflow's database is down")

    shared.get = fail  # type: ignore[method-assign]
    with pytest.raises(ConnectionError):
        world.exchange(
            device.batch_request(create("a")), epoch_keeper=process.cache.for_one_exchange()
        )
    assert world.records() == {}
