"""hello and exchange over HTTP: rights, limits, encodings, and answers to errors."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from plugin_site import Site, token
from world import create, delete, only_verdict

from airflow_updraft.limits import LIMITS


def kind(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["detail"]["kind"]


def test_hello_says_what_the_server_speaks_and_holds(site: Site) -> None:
    answer = site.get("/hello").json()
    assert (answer["protocol"], answer["user"], answer["live"], answer["epoch"]) == (
        1,
        "ana",
        True,
        "e1",
    )
    assert answer["collections"]["diary"] == {
        "schema": site.world.declared["diary"]["schema"],
        "read": "own",
        "write": "own",
        "onConflict": "ask",
    }
    assert answer["limits"]["batchMutationsMax"] == LIMITS["plugin"].batch_mutations_max
    assert answer["limits"].keys() == {
        "batchMutationsMax",
        "batchBytesMax",
        "pageChangesMax",
        "pageBytesMax",
        "verdictsBytesMax",
        "requestBytesMax",
    }


@pytest.mark.parametrize("user", ["ana", "vera"])
def test_case_b11_hello_shows_the_collections_that_the_user_has_to_do_with(
    site: Site, user: str
) -> None:
    """case B11: the schema of a collection that only Airflow uses is nobody's business."""
    declared = site.world.declared | {
        "inner": {"schema": {"title": "secret"}, "read": "none", "write": "none"}
    }
    site.collections_file.write_text(json.dumps({"version": 1, "collections": declared}))
    answer = site.get("/hello", user)
    assert answer.json()["collections"].keys() == site.world.declared.keys()
    assert "secret" not in answer.text


def test_exchange_answers_as_the_engine_does(site: Site) -> None:
    device = site.world.device()
    request = device.batch_request(create("a", note="é 😀"), create("b", status="bad"))
    answer = site.post(request)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert [v["verdict"] for v in answer.json()["verdicts"]] == ["applied", "rejected"]
    assert site.post(request).json() == answer.json(), "a resend is replayed"
    assert site.world.records() == {"a": {"note": "é 😀"}}


def test_exchange_acts_as_the_signed_in_user_whoever_is_named(site: Site) -> None:
    request = site.world.device("r1", "ana").batch_request(
        create("a", collection="diary", note="mine")
    )
    refused = site.post(request, user="ben")
    assert (refused.status_code, refused.json()["refused"]) == (200, "user_mismatch")
    assert site.world.records("diary") == {}
    assert only_verdict(site.post(request).json())["verdict"] == "applied"
    ben = site.world.device("r2", "ben").request(since=0, floor=0)
    assert site.post(ben, user="ben").json()["changes"] == []


@pytest.mark.parametrize("path", ["/hello", "/live", "/overview", "/page"])
def test_no_route_answers_a_stranger(site: Site, path: str) -> None:
    assert (site.get(path, user=None).status_code, site.get(path, user=None).json()) == (
        401,
        {"detail": "Not authenticated"},
    )
    bad = site.get(path, user=None, Authorization="Bearer nonsense")
    assert (bad.status_code, bad.json()) == (403, {"detail": "Invalid JWT token"})


def test_exchange_needs_a_token_that_is_still_good(site: Site) -> None:
    request = site.world.device().batch_request(create("a"))
    assert site.post(request, user=None).status_code == 401
    old = site.post(request, user=None, Authorization=f"Bearer {token('ana', -60)}")
    assert (old.status_code, old.json()) == (401, {"detail": "Token Expired"})
    assert site.world.records() == {}


def test_viewer_may_pull_but_not_push(site: Site) -> None:
    """fault 24: settling is answered with 403, and nothing is written."""
    device = site.world.device("v1", "vera")
    assert site.post(device.request(), user="vera").status_code == 200
    for request in (
        device.batch_request(create("a")),
        device.request(void={"number": 1, "nonce": "n"}),
    ):
        refused = site.post(request, user="vera")
        assert (refused.status_code, refused.json()) == (403, {"detail": "Forbidden"})
    assert site.world.records() == {}


