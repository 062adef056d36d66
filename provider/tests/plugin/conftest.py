"""A server with the plugin, and for each test a separate store on SQLite and PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from plugin_site import USERS, Site, airflow_app, connection, plugin_app, serving
from well_site import Well, make_well
from world import COLLECTIONS, KeptEpoch, World


@pytest.fixture(scope="module")
def server_url() -> Iterator[str]:
    """The server's URL, the path of ``[api] base_url`` included."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("_AIRFLOW_PROCESS_CONTEXT", "server")
        patch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "s" * 64)
        patch.setenv(
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS",
            ",".join(f"{n}:{r}" for n, r in USERS.items()),
        )
        with serving(airflow_app()) as port:
            yield f"http://127.0.0.1:{port}/airflow"


@pytest.fixture
def site(
    server_url: str, bare_engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    from airflow_updraft.plugin.app import open_desk
    from airflow_updraft.plugin.settings import Settings

    collections_file = tmp_path / "collections.json"
    collections_file.write_text(json.dumps({"version": 1, "collections": COLLECTIONS}))
    monkeypatch.setenv("AIRFLOW__UPDRAFT__COLLECTIONS", str(collections_file))
    monkeypatch.setenv("AIRFLOW_CONN_UPDRAFT_DEFAULT", json.dumps(connection(bare_engine.url)))
    keeper, bonds, app = KeptEpoch(), KeptEpoch(), plugin_app()

    def make(**settings: int) -> None:
        app.state.desk.close()
        app.state.desk = open_desk(
            Settings(**settings), keeper, bonds, lambda _: "outside the store"
        )

    make()
    yield Site(server_url, World(bare_engine), keeper, make, collections_file, bonds)
    app.state.desk.close()


@pytest.fixture
def well(site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Well:
    return make_well(site, monkeypatch, tmp_path)
