"""Live over HTTP on a real store: lines when something changed, and how streams end."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from plugin_site import Site
from world import create

from airflow_updraft.plugin import live


@contextmanager
def stream(site: Site, user: str = "ana", **headers: str) -> Iterator[Iterator[dict[str, Any]]]:
    with site.client(user, **headers) as client, client.stream("GET", "/live") as response:
        assert (response.status_code, response.headers["content-type"]) == (
            200,
            "application/x-ndjson",
        )
        yield (json.loads(line) for line in response.iter_lines())


def test_first_line_has_all_heads_and_the_next_what_changed(site: Site) -> None:
    site.world.device("w", "ben").push(create("a"), create("b", collection="diary"))
    with stream(site) as lines:
        first = next(lines)
        assert (first["epoch"], first["revision"]) == ("e1", 2)
        assert first["heads"] == {
            "asks": 1,
            "clients": 0,
            "servers": 0,
            "diary": 2,
            "sites": 0,
            "anything": 0,
        }
        site.world.server({"put": {"collection": "sites", "record": {"id": "s"}}})
        assert next(lines) == {"epoch": "e1", "revision": 3, "heads": {"sites": 3}}


def test_line_comes_through_airflows_compression_at_once(site: Site) -> None:
    with stream(site, **{"Accept-Encoding": "gzip"}) as lines:
        begun = time.monotonic()
        next(lines)
        assert time.monotonic() - begun < live.HEARTBEAT_SECONDS / 2


def test_own_exchange_is_told_without_waiting_for_the_next_look(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "POLL_SECONDS", 60.0)
    request = site.world.device().batch_request(create("a"))
    with stream(site) as lines:
        next(lines)
        assert site.post(request).status_code == 200
        assert next(lines)["heads"] == {"asks": 1}


def test_new_epoch_tells_all_heads_again(site: Site) -> None:
    site.world.device("w", "ben").push(create("a"))
    site.keeper.epoch = "e1"
    with stream(site) as lines:
        next(lines)
        site.keeper.epoch = "another"  # the sign of a restored backup
        site.world.keeper = site.keeper
        site.world.device("v", "cyd")
        line = next(lines)
        assert (line["epoch"], len(line["heads"])) == ("e2", 6)


def test_pruning_does_not_move_a_head_back(site: Site) -> None:
    device = site.world.device("w", "ben")
    device.push(create("a"), create("b"))
    with stream(site) as lines:
        assert next(lines)["heads"]["asks"] == 2
        site.world.server({"delete": {"collection": "asks", "id": "b"}})
        assert next(lines)["heads"] == {"asks": 3}
        site.world.server({"prune": 3})
        site.world.server({"put": {"collection": "sites", "record": {"id": "s"}}})
        assert next(lines)["heads"] == {"sites": 4}


def test_silence_is_broken_by_heartbeats(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 0.1)
    with stream(site) as lines:
        next(lines)
        assert [next(lines) for _ in range(3)] == [{}, {}, {}]


def test_stream_ends_after_its_time_so_that_rights_are_checked_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "STREAM_SECONDS_MAX", 0.3)
    monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 0.1)
    with stream(site) as lines:
        assert next(lines)["epoch"] == "e1"
        assert all(line == {} for line in lines)


def test_closing_ends_every_stream_cleanly(site: Site) -> None:
    with stream(site) as one, stream(site) as other:
        next(one), next(other)
        site.desk.live.close()
        assert (list(one), list(other)) == ([], [])


def test_streams_are_counted_out_when_clients_leave(site: Site) -> None:
    site.restart(streams_max=2)
    with stream(site) as one, stream(site) as other:
        next(one), next(other)
        third = site.get("/live")
        assert (third.status_code, third.json()["detail"]["kind"]) == (503, "busy")
        assert 1 <= int(third.headers["retry-after"]) <= 5
    deadline = time.monotonic() + 10
    while site.desk.live.streams:
        assert time.monotonic() < deadline, "a client that left is still counted"
        time.sleep(0.01)
    with stream(site) as again:
        assert next(again)["revision"] == 0


def test_viewer_may_listen(site: Site) -> None:
    with stream(site, "vera") as lines:
        assert next(lines)["revision"] == 0


def test_store_that_fails_for_a_while_does_not_end_streams(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(live, "FAILED_POLL_SECONDS", 0.05)
    monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 0.5)
    with stream(site) as lines:
        next(lines)
        with site.world.engine.begin() as conn:
            conn.exec_driver_sql("ALTER TABLE updraft_meta RENAME TO away")
        assert next(lines) == {}, "nothing to tell, and still there"
        with site.world.engine.begin() as conn:
            conn.exec_driver_sql("ALTER TABLE away RENAME TO updraft_meta")
        site.world.server({"put": {"collection": "sites", "record": {"id": "s"}}})
        assert next(line for line in lines if line)["heads"] == {"sites": 1}
    assert (
        sum(r.getMessage().startswith("live: the store cannot be read") for r in caplog.records)
        == 1
    )


def test_store_that_cannot_be_read_is_no_empty_stream(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_UPDRAFT_DEFAULT")
    site.restart()
    answer: httpx.Response = site.get("/live")
    assert (answer.status_code, answer.json()["detail"]["kind"]) == (503, "store_not_configured")
