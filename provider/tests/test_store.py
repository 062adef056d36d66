"""The store's creation, and the engine's dependencies."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest
import sqlalchemy as sa

from airflow_updraft.errors import StoreVersionError
from airflow_updraft.store import tables


def test_store_is_created_once_by_many_at_once(bare_engine: sa.Engine) -> None:
    errors: list[BaseException] = []

    def create() -> None:
        try:
            tables.create_store(bare_engine)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=create) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with bare_engine.connect() as conn:
        assert conn.scalar(sa.select(sa.func.count()).select_from(tables.meta)) == 1


def test_creating_again_keeps_the_epoch(bare_engine: sa.Engine) -> None:
    tables.create_store(bare_engine, lambda: "first")
    tables.create_store(bare_engine, lambda: "second")
    with bare_engine.connect() as conn:
        assert conn.scalar(sa.select(tables.meta.c.epoch)) == "first"


def test_store_of_another_version_is_not_touched(bare_engine: sa.Engine) -> None:
    tables.create_store(bare_engine)
    with bare_engine.begin() as conn:
        conn.execute(tables.meta.update().values(schema_version=99))
    with pytest.raises(StoreVersionError, match="99"):
        tables.create_store(bare_engine)


def test_engine_imports_nothing_of_airflow() -> None:
    code = (
        "import sys, airflow_updraft.exchange.exchange, airflow_updraft.sync.run, "
        "airflow_updraft.demo_seed\n"
        "print(sorted(name for name in sys.modules if name.split('.')[0] == 'airflow'))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
