"""The operators' view, hidden from everybody else."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from plugin_site import Site
from world import NOW, create, delete

from airflow_updraft.plugin import overview as overviews
from airflow_updraft.plugin.overview import overview
from airflow_updraft.plugin.store import OpenStore
from airflow_updraft.store.tables import replicas


@pytest.mark.parametrize(("user", "status"), [("vera", 403), ("ana", 403), ("olga", 200)])
def test_only_operators_see_it(site: Site, user: str, status: int) -> None:
    assert site.get("/overview", user).status_code == status


def test_it_shows_devices_collections_and_rejections(site: Site) -> None:
    ana = site.world.device("phone", "ana")
    bad = create("<b>", status="bad", note="x")
    site.post(ana.batch_request(create("a"), create("b"), bad, delete("c", base=0)))
    site.world.server({"delete": {"collection": "asks", "id": "a"}})
    answer = site.get("/overview", "olga").json()
    assert (answer["epoch"], answer["revision"], answer["devices"]["total"]) == ("e1", 3, 1)
    (device,) = answer["devices"]["shown"]
    assert (device["user"], device["replicaId"], device["transport"], device["batches"]) == (
        "ana",
        "phone",
        "plugin",
        1,
    )
    assert device["verdicts"] == {"applied": 2, "rejected": 1, "merged": 1}
    asks = next(c for c in answer["collections"] if c["name"] == "asks")
    assert (asks["records"], asks["tombstones"], asks["head"], asks["read"]) == (1, 1, 3, "all")
    (rejection,) = answer["rejections"]
    assert (rejection["user"], rejection["collection"], rejection["id"]) == ("ana", "asks", "<b>")
    assert rejection["reason"] == {"kind": "schema", "path": "/status"}, (
        "case B1: without what it held"
    )


def test_overdue_and_voided_devices_are_named(site: Site) -> None:
    store = OpenStore(site.world.engine, site.world.collections)
    for name in ("old", "new"):
        site.world.device(name)
    site.world.exchange(site.world.device("void").request(void={"number": 1, "nonce": "n"}))
    with site.world.engine.begin() as conn:
        conn.execute(
            replicas.update()
            .where(replicas.c.replica_id == "old")
            .values(last_seen=NOW - timedelta(days=8))
        )
    seen = overview(store, 7, NOW + timedelta(hours=1))["devices"]
    assert {d["replicaId"]: (d["isOverdue"], d["lastWasVoided"]) for d in seen["shown"]} == {
        "old": (True, False),
        "new": (False, False),
        "void": (False, True),
    }
    assert (seen["overdue"], [d["replicaId"] for d in seen["shown"]][-1]) == (1, "old")
    away = overview(store, 7, NOW + timedelta(hours=1))["longestAway"]
    assert [device["replicaId"] for device in away] == ["old"]


def test_many_devices_are_counted_but_not_all_shown(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overviews, "DEVICES_MAX", 3)
    for number in range(5):
        site.world.device(f"r{number}")
    seen = overview(OpenStore(site.world.engine, {}), 7, datetime.now(UTC))["devices"]
    assert (seen["total"], len(seen["shown"])) == (5, 3)


def test_collection_that_is_no_longer_declared_is_still_counted(site: Site) -> None:
    site.world.device().push(create("a"))
    (asks,) = overview(OpenStore(site.world.engine, {}), 7, NOW)["collections"]
    assert (asks["name"], asks["isDeclared"], asks["records"]) == ("asks", False, 1)


def test_case_b6_no_verdicts_are_read_for_it(site: Site) -> None:
    """case B6: 64 batches of large verdicts took 50 s."""
    device = site.world.device()
    device.push(create("a", collection="anything", data="x" * 50_000, note="x"), create("b"))
    statements: list[str] = []
    sa.event.listen(site.world.engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    overview(OpenStore(site.world.engine, site.world.collections), 7, NOW)
    assert len(statements) >= 4
    assert not any("verdicts" in statement for statement in statements)


def test_case_b6_ten_thousand_replicas_are_shown_at_once(site: Site) -> None:
    """case B6: with 64 rows that hold as much as a row may."""
    site.world.device("r0")
    with site.world.engine.begin() as conn:
        row = dict(conn.execute(replicas.select()).mappings().one())
        full = row | {
            "number": 1,
            "nonce": "n",
            "hash": "0" * 64,
            "verdicts": [["x" * 1_000, "y", 1]] * 500,
        }
        rows = [
            (full if n < 64 else row) | {"replica_id": f"many{n}", "user": f"u{n}"}
            for n in range(10_000)
        ]
        conn.execute(replicas.insert(), rows)
    begun = time.perf_counter()
    answer = site.get("/overview", "olga").json()
    assert time.perf_counter() - begun < 3, "0.2 s when nothing else runs"
    assert (answer["devices"]["total"], len(answer["devices"]["shown"])) == (
        10_001,
        overviews.DEVICES_MAX,
    )


def test_case_b6_slow_overview_holds_up_no_exchange_and_is_ended(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """case B6: the overview has a gate of its own, and a limit that the database keeps."""
    begun, end, real = threading.Event(), threading.Event(), overviews._collections

    def slow(*args: Any) -> Any:
        begun.set()
        end.wait(10)
        return real(*args)

    monkeypatch.setattr(overviews, "_collections", slow)
    with ThreadPoolExecutor(9) as pool:
        pages = [pool.submit(site.get, "/overview", "olga") for _ in range(9)]
        assert begun.wait(10)
        device = site.world.device()
        assert [site.post(device.request()).status_code for _ in range(20)] == [200] * 20
        end.set()
        assert {page.result().status_code for page in pages} <= {200, 503}
    monkeypatch.setattr(overviews, "SECONDS_MAX", 0.1)
    monkeypatch.setattr(overviews, "_collections", sleep_in_the_database)
    refused = site.get("/overview", "olga")
    assert (refused.status_code, refused.json()["detail"]["kind"]) == (503, "store")
    assert site.post(device.request()).status_code == 200, "and its connection can be used again"


def sleep_in_the_database(conn: sa.Connection, *_: Any) -> None:
    endless = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    )
    conn.exec_driver_sql("SELECT pg_sleep(60)" if conn.dialect.name == "postgresql" else endless)


@pytest.mark.parametrize("record_id", ["\0", "\ud800", "\\u0000", "\\\\u", '"\\'], ids=ascii)
def test_id_that_no_database_can_unescape_does_not_hide_the_devices(
    site: Site, record_id: str
) -> None:
    """fault 40: a device's hostile id is kept in the verdicts that everybody's overview reads."""
    site.post(site.world.device().batch_request(create(record_id, status="bad"), create("a")))
    answer = site.get("/overview", "olga").json()
    assert answer["devices"]["shown"][0]["verdicts"] == {"applied": 1, "rejected": 1}
    assert [rejection["id"] for rejection in answer["rejections"]] == [record_id]


def test_what_a_device_says_of_itself_is_shown(site: Site) -> None:
    said = {"unsent": 3, "oldestSeconds": 7_200, "failures": 2, "wake": "page", "app": "<b>1.4</b>"}
    site.post(site.world.device("phone").batch_request(create("a")) | {"device": said})
    assert site.get("/overview", "olga").json()["devices"]["shown"][0]["device"] == said
