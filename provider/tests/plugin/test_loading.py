"""Parts that Airflow loads, when, and their cost for processes that need no plugin."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from airflow_updraft.plugin.settings import Settings, read_settings
from airflow_updraft.provider_info import get_provider_info


def test_airflow_finds_the_plugin_by_its_entry_point() -> None:
    (found,) = entry_points(group="airflow.plugins", name="updraft")
    assert found.value == "airflow_updraft.plugin.airflow_plugin:UpdraftPlugin"


def test_loading_the_plugin_imports_neither_web_server_nor_engine() -> None:
    """Every task process loads every plugin: with the dag transport a process for each exchange."""
    code = (
        "import sys; from airflow.providers.common.compat.sdk import AirflowPlugin; before = "
        "set(sys.modules)\n"
        "from airflow_updraft.plugin.airflow_plugin import UpdraftPlugin; UpdraftPlugin()\n"
        "print(sorted(m for m in set(sys.modules) - before if m.split('.')[0] in "
        "('fastapi', 'starlette', 'sqlalchemy', 'jsonschema_rs') or 'api_fastapi' in m))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_app_is_built_without_store_and_declaration(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_updraft.plugin.app import create_app

    monkeypatch.setenv("AIRFLOW__UPDRAFT__COLLECTIONS", "/nowhere/collections.json")
    monkeypatch.setenv("AIRFLOW_CONN_UPDRAFT_DEFAULT", "postgresql://nowhere/updraft")
    monkeypatch.setattr(
        "socket.socket.connect", lambda *_: pytest.fail("connects when it is built")
    )
    paths = {getattr(route, "path", None) for route in create_app().routes}
    assert paths == {
        "/hello",
        "/exchange",
        "/live",
        "/health",
        "/overview",
        "/page",
        "/page.{kind}",
    }


def test_navigation_has_the_page_under_any_base_path(server_url: str) -> None:
    from airflow.plugins_manager import get_plugin_info

    assert server_url
    (plugin,) = [p for p in get_plugin_info() if p["name"] == "updraft"]
    (view,) = plugin["external_views"]
    assert (view["name"], view["href"], view["destination"]) == (
        "Updraft",
        "updraft/v1/page",
        "nav",
    )


def test_settings_are_declared_with_the_defaults_that_hold() -> None:
    options = get_provider_info()["config"]["updraft"]["options"]
    declared = {name: int(options[name]["default"]) for name in Settings.__slots__}
    assert Settings(**declared) == Settings()


def test_streams_leave_half_of_the_open_files_to_airflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (1_024, 4_096))
    assert read_settings().streams_max == 512
    monkeypatch.setenv("AIRFLOW__UPDRAFT__STREAMS_MAX", "100")
    assert read_settings().streams_max == 100


@pytest.mark.parametrize("wrong", ["0", "-1", "many"])
def test_wrong_setting_does_not_keep_the_api_server_from_starting(
    monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    monkeypatch.setenv("AIRFLOW__UPDRAFT__EXCHANGES_AT_ONCE", wrong)
    monkeypatch.setenv("AIRFLOW__UPDRAFT__EXCHANGES_WAITING_MAX", "7")
    read = read_settings()
    assert (read.exchanges_at_once, read.exchanges_waiting_max) == (Settings().exchanges_at_once, 7)


def test_dag_file_is_imported_though_its_variable_is_slower_than_airflow_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without the DAG no exchange would run at all; without the key devices wait for the next
    parse."""
    from airflow.providers.common.compat.sdk import AirflowTaskTimeout

    from airflow_updraft import airflow_bridge
    from airflow_updraft.dags.exchange import updraft_exchange

    def slow() -> None:
        raise AirflowTaskTimeout("DagBag import timeout")

    monkeypatch.setattr(airflow_bridge, "known_secret", slow)
    assert str(updraft_exchange().doc_md).endswith("updraft-key: none-yet")
