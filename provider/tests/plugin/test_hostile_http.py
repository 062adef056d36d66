"""fault 40: a thousand hostile requests over HTTP, half of them on each database."""

from __future__ import annotations

import json
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from urllib.parse import urlsplit

import httpx
import pytest
from guarded import BOX, SECRET, Guard, be_good, guarded_world
from hostile_bodies import Sent, hostile_http
from plugin_site import Site, token
from world import COLLECTIONS, Device, create

REQUESTS = 500
STATUSES = {200, 400, 413, 415}
"""Of an exchange by who is signed in and may. 503 would mean that the request has hurt the server."""


@contextmanager
def guarded_site(site: Site) -> Iterator[tuple[Guard, Device]]:
    """Records of two users in the site's store, and a guard on the server's own connections to it."""
    declared = COLLECTIONS | {"box": BOX}
    site.collections_file.write_text(json.dumps({"version": 1, "collections": declared}))
    site.restart()
    engine = site.desk.store.open().engine
    world, device = guarded_world(engine)
    guard = Guard(world, engine)
    be_good(world)
    device.pull()
    guard.learn()
    try:
        yield guard, device
    finally:
        guard.close()


def look_at(sent: Sent, answer: httpx.Response, guard: Guard, device: Device) -> str:
    """Raise AssertionError unless the answer is a documented one and nothing has happened; return what it was."""
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
    """fault 40: whatever body and headers are, the answer is a documented one; a failing seed is its own replay."""
    chance, seen = Random(seed), Counter[str]()
    with guarded_site(site) as (guard, device), site.client() as client:
        for index in range(REQUESTS):
            sent = hostile_http(chance, device)
            try:
                answer = client.request(sent.method, sent.path, content=sent.body, headers=sent.headers)
                seen[look_at(sent, answer, guard, device)] += 1
            except (AssertionError, KeyError, ValueError) as error:
                raise AssertionError(f"request {index} of seed {seed}: {error!r}\n{answer.text}\n{sent!r}") from error
        guard.check_at_rest()
        assert site.post(device.batch_request(create("at-last"))).json()["verdicts"][0]["verdict"] == "applied"
    assert seen.keys() == {"path", "400", "413", "415", "verdicts", "refused"}, seen


def test_bodies_that_break_off_have_no_effect(site: Site) -> None:
    """fault 40: the connection ends before the body does, at any byte of it."""
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
