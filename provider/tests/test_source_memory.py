"""A source table larger than memory is imported in chunks, under any driver's fetch."""

from __future__ import annotations

import subprocess
import sys

import pytest
import sqlalchemy as sa

ROWS = 8_000
ROW_BYTES = 8_000
GROWTH_BYTES_MAX = ROWS * ROW_BYTES // 2

IMPORT = """
import resource, sys
from datetime import UTC, datetime
import sqlalchemy as sa
from airflow_updraft.store import tables
from airflow_updraft.collections import compile_collections
from airflow_updraft.sync.run import sync

engine = sa.create_engine(sys.argv[1])
source = {"connection": "it", "table": "big", "key": "id"}
big = {"schema": {"properties": {"note": {}}}, "write": "none", "source": source}
collections = compile_collections({"big": big})
tables.create_store(engine)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
report = sync(engine, {"it": engine}.__getitem__, collections, datetime.now(UTC))
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
unit = 1 if sys.platform == "darwin" else 1024
print(report["collections"]["big"]["source"]["changed"], grown * unit)
"""


@pytest.mark.parametrize("bare_engine", ["postgres", "psycopg2"], indirect=True)
def test_table_is_never_held_in_memory(bare_engine: sa.Engine) -> None:
    with bare_engine.begin() as conn:
        conn.exec_driver_sql("CREATE TABLE big (id TEXT PRIMARY KEY, note TEXT)")
        conn.exec_driver_sql(
            f"INSERT INTO big SELECT 'row-' || n, repeat('x', {ROW_BYTES}) FROM generate_series(1, "
            f"{ROWS}) AS n"
        )
    url = bare_engine.url.render_as_string(hide_password=False)
    run = subprocess.run(
        [sys.executable, "-c", IMPORT, url], capture_output=True, text=True, check=True
    )
    changed, grown_bytes = map(int, run.stdout.split())
    assert changed == ROWS
    assert grown_bytes < GROWTH_BYTES_MAX
