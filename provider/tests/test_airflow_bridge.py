"""Connections become engines: quickly if plain, by hook if not."""

from __future__ import annotations

import json
from typing import Any

import pytest

PLAIN = {
    "conn_type": "postgres",
    "login": "me",
    "password": "p@ss",
    "host": "db",
    "port": 5433,
    "schema": "updraft",
}


def engine_url(monkeypatch: pytest.MonkeyPatch, connection: dict[str, Any] | str) -> Any:
    from airflow_updraft import airflow_bridge

    text = connection if isinstance(connection, str) else json.dumps(connection)
    monkeypatch.setenv("AIRFLOW_CONN_SOME_TABLES", text)
    return airflow_bridge.connection_engine("some_tables").url


def test_plain_postgres_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    url = engine_url(monkeypatch, PLAIN | {"extra": {"sslmode": "require"}})
    assert url.render_as_string(hide_password=False) == (
        "postgresql+psycopg2://me:p%40ss@db:5433/updraft?sslmode=require"
    )


def test_socket_directory_is_kept_in_both_forms(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (
        engine_url(monkeypatch, {"conn_type": "postgres", "host": "/run/a b", "schema": "x"}).host
        == "/run/a b"
    )
    assert engine_url(monkeypatch, "postgresql://me@/x?host=%2Frun%2Fpg").query == {
        "host": "/run/pg"
    }


def test_connection_with_an_extra_of_its_hook_goes_through_the_hook(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = engine_url(
        monkeypatch, PLAIN | {"extra": {"sqlalchemy_query": {"application_name": "x"}}}
    )
    assert (url.database, url.query) == ("updraft", {"application_name": "x"})


def test_connection_that_is_no_database_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_updraft.errors import TableSyncError

    with pytest.raises(TableSyncError, match="some_tables"):
        engine_url(monkeypatch, {"conn_type": "smtp", "host": "mail"})


def test_unknown_connection_is_named() -> None:
    from airflow_updraft.airflow_bridge import connection_engine
    from airflow_updraft.errors import TableSyncError

    with pytest.raises(TableSyncError, match="no Connection 'nowhere'"):
        connection_engine("nowhere")
