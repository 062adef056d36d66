"""The wheel as for users: built, inspected, and installed with the locked packages alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path
from typing import Any

import pytest

PROVIDER = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # The build backend's own entry, with the locked backend: nothing is fetched.
    code = "import sys; from flit_core.buildapi import build_wheel; print(build_wheel(sys.argv[1]))"
    return (
        folder
        / run([sys.executable, "-c", code, str(folder)], cwd=PROVIDER).strip().splitlines()[-1]
    )


@pytest.fixture(scope="module")
def clean(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, str]]:
    """A Python with the wheel and the locked packages, and an Airflow's environment with the DAG
    stub."""
    home = tmp_path_factory.mktemp("clean")
    locked = home / "locked"
    locked.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if "updraft" not in entry.name:
            (locked / entry.name).symlink_to(entry)
    run([sys.executable, "-m", "venv", str(home / "venv")])
    python = str(home / "venv" / "bin" / "python")
    run([python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel)])
    purelib = run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]).strip()
    (Path(purelib) / "locked.pth").write_text(f"{locked}\n")
    (home / "dags").mkdir()
    (home / "dags" / "updraft_dags.py").write_text(
        (PROVIDER / "dags" / "updraft_dags.py").read_text()
    )
    environment = dict(os.environ) | {
        "AIRFLOW_HOME": str(home / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
    }
    return python, environment


def run(
    command: list[str], environment: dict[str, str] | None = None, cwd: Path | str = "/"
) -> str:
    done = subprocess.run(
        command, env=environment, cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    return done.stdout


def test_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = archive.read("airflow_provider_updraft-0.1.0.dist-info/METADATA").decode()
        entry_points = archive.read(
            "airflow_provider_updraft-0.1.0.dist-info/entry_points.txt"
        ).decode()
    assert {name.split("/")[0] for name in names} == {
        "airflow_updraft",
        "airflow_provider_updraft-0.1.0.dist-info",
    }
    source = {
        str(path.relative_to(PROVIDER))
        for path in (PROVIDER / "airflow_updraft").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in names if name.startswith("airflow_updraft/")} == source
    for name in ("py.typed", "dags/sync.py", "store/migrations/versions/0001_first_store.py"):
        assert f"airflow_updraft/{name}" in names
    assert any(name.startswith("airflow_updraft/plugin/static/") for name in names)
    kit = "airflow_updraft/testing/"  # for tests of other people's DAGs
    assert not [
        name
        for name in names
        if ("test" in name and not name.startswith(kit)) or name.endswith(".pyc")
    ]
    assert any(name.endswith("/LICENSE") for name in names)
    assert "Requires-Dist: apache-airflow>=3.1.8" in metadata
    assert "[apache_airflow_provider]" in entry_points
    assert "[airflow.plugins]" in entry_points


CHECK = """
import importlib.metadata, json, sys
from pathlib import Path
import airflow, airflow_updraft, jsonschema_rs
from airflow.configuration import conf
from airflow.dag_processing.dagbag import DagBag
from airflow.providers_manager import ProvidersManager
from airflow_updraft.provider_info import get_provider_info

schema = json.loads((Path(airflow.__file__).parent / "provider_info.schema.json").read_text())
bag = DagBag(conf.get("core", "dags_folder"))
ProvidersManager().initialize_providers_configuration()
entries = importlib.metadata.entry_points(group="airflow.plugins")
plugins = [e for e in entries if e.name == "updraft"]
print(json.dumps({
    "file": airflow_updraft.__file__,
    "prefix": sys.prefix,
    "info_errors": [
        e.message for e in jsonschema_rs.validator_for(schema).iter_errors(get_provider_info())
    ],
    "import_errors": bag.import_errors,
    "dags": sorted(bag.dags),
    "options": {
        key: conf.get("updraft", key)
        for key in get_provider_info()["config"]["updraft"]["options"]
    },
    "plugin": [e.load().name for e in plugins],
    "collection": airflow_updraft.Collection("inspections").name,
}))
"""


@pytest.fixture(scope="module")
def found(clean: tuple[str, dict[str, str]]) -> dict[str, Any]:
    python, environment = clean
    answer: dict[str, Any] = json.loads(
        run([python, "-c", CHECK], environment).strip().splitlines()[-1]
    )
    return answer


def test_installed_wheel_works_without_the_checkout(found: dict[str, Any]) -> None:
    assert found["file"].startswith(found["prefix"])
    assert found["collection"] == "inspections"


def test_provider_info_fits_airflows_schema(found: dict[str, Any]) -> None:
    assert found["info_errors"] == []


def test_options_have_their_defaults(found: dict[str, Any]) -> None:
    assert (
        found["options"] | {"tombstone_days": "90", "pool": "updraft", "dev_sqlite": "False"}
        == found["options"]
    )


def test_dag_stub_loads(found: dict[str, Any]) -> None:
    assert (found["import_errors"], found["dags"]) == ({}, ["updraft_exchange", "updraft_sync"])


def test_plugin_is_found(found: dict[str, Any]) -> None:
    assert found["plugin"] == ["updraft"]


def test_airflow_lists_the_provider(clean: tuple[str, dict[str, str]]) -> None:
    python, environment = clean
    listed = run([python, "-m", "airflow", "providers", "list", "--output", "json"], environment)
    providers = json.loads(listed[listed.index("[") :])
    assert "airflow-provider-updraft" in {provider["package_name"] for provider in providers}
