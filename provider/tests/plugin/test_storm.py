"""fault 20, 24, 41: clients give up too early, lack rights, or all come back at once.

Nothing is lost or doubled.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from random import Random
from typing import Any

import httpx
import pytest
from plugin_site import Site
from world import Device, create, mutation

from airflow_updraft.plugin import retry_after_schedule, routes


def count(name: str) -> tuple[dict[str, Any], ...]:
    """Return a record's creation, and the increment of the shared counter."""
    return create(name), mutation("patch", "count", inc={"visits": 1})


def assert_each_counts_once(site: Site, names: set[str]) -> None:
    held = site.world.records()
    assert held.pop("count")["visits"] == len(held)
    assert held.keys() == names


@pytest.mark.parametrize("moment", ["before it is applied", "after it was applied"])
def test_client_that_gives_up_while_the_server_works(
    site: Site, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """fault 20: the client gives up, the server goes on; the resend meets the first, and one
    counts."""
    real, entered, go_on = routes.exchange, threading.Event(), threading.Event()

    def held(*args: Any, **kwargs: Any) -> Any:
        answer = real(*args, **kwargs) if moment.startswith("after") else None
        entered.set()
        assert go_on.wait(20)
        return answer or real(*args, **kwargs)

    site.world.device("first").push(create("count", visits=0))
    request = site.world.device().batch_request(*count("a"))
    monkeypatch.setattr(routes, "exchange", held)
    with site.client() as client, pytest.raises(httpx.ReadTimeout):
        client.post("/exchange", json=request, timeout=0.5)
    assert entered.wait(20)
    with ThreadPoolExecutor(1) as pool:
        resend = pool.submit(site.post, request)
        go_on.set()
        answer = resend.result().json()
    assert [v["verdict"] for v in answer["verdicts"]] == ["applied", "merged"]
    assert site.post(request).json()["verdicts"] == answer["verdicts"]
    assert_each_counts_once(site, {"a"})


def send_as_a_device(
    site: Site, device: Device, request: dict[str, Any], patience: float
) -> dict[str, Any]:
    """Send the same bytes until answered; wait as the server asks."""
    with site.client(device.user) as client:
        while True:
            try:
                answer = client.post("/exchange", json=request, timeout=patience)
            except httpx.TransportError:
                patience *= 1.5
                continue
            if answer.status_code == 503:
                time.sleep(float(answer.headers["retry-after"]))
                continue
            assert answer.status_code == 200, answer.text
            return device.settle(answer.json(), request)


def at_once(
    site: Site, seed: int, devices: int, batches: int, patience: tuple[float, float]
) -> set[str]:
    """Let so many devices come back at once, each with so many batches; return the created ids."""
    site.world.device("first").push(create("count", visits=0))
    phones = [
        site.world.device(f"phone{index}", ("ana", "ben")[index % 2]) for index in range(devices)
    ]
    start = threading.Barrier(devices)

    def come_back(device: Device) -> set[str]:
        chance, made = Random(f"{seed} {device.replica_id}"), set()
        start.wait(20)
        for number in range(batches):
            name = f"{device.replica_id}-{number}"
            request = device.batch_request(*count(name))
            answer = send_as_a_device(site, device, request, chance.uniform(*patience))
            if chance.random() < 0.2:
                assert site.post(request, device.user).json().get("verdicts") in (
                    answer["verdicts"],
                    None,
                )
            made.add(name)
        return made

    with ThreadPoolExecutor(devices) as pool:
        return set().union(*pool.map(come_back, phones))


@pytest.fixture
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip the seconds of the server's Retry-After."""
    monkeypatch.setattr(retry_after_schedule, "RETRY_SECONDS_MIN", 0)
    monkeypatch.setattr(retry_after_schedule, "RETRY_SECONDS_MAX", 0)


@pytest.mark.usefixtures("in_a_hurry")
def test_storm_through_a_narrow_gate(site: Site) -> None:
    """fault 41: twenty devices at once, a line for five: most are told to come back, and Airflow
    answers meanwhile."""
    site.restart(exchanges_at_once=1, exchanges_waiting_max=4)
    over, health = threading.Event(), []

    def ask_airflow() -> None:
        while not over.is_set():
            begun = time.monotonic()
            status = httpx.get(
                f"{site.url}/api/v2/version", trust_env=False, timeout=20
            ).status_code
            health.append((status, time.monotonic() - begun))

    asking = threading.Thread(target=ask_airflow)
    asking.start()
    try:
        made = at_once(site, 0, devices=20, batches=1, patience=(20, 20))
    finally:
        over.set()
        asking.join(20)
    assert len(made) == 20
    assert_each_counts_once(site, made)
    assert {status for status, _ in health} == {200}


@pytest.mark.usefixtures("in_a_hurry")
@pytest.mark.parametrize("seed", [1, 2, 3, 4], ids=lambda seed: f"fault 20, 41: seed {seed}")
def test_storm_of_impatient_clients(site: Site, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """fault 20, 41: a slow server, clients that wait for a random time, resends and all.

    Some of these servers have a gate too narrow for so many: then clients are sent away besides.
    """
    real, chance = routes.exchange, Random(seed)
    site.restart(exchanges_at_once=chance.randint(1, 4), exchanges_waiting_max=chance.randint(1, 6))
    devices = chance.randint(5, 9)

    def slow(*args: Any, **kwargs: Any) -> Any:
        time.sleep(chance.choice([0, 0, 0.03]))
        answer = real(*args, **kwargs)
        time.sleep(chance.choice([0, 0, 0.03]))
        return answer

    monkeypatch.setattr(routes, "exchange", slow)
    made = at_once(site, seed, devices, batches=3, patience=(0.02, 0.1))
    assert len(made) == devices * 3
    assert_each_counts_once(site, made)


@pytest.mark.parametrize("seed", [1, 2], ids=lambda seed: f"fault 24: seed {seed}")
def test_rights_at_random(site: Site, seed: int) -> None:
    """fault 24: who may not send is told so each time and holds up nobody who may; pulls go on."""
    chance, made = Random(seed), set()
    devices = [site.world.device(user, user) for user in ("ana", "ben", "vera")]
    site.world.device("first").push(create("count", visits=0))
    for number in range(40):
        device = chance.choice(devices)
        kind = chance.choice(["pull", "push", "void"])
        request = {
            "pull": device.request(),
            "push": device.batch_request(*count(f"{device.user}-{number}")),
            "void": device.request(void={"number": 1, "nonce": "n"}),
        }[kind]
        if kind == "void" and device.user != "vera":
            continue
        answer = site.post(request, device.user)
        assert answer.status_code == (403 if device.user == "vera" and kind != "pull" else 200)
        if answer.status_code == 200:
            device.settle(answer.json(), request if kind == "push" else None)
            made |= {f"{device.user}-{number}"} if kind == "push" else set()
    assert_each_counts_once(site, made)


def test_case_b7_other_users_exchange_while_one_asks_for_everything(site: Site) -> None:
    """case B7: over HTTP, through a gate with a single place: 140 pulls at once were everybody's
    503."""
    site.restart(exchanges_at_once=1, exchanges_waiting_max=8)
    devices = {user: site.world.device(user, user) for user in ("ana", "ben", "vera")}
    requests = {user: device.request() for user, device in devices.items()}
    with ThreadPoolExecutor(60) as pool:
        greedy = [pool.submit(site.post, requests["ana"], "ana") for _ in range(140)]
        others = [
            site.post(requests[user], user).status_code
            for _ in range(15)
            for user in ("ben", "vera")
        ]
        anas = Counter(one.result().status_code for one in greedy)
    assert others == [200] * 30
    assert anas.keys() <= {200, 503}


def test_case_b7_streams_of_one_user_are_a_share_of_all(site: Site) -> None:
    """case B7: 250 streams of a single viewer left none for others."""
    site.restart(streams_max=10, streams_per_user_max=3)
    with ExitStack() as open_streams:

        def opened(user: str) -> int:
            client = open_streams.enter_context(site.client(user))
            return open_streams.enter_context(client.stream("GET", "/live")).status_code

        assert [opened("vera") for _ in range(5)] == [200, 200, 200, 503, 503]
        assert opened("ana") == 200
