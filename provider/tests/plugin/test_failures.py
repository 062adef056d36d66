"""A clear 503 with a time to come back, for anything missing or down; never a 500, never SQL."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from plugin_site import Site, connection
from world import create

from airflow_updraft.exchange.new_epoch import begin_epoch
from airflow_updraft.plugin import routes
from airflow_updraft.plugin.problems import SETUP_RETRY_SECONDS, STORE_RETRY_SECONDS


def refused(response: Any) -> tuple[int, str, int]:
    assert not {"SELECT", "INSERT", "Traceback", "password"} & set(
        response.text.replace('"', " ").split()
    )
    return (
        response.status_code,
        response.json()["detail"]["kind"],
        int(response.headers["retry-after"]),
    )


def test_no_connection_says_how_to_add_one(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_UPDRAFT_DEFAULT")
    site.restart()
    answer = site.post(site.world.device().request())
    assert refused(answer) == (503, "store_not_configured", SETUP_RETRY_SECONDS)
    assert "airflow connections add updraft_default" in answer.json()["detail"]["message"]


@pytest.mark.parametrize(
    "content", [None, "{", '{"version": 1, "collections": {"a": {"schema": 7}}}']
)
def test_broken_declaration_is_named_and_heals_by_itself(site: Site, content: str | None) -> None:
    good = site.collections_file.read_text()
    site.collections_file.unlink()
    if content is not None:
        site.collections_file.write_text(content)
    site.restart()
    answer = site.get("/hello")
    assert refused(answer) == (503, "collections", SETUP_RETRY_SECONDS)
    assert str(site.collections_file) in answer.json()["detail"]["message"]
    site.collections_file.write_text(good)
    assert site.get("/hello").status_code == 200


def test_database_that_is_down_is_no_500(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = {
        "conn_type": "postgres",
        "host": "127.0.0.1",
        "port": 1,
        "password": "password",
        "schema": "x",
    }
    monkeypatch.setenv("AIRFLOW_CONN_UPDRAFT_DEFAULT", json.dumps(nowhere))
    site.restart()
    request = site.world.device().request()
    for answer in (
        site.get("/hello"),
        site.get("/live"),
        site.get("/overview", "olga"),
        site.post(request),
    ):
        assert refused(answer) == (503, "store", STORE_RETRY_SECONDS)


def test_airflows_own_database_that_is_down_is_no_500(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.api_fastapi.app import get_auth_manager

    async def fail(_: str) -> None:
        raise sa.exc.OperationalError("SELECT secret", {}, ConnectionError("refused"))

    monkeypatch.setattr(get_auth_manager(), "get_user_from_token", fail)
    assert refused(site.get("/hello")) == (503, "store", STORE_RETRY_SECONDS)


def test_bug_is_no_500_and_tells_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("SELECT password")

    monkeypatch.setattr(routes, "exchange", broken)
    assert refused(site.post(site.world.device().request())) == (
        503,
        "internal",
        SETUP_RETRY_SECONDS,
    )


def test_connection_that_died_while_idle_is_replaced(site: Site) -> None:
    device = site.world.device()
    assert site.post(device.request()).status_code == 200
    if site.world.engine.dialect.name == "postgresql":
        with site.world.engine.connect() as conn:
            conn.execute(
                sa.text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> "
                    "pg_backend_pid()"
                )
            )
    assert site.post(device.batch_request(create("a"))).status_code == 200


def test_changed_connection_is_taken_up(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    opened = site.desk.store
    first = opened.open().engine
    assert opened.open().engine is first
    opened._due = 0.0
    assert opened.open().engine is first, "the same Connection keeps its pool"
    monkeypatch.setenv(
        "AIRFLOW_CONN_UPDRAFT_DEFAULT",
        json.dumps({"conn_type": "sqlite", "host": f"{tmp_path}/b.db"}),
    )
    assert opened.open().engine is first, "not before its time"
    opened._due = 0.0
    other = sa.create_engine(f"sqlite:///{tmp_path}/b.db")
    begin_epoch(other, site.keeper, site.bonds)  # an operator confirms the store that is new
    assert opened.open().engine.url.database == f"{tmp_path}/b.db"
    assert site.get("/hello").json()["epoch"] not in (None, "e1"), "the new store has its tables"
    monkeypatch.delenv("AIRFLOW_CONN_UPDRAFT_DEFAULT")
    opened._due = 0.0
    assert opened.open().engine.url.database == f"{tmp_path}/b.db", (
        "a Connection that is gone for a moment changes nothing"
    )
    monkeypatch.setenv(
        "AIRFLOW_CONN_UPDRAFT_DEFAULT", json.dumps(connection(site.world.engine.url))
    )
    opened._due = 0.0
    begin_epoch(site.world.engine, site.keeper, site.bonds)
    assert opened.open().engine.url == first.url
    other.dispose()


def test_too_many_at_once_are_told_to_come_back_and_the_others_are_served(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """fault 41: a bounded line, then 503 with Retry-After."""
    site.restart(exchanges_at_once=1, exchanges_waiting_max=1)
    entered, end, real = threading.Event(), threading.Event(), routes.exchange

    def slow(*args: Any, **kwargs: Any) -> Any:
        entered.set()
        end.wait(10)
        return real(*args, **kwargs)

    monkeypatch.setattr(routes, "exchange", slow)
    requests = [site.world.device(f"r{i}").batch_request(create(f"a{i}")) for i in range(6)]
    with ThreadPoolExecutor(6) as pool:
        first = pool.submit(site.post, requests[0])
        assert entered.wait(10)
        rest = [pool.submit(site.post, request) for request in requests[1:]]
        while sum(one.done() for one in rest) < 4:
            assert not first.done()
        end.set()
        answers = [one.result() for one in [first, *rest]]
    assert sorted(answer.status_code for answer in answers) == [200, 200, 503, 503, 503, 503]
    assert all(
        refused(a)[1] == "busy" and 1 <= refused(a)[2] <= 5 for a in answers if a.status_code == 503
    )
    assert len(site.world.records()) == 2
