"""After a COMMIT of unknown outcome, the exchange runs again and gives the first run's answer."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any, get_args

import pytest
import sqlalchemy as sa
from postgres_proxy import Proxy, When, engine_through
from world import Device, KeptEpoch, World, create, mutation, patch

from airflow_updraft.store.transaction import Pace

Story = Callable[[World], tuple[dict[str, Any], str]]


def device_with_past(world: World) -> Device:
    device = world.device()
    device.push(create("a", visits=0, note="n"), create("b"))
    world.device("other", "bob").push(patch("a", base=2, note="bob's"))
    return device


def batch(world: World) -> tuple[dict[str, Any], str]:
    device = device_with_past(world)
    one_up = mutation("patch", "a", base=2, inc={"visits": 1})
    conflict, rejected = patch("a", base=2, note="mine"), create("c", visits=-1)
    return device.batch_request(one_up, conflict, rejected, create("d")), "ana"


def pull(world: World) -> tuple[dict[str, Any], str]:
    return device_with_past(world).request(), "ana"


def first_pull(world: World) -> tuple[dict[str, Any], str]:
    device_with_past(world)
    return Device(world, "new", "cyd").request(), "cyd"


def void(world: World) -> tuple[dict[str, Any], str]:
    return device_with_past(world).request(void={"number": 2, "nonce": "r1-n2"}), "ana"


def fork(world: World) -> tuple[dict[str, Any], str]:
    device = device_with_past(world)
    twin = Device(world, "r1", "ana", device.epoch, device.last, device.since, device.floor)
    device.push(create("c"))
    return twin.batch_request(create("twin"), nonce="twin"), "ana"


def renewal(world: World) -> tuple[dict[str, Any], str]:
    device = device_with_past(world)
    assert world.keeper
    world.keeper.set("of another life")
    return device.request(), "ana"


def renewal_with_batch(world: World) -> tuple[dict[str, Any], str]:
    device = device_with_past(world)
    assert world.keeper
    world.keeper.set("of another life")
    return device.batch_request(create("c")), "ana"


def branch(world: World) -> tuple[dict[str, Any], str]:
    return device_with_past(world).request(since=1_000), "ana"


def branch_with_batch(world: World) -> tuple[dict[str, Any], str]:
    device = device_with_past(world)
    device.since = 1_000
    return device.batch_request(create("c")), "ana"


RENEWALS = (renewal, renewal_with_batch)
BRANCHES = (branch, branch_with_batch)
STORIES: list[Story] = [batch, pull, first_pull, void, fork, *RENEWALS, *BRANCHES]


@pytest.fixture
def proxy(server_engine: sa.Engine) -> Iterator[Proxy]:
    proxy = Proxy(str(server_engine.url.query["host"]), 5432)
    yield proxy
    proxy.close()


@pytest.mark.parametrize("story", STORIES, ids=lambda story: f"fault 30: {story.__name__}")
@pytest.mark.parametrize("when", get_args(When))
def test_fault_30_unknown_commit(
    server_engine: sa.Engine, proxy: Proxy, tmp_path: Any, when: When, story: Story
) -> None:
    """fault 30: the connection is lost before the server sees COMMIT, or after COMMIT."""
    driver = server_engine.url.drivername.split("+")[1]
    undisturbed = World(sa.create_engine(f"sqlite:///{tmp_path}/control.db"), keeper=KeptEpoch())
    expected = undisturbed.exchange(*story(undisturbed))
    engine = engine_through(proxy, server_engine.url, driver)
    world, waits = World(engine, keeper=KeptEpoch()), itertools.count()
    request, user = story(world)
    proxy.lose_next_commit(when)
    answer = world.exchange(
        request, user, pace=Pace(sleep=lambda _: next(waits) and None, random=lambda: 1.0)
    )
    assert (proxy.lost, next(waits)) == (1, 1), "one COMMIT was lost and one attempt followed"
    if story in RENEWALS + BRANCHES and when == "before":
        # The first renewal was never committed; the second is another, and the only known renewal.
        before = "e1." if story in BRANCHES else ""
        assert (expected["epoch"], answer["epoch"]) == (f"{before}e2", f"{before}e3")
        expected["epoch"] = f"{before}e3"
    assert answer == expected
    assert world.keeper is not None
    assert world.keeper.epoch == answer["epoch"].partition(".")[0]
    assert [{**row, "epoch": ""} for row in world.snapshot()["updraft_meta"]] == [
        {**row, "epoch": ""} for row in undisturbed.snapshot()["updraft_meta"]
    ]
    assert world.records() == undisturbed.records()
    assert world.exchange(request, user) == answer, "and a resend is answered the same"
    engine.dispose()
