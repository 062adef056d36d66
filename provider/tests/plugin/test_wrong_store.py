"""The plugin refuses a store that is not this Airflow's: 503 with the words, devices untouched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from plugin_site import Site
from world import KeptEpoch, create

from airflow_updraft.exchange.new_epoch import begin_epoch
from airflow_updraft.plugin.problems import SETUP_RETRY_SECONDS
from airflow_updraft.store.tables import meta


def refused(site: Site, request: object) -> tuple[int, str, int]:
    answer = site.post(request)
    detail = answer.json()["detail"]
    assert "new-epoch" in detail["message"]
    return answer.status_code, detail["kind"], int(answer.headers["retry-after"])


def connect_to(patch: pytest.MonkeyPatch, path: Path) -> sa.Engine:
    text = json.dumps({"conn_type": "sqlite", "host": str(path)})
    patch.setenv("AIRFLOW_CONN_UPDRAFT_DEFAULT", text)
    return sa.create_engine(f"sqlite:///{path}")


def test_case_c10_connection_edited_to_an_empty_database_empties_no_device(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """case C10, fault 79: with the open store, and in a second API server that starts with it."""
    device = site.world.device()
    assert site.post(device.batch_request(create("a"))).status_code == 200
    other = connect_to(monkeypatch, tmp_path / "empty.db")
    expected = (503, "store_is_new", SETUP_RETRY_SECONDS)
    site.desk.store._due = 0.0
    assert refused(site, device.request()) == expected
    site.restart()
    assert refused(site, device.request()) == expected
    assert site.get("/hello").status_code == 503
    with other.connect() as conn:
        assert sa.inspect(conn).get_table_names() == []
    begin_epoch(other, site.keeper, site.bonds)
    answer = site.post(device.request())
    assert (answer.status_code, answer.json()["reset"]) == (200, True), "confirmed by an operator"
    other.dispose()


def test_case_c10_foreign_store_is_refused_and_the_own_one_taken_up_again(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    device = site.world.device()
    assert site.post(device.batch_request(create("a"))).status_code == 200
    with monkeypatch.context() as edited:
        other = connect_to(edited, tmp_path / "other.db")
        begin_epoch(other, KeptEpoch(), KeptEpoch())
        site.desk.store._due = 0.0
        assert refused(site, device.request())[1] == "foreign_store"
    site.desk.store._due = 0.0
    assert site.post(device.request()).status_code == 200
    other.dispose()


def test_case_c10_database_exchanged_under_the_open_connection_is_noticed_at_once(
    site: Site,
) -> None:
    device = site.world.device()
    assert site.post(device.batch_request(create("a"))).status_code == 200
    with site.world.engine.begin() as conn:
        own = conn.scalar(sa.select(meta.c.bond))
        conn.execute(meta.update().values(bond="theirs"))
    before = site.world.snapshot()
    assert refused(site, device.request())[1] == "foreign_store"
    assert site.world.snapshot() == before
    with site.world.engine.begin() as conn:
        conn.execute(meta.update().values(bond=own))
    assert site.post(device.request()).status_code == 200


def test_store_confirmed_while_it_is_open_goes_on_without_a_refusal(site: Site) -> None:
    device = site.world.device()
    request = device.batch_request(create("a"))
    device.settle(site.post(request).json(), request)
    begin_epoch(site.world.engine, site.keeper, site.bonds)
    site.desk.epochs.get_fresh()
    answer = site.post(device.request())
    assert (answer.status_code, answer.json()["reset"]) == (200, True)


def test_api_server_keeps_the_revision_that_the_store_has_reached(site: Site) -> None:
    site.post(site.world.device().batch_request(create("a")))
    backup = site.world.snapshot()
    site.post(site.world.device("r2").batch_request(create("b")))
    site.desk.store._due = 0.0
    assert site.get("/hello").status_code == 200
    site.world.restore(backup)
    site.restart()
    assert refused(site, site.world.device("r3").request())[1] == "older_store"
