"""The test kit for DAG authors: a store in memory, with the real reading and writing on top."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from airflow_updraft import Collection, write_batch
from airflow_updraft.dag_api.given_store import given_store
from airflow_updraft.errors import CollectionsFileError, RecordInvalidError, UnknownCollectionError
from airflow_updraft.testing import memory_store

ROOT = Path(__file__).parents[2]
SCHEMA = {
    "type": "object",
    "properties": {"id": {"type": "string"}, "n": {"type": "integer"}},
    "required": ["id"],
    "additionalProperties": False,
}
DECLARED: dict[str, Any] = {
    "version": 1,
    "collections": {"counts": {"schema": SCHEMA, "read": "own"}, "others": {"schema": SCHEMA}},
}
counts = Collection("counts")
"""Made as a DAG file makes it: before any test gives a store."""


def test_dag_code_reads_and_writes_what_people_captured() -> None:
    with memory_store(DECLARED) as store:
        store.capture("counts", {"id": "a", "n": 1}, user="ben")
        with counts.changes(consumer="sum") as changes:
            assert [(change.id, change.by, change.record) for change in changes] == [
                ("a", "ben", {"id": "a", "n": 1})
            ]
            counts.patch("a", {"n": 2})
        with write_batch() as batch:
            batch.put(counts, {"id": "b", "n": 3})
            batch.put(Collection("others"), {"id": "b"})
        store.delete("counts", "a")
        assert store.records("counts") == {"b": {"id": "b", "n": 3}}
        assert store.records("others") == {"b": {"id": "b"}}


def test_stores_do_not_meet_and_the_innermost_counts() -> None:
    with memory_store(DECLARED) as outer:
        outer.capture("counts", {"id": "a"})
        with memory_store(DECLARED) as inner:
            assert counts.get("a") is None
            inner.capture("counts", {"id": "b"})
        assert counts.get_many(["a", "b"]) == {"a": {"id": "a"}}
    assert given_store() is None


def test_store_is_taken_back_after_a_failed_test() -> None:
    with pytest.raises(ZeroDivisionError), memory_store(DECLARED):
        raise ZeroDivisionError
    assert given_store() is None


def test_bad_input_is_told_as_in_airflow() -> None:
    with memory_store(DECLARED) as store:
        with pytest.raises(RecordInvalidError, match="n"):
            store.capture("counts", {"id": "a", "n": "many"})
        with pytest.raises(UnknownCollectionError, match=r"declares: counts, others"):
            store.capture("count", {"id": "a"})
        assert store.records("counts") == {}
    for declared in ({}, {"collections": {}}, {"version": 1, "collections": {"a": {}}}):
        with pytest.raises(CollectionsFileError), memory_store(declared):
            pass


def test_tasks_in_several_threads_share_the_store() -> None:
    with memory_store(DECLARED) as store:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda n: counts.put({"id": f"r{n}", "n": n}), range(40)))
        assert len(store.records("counts")) == 40


def test_test_of_the_docs_passes_as_it_stands(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "dag-authors.md").read_text()
    for block in text.split("```python\n")[1:]:
        code = block.split("```")[0]
        for name in ("# dags/forward.py", "# tests/test_forward.py"):
            if code.startswith(name):
                (tmp_path / name.rpartition("/")[2]).write_text(code)
    (tmp_path / "collections.json").write_text((ROOT / "demo" / "collections.json").read_text())
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir=."],
        cwd=tmp_path,
        env=dict(os.environ) | {"AIRFLOW_HOME": str(tmp_path / "airflow")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-5000:]
    assert "1 passed" in run.stdout