@pytest.mark.parametrize("path", ["/hello", "/live", "/overview"])
def test_cookie_alone_is_not_enough(site: Site, path: str) -> None:
    cookie = f"_token={token('olga')}"
    assert kind(site.get(path, user=None, Cookie=cookie)) == (403, "csrf")
    if path != "/live":
        assert site.get(path, user=None, Cookie=cookie, **{"X-Updraft": "1"}).status_code == 200


def test_forged_exchange_has_no_effect(site: Site) -> None:
    request, cookie = site.world.device().batch_request(create("a")), f"_token={token('ana')}"
    assert kind(site.post(request, user=None, Cookie=cookie)) == (403, "csrf")
    assert kind(site.post(request, user=None, Cookie=cookie, **{"X-Updraft": "yes"})) == (
        403,
        "csrf",
    )
    assert site.world.records() == {}
    assert site.post(request, user=None, Cookie=cookie, **{"X-Updraft": "1"}).status_code == 200


def test_page_opens_by_cookie_alone_and_forbids_foreign_code(site: Site) -> None:
    cookie = f"_token={token('vera')}"
    for path, media_type in (
        ("/page", "text/html"),
        ("/page.js", "text/javascript"),
        ("/page.css", "text/css"),
    ):
        answer = site.get(path, user=None, Cookie=cookie)
        assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (
            200,
            media_type,
        )
        assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert site.get("/page.py").status_code == 404


def test_gzip_both_ways(site: Site) -> None:
    many = [create(f"r{i}", note="x" * 50) for i in range(100)]
    packed = gzip.compress(json.dumps(site.world.device().batch_request(*many)).encode())
    answer = site.post(packed, **{"Content-Encoding": "gzip", "Accept-Encoding": "gzip"})
    assert len(site.world.records()) == 100
    assert answer.headers["content-encoding"] == "gzip"
    assert (
        int(answer.headers["content-length"])
        < len(answer.content)
        == len(json.dumps(answer.json()).replace(" ", ""))
    )
    plain = site.post(packed, **{"Content-Encoding": "gzip", "Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.json() == answer.json()


def test_body_over_the_limit_is_refused_before_it_is_whole(site: Site) -> None:
    limit = LIMITS["plugin"].request_bytes_max
    assert kind(site.post(b"x" * (limit + 1))) == (413, "too_large")
    with site.client() as client:
        chunked = client.post(
            "/exchange", content=(b"x" * 65_536 for _ in range(limit // 65_536 + 1))
        )
    assert kind(chunked) == (413, "too_large")
    assert site.post(b" " * limit).status_code == 200, (
        "at the limit it is read, and refused in the protocol's words"
    )


def test_bomb_is_not_unpacked(site: Site) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    assert len(bomb) < LIMITS["plugin"].request_bytes_max
    assert kind(site.post(bomb, **{"Content-Encoding": "gzip"})) == (413, "too_large")


def test_wrong_encodings_are_named(site: Site) -> None:
    body = json.dumps(site.world.device().request()).encode()
    assert kind(site.post(body, **{"Content-Encoding": "br"})) == (415, "encoding")
    assert kind(site.post(body, **{"Content-Encoding": "gzip"})) == (400, "encoding")
    assert kind(site.post(gzip.compress(body)[:-9], **{"Content-Encoding": "gzip"})) == (
        400,
        "encoding",
    )
    assert kind(site.post(b'{"\xff": 1}')) == (400, "encoding")


@pytest.mark.parametrize(
    "body", ["", "null", "[", "[1]", '{"protocol": 3}', "[" * 100_000, "1" * 100_000, "NaN"]
)
def test_malformed_request_is_refused_in_the_protocols_words(site: Site, body: str) -> None:
    answer = site.post(body)
    assert (answer.status_code, answer.json()["refused"], answer.json()["epoch"]) == (
        200,
        "invalid",
        None,
    )


def test_half_a_surrogate_pair_in_a_rejected_mutation_is_answered(site: Site) -> None:
    request = site.world.device().batch_request(create("\ud800"), delete("b", base=0))
    verdicts = site.post(request).json()["verdicts"]
    assert [(v["id"], v["verdict"]) for v in verdicts] == [("\ud800", "rejected"), ("b", "merged")]


def test_unknown_route_is_404_so_that_a_worker_can_tell(site: Site) -> None:
    assert site.get("/nothing").status_code == 404
