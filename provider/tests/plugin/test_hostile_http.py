"""fault 40: a thousand hostile requests over HTTP, half on each database."""

from __future__ import annotations

import json
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from guarded import BOX, SECRET, Guard, be_good, guarded_world
from hostile_bodies import Sent, hostile_http
from optional_keys import fuzzed_request
from plugin_site import Site, token
from world import COLLECTIONS, Device, create

REQUESTS = 500
FUZZED = 320
STATUSES = {200, 400, 413, 415}
"""Statuses for a signed-in user with rights. 503 would mean that the request has hurt the server.
"""


@contextmanager
def guarded_site(site: Site) -> Iterator[tuple[Guard, Device]]:
    """Put two users' records in the site's store, and a guard on the server's connections."""
    declared = COLLECTIONS | {"box": BOX}
    site.collections_file.write_text(json.dumps({"version": 1, "collections": declared}))
    site.restart(replicas_per_user_max=10**6)
    engine = site.desk.store.open().engine
    world, device = guarded_world(engine)
    # A new process marks the store with its secret; after that it only looks, now and then.
    assert site.post(device.request()).status_code == 200
    guard = Guard(world, engine)
    site.desk.store.look_again()
    site.desk.secrets.forget()
    assert site.post(device.request()).status_code == 200
    be_good(world)
    device.pull()
    guard.learn()
    try:
        yield guard, device
    finally:
        guard.close()


def look_at(sent: Sent, answer: httpx.Response, guard: Guard, device: Device) -> str:
    """Raise AssertionError unless the answer is documented and nothing has happened; return the
    outcome."""
    assert SECRET not in answer.text
    if sent.path != "/exchange":
        assert answer.status_code in (200, 307, 404, 405)
        guard.check_at_rest()
        return "path"
    assert answer.status_code in STATUSES
    if answer.status_code != 200:
        assert answer.json()["detail"]["kind"] in ("encoding", "too_large")
        guard.check_at_rest()
        return str(answer.status_code)
    response = answer.json()
    guard.check(response, sent.request.get("replicaId") if sent.request else device.replica_id)
    if sent.request and "verdicts" in response:
        device.settle(response, sent.request)
    elif sent.request and response.get("refused") == "void":
        device.last = sent.request["void"]
    return "verdicts" if "verdicts" in response else "refused"


@pytest.mark.parametrize("seed", [1], ids=lambda seed: f"fault 40: seed {seed}")
def test_hostile_http_has_no_effect(site: Site, seed: int) -> None:
    """fault 40: with any body and headers the answer is documented; a failing seed is its own
    replay."""
    chance, seen = Random(seed), Counter[str]()
    with guarded_site(site) as (guard, device), site.client() as client:
        for index in range(REQUESTS):
            sent = hostile_http(chance, device)
            try:
                answer = client.request(
                    sent.method, sent.path, content=sent.body, headers=sent.headers
                )
                seen[look_at(sent, answer, guard, device)] += 1
            except (AssertionError, KeyError, ValueError) as error:
                raise AssertionError(
                    f"request {index} of seed {seed}: {error!r}\n{answer.text}\n{sent!r}"
                ) from error
        guard.check_at_rest()
        assert (
            site.post(device.batch_request(create("at-last"))).json()["verdicts"][0]["verdict"]
            == "applied"
        )
    assert seen.keys() == {"path", "400", "413", "415", "verdicts", "refused"}, seen


def settled_by(
    device: Device, made: dict[str, Any], answer: httpx.Response, said: str
) -> list[str]:
    """Return the outcome; raise AssertionError unless a working server answered so."""
    if answer.status_code == 503:
        assert answer.json()["detail"]["kind"] == "busy", said
        return ["busy"]
    assert answer.status_code == 200, said
    response = answer.json()
    if "verdicts" in response and isinstance(made.get("batch"), str):
        device.settle(response, made)
    elif response.get("refused") == "void" and made.get("void"):
        device.last = made["void"]
    device.epoch = response.get("epoch") or device.epoch
    return [verdict["verdict"] for verdict in response.get("verdicts", ())] or [
        response.get("refused") or "page"
    ]


def test_every_optional_key_present_and_absent_has_an_answer(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """fault 49, case A17: no exception behind any answer, and no 5xx but 503 ``busy``."""
    chance, seen = Random(17), Counter[str]()
    devices = [
        site.world.device(f"r{number}", user) for number, user in enumerate(["ana", "ben", "ana"])
    ]
    with site.client("ana") as ana, site.client("ben") as ben:
        for index in range(FUZZED):
            device = chance.choice(devices)
            made = fuzzed_request(chance, device, site.world.revision)
            answer = (ana if device.user == "ana" else ben).post(
                "/exchange", content=json.dumps(made)
            )
            said = f"request {index}: {answer.status_code} {answer.text}\n{made!r}"
            seen.update(settled_by(device, made, answer, said))
    assert [
        record.getMessage()
        for record in caplog.records
        if record.exc_info or record.levelname == "ERROR"
    ] == []
    assert {"conflicted", "rejected", "page", "invalid"} <= seen.keys(), seen
    assert seen["applied"] + seen["merged"] > 0, seen
    assert (
        site.post(devices[0].batch_request(create("at-last")), user=devices[0].user).status_code
        == 200
    )


def test_bodies_that_break_off_have_no_effect(site: Site) -> None:
    """fault 40: the connection ends before the body does, at any byte."""
    chance = Random(2)
    with guarded_site(site) as (guard, device):
        body = json.dumps(device.batch_request(create("evil", note="n"))).encode()
        url = urlsplit(site.url)
        head = (
            f"POST {url.path}/updraft/v1/exchange HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {token('ana')}\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode()
        for _ in range(20):
            with socket.create_connection((url.hostname, url.port)) as wire:
                wire.sendall(head + body[: chance.randrange(len(body))])
                wire.shutdown(socket.SHUT_WR)
                assert wire.recv(100).split(b" ")[1:2] in ([], [b"400"])
        guard.check_at_rest()
        assert site.post(device.request()).status_code == 200
