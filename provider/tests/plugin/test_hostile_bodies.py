"""fault 65: bodies that cost more than their content, and sign-ins that only look like a header."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import zlib
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlsplit

import pytest
from fastapi import Request
from plugin_site import Site, token
from world import create

from airflow_updraft.limits import LIMITS
from airflow_updraft.plugin import body as bodies
from airflow_updraft.plugin import routes
from airflow_updraft.plugin.problems import RouteError

MEMBERS = gzip.compress(b"") * 52_400


def kind(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["detail"]["kind"]


def send(site: Site, head: str, body: bytes = b"") -> tuple[int, Any]:
    """Send a request that a well-kept client library refuses; return status and JSON."""
    url = urlsplit(site.url)
    with socket.create_connection((url.hostname or "", url.port or 0), timeout=10) as wire:
        wire.sendall(
            f"POST {url.path}/updraft/v1/exchange HTTP/1.1\r\n"
            f"Host: x\r\nConnection: close\r\n{head}".encode()
        )
        wire.sendall(b"\r\n" + body)
        answer = HTTPResponse(wire)
        answer.begin()
        return answer.status, json.loads(answer.read())


NO_TOKEN = ["Bearer ", "Bearer", "bearer   ", "Bearer \t ", "Basic YTpi", "Bearer x.y", " "]


@pytest.mark.parametrize("header", NO_TOKEN, ids=repr)
def test_case_b9_cookie_beside_a_header_without_a_good_token_needs_the_other_header(
    site: Site, header: str
) -> None:
    """case B9: the check is skipped only for a token that really comes from the header."""
    body = json.dumps(site.world.device().batch_request(create("a"))).encode()
    cookie = f"Cookie: _token={token('ana')}\r\n"
    head = f"{cookie}Authorization: {header}\r\nContent-Length: {len(body)}\r\n"
    status, answer = send(site, head, body)
    assert status == 403
    assert (
        answer["detail"] == "Invalid JWT token"
        if "x.y" in header
        else answer["detail"]["kind"] == "csrf"
    )
    assert site.world.records() == {}


def test_case_b9_good_token_needs_no_other_header_whatever_the_cookie(site: Site) -> None:
    """case B9: also beside anybody's cookie: another page cannot bring along a token."""
    request = site.world.device().request()
    for cookie in ("_token=old", f"_token={token('ana')}", f"_token={token('ben')}"):
        answer = site.post(request, None, Cookie=cookie, Authorization=f"bearer {token('ana')}")
        assert (answer.status_code, answer.json().get("refused")) == (200, None), cookie


@pytest.mark.parametrize(
    "tail",
    [gzip.compress(b""), gzip.compress(b" "), b"\0", b"trailing", MEMBERS],
    ids=lambda tail: str(len(tail)),
)
def test_case_b10_more_than_one_member_is_refused(site: Site, tail: bytes) -> None:
    """case B10: a single member, and nothing after."""
    request = gzip.compress(json.dumps(site.world.device().batch_request(create("a"))).encode())
    refused = site.post(
        (request + tail)[: LIMITS["plugin"].request_bytes_max], **{"Content-Encoding": "gzip"}
    )
    assert kind(refused) == (400, "encoding")
    assert site.world.records() == {}
    assert (
        site.post(request, **{"Content-Encoding": "gzip"}).json()["verdicts"][0]["verdict"]
        == "applied"
    )


def test_case_b10_empty_members_cost_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """case B10: a megabyte of empty members took 0.3 s of the processor, a turn for each."""
    begun: list[int] = []
    real = zlib.decompressobj

    def counted(format_: int) -> Any:
        begun.append(format_)
        return real(format_)

    monkeypatch.setattr(zlib, "decompressobj", counted)
    with pytest.raises(RouteError, match="one whole gzip member"):
        bodies.read_text(MEMBERS, "gzip")
    assert len(begun) == 1, "the first member is looked at, and none after it"


def test_case_b10_rights_are_checked_before_the_body_is_unpacked(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """case B10: who may neither read nor trigger costs no more than the question."""
    from fastapi import HTTPException

    def forbid(*_: object) -> None:
        raise HTTPException(403, "Forbidden")

    def unpack(*_: object) -> str:
        raise AssertionError("the body was looked at")

    monkeypatch.setattr("airflow_updraft.plugin.access.require_runs", forbid)
    monkeypatch.setattr(routes, "read_text", unpack)
    answer = site.post(MEMBERS, **{"Content-Encoding": "gzip"})
    assert (answer.status_code, answer.json()) == (403, {"detail": "Forbidden"})


async def slow_body(pauses: list[float]) -> bytes:
    parts = iter(pauses)

    async def receive() -> dict[str, Any]:
        pause = next(parts, None)
        if pause is None:
            return {"type": "http.request", "body": b"", "more_body": False}
        await asyncio.sleep(pause)
        return {"type": "http.request", "body": b"x", "more_body": True}

    return await bodies.read_raw(Request({"type": "http", "headers": []}, receive))


@pytest.mark.parametrize("pauses", [[0, 0.4], [0.08] * 6], ids=["one part", "all of it"])
def test_case_b10_slow_body_is_ended(monkeypatch: pytest.MonkeyPatch, pauses: list[float]) -> None:
    """case B10: neither a part nor the whole may take for ever."""
    monkeypatch.setattr(bodies, "PART_SECONDS_MAX", 0.2)
    monkeypatch.setattr(bodies, "BODY_SECONDS_MAX", 0.3)
    with pytest.raises(RouteError) as refused:
        asyncio.run(slow_body(pauses))
    assert (refused.value.status, refused.value.kind) == (408, "slow")


def test_case_b10_body_in_time_is_whole() -> None:
    assert asyncio.run(slow_body([0.0, 0.01, 0.01])) == b"xxx"


def test_case_b10_slow_client_is_answered_and_leaves_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """case B10: over a real connection."""
    monkeypatch.setattr(bodies, "PART_SECONDS_MAX", 0.2)
    status, answer = send(
        site, f"Authorization: Bearer {token('ana')}\r\nContent-Length: 99\r\n", b"{"
    )
    assert (status, answer["detail"]["kind"]) == (408, "slow")
    assert site.post(site.world.device().request()).status_code == 200
