"""Walls between the provider's packages: each imports only from the packages below."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "airflow_updraft"
BELOW = {
    "store": set[str](),
    "exchange": {"store"},
    "dag_api": {"store", "exchange"},
    "sync": {"store", "exchange"},
    "check": {"store", "exchange", "sync"},
    "devices": {"store", "exchange", "sync"},
    "erasure": {"store", "exchange"},
    "views": {"store"},
    "plugin": {"store", "exchange", "sync", "check", "devices"},
    "testing": {"store", "dag_api"},
    "dags": {"store", "exchange", "dag_api", "sync"},
}
LOOSE_MAX = 10


def imported(path: Path) -> Iterator[str]:
    """Yield the dotted path of each module that a file imports, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def packages_of(path: Path) -> set[str]:
    """Return the packages of the provider that a file imports from."""
    parts = [name.split(".") for name in imported(path)]
    return {part[1] for part in parts if part[0] == "airflow_updraft" and part[1] in BELOW}


@pytest.mark.parametrize("package", BELOW)
def test_package_imports_only_from_packages_below(package: str) -> None:
    files = list((ROOT / package).rglob("*.py"))
    assert files
    beside = {
        str(path.relative_to(ROOT)): packages_of(path) - {package} - BELOW[package]
        for path in files
    }
    assert {path: names for path, names in beside.items() if names} == {}


def test_every_package_has_its_wall_and_few_modules_are_loose() -> None:
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert folders == set(BELOW)
    loose = [path.name for path in ROOT.glob("*.py") if not path.name.startswith("__")]
    assert len(loose) <= LOOSE_MAX, loose


def test_import_of_an_upper_package_is_seen(tmp_path: Path) -> None:
    """A wall that saw nothing would prove nothing."""
    planted = tmp_path / "planted.py"
    planted.write_text(
        "def f():\n    from airflow_updraft.sync import run\n    from airflow_updraft import "
        "exchange\n"
    )
    assert packages_of(planted) == {"sync", "exchange"}
