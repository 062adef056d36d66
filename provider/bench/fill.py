"""Fills a store with old records by the database alone: a million take seconds."""

from __future__ import annotations

import json
import random

import sqlalchemy as sa
from workload import inspection

from airflow_updraft.store.transaction import transaction

_FIELDS = json.dumps(inspection(random.Random(0)))
_FILL = """\
INSERT INTO updraft_records
  (collection, id, revision, created, fields, field_revisions, deleted, owner, updated_by,
   updated_at)
SELECT 'inspections', {id}, revision + n, revision + n, {fields}, '{{}}', false, 'ana', 'ana',
  CURRENT_TIMESTAMP
FROM updraft_meta, {numbers}"""
_POSTGRES = _FILL.format(
    id="md5(CAST(n AS text) || ' ' || revision)",
    fields="CAST(:fields AS json)",
    numbers="generate_series(1, :count) n",
)
_SQLITE = (
    "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count) "
    + (_FILL.format(id="lower(hex(randomblob(16)))", fields=":fields", numbers="numbers"))
)


def grow(engine: sa.Engine, count: int) -> None:
    """Add ``count`` records to the store, as if captured long ago."""
    fill = _SQLITE if engine.dialect.name == "sqlite" else _POSTGRES
    with transaction(engine) as conn:
        conn.execute(sa.text(fill), {"count": count, "fields": _FIELDS})
        conn.execute(
            sa.text("UPDATE updraft_meta SET revision = revision + :count"), {"count": count}
        )
    if engine.dialect.name == "postgresql":
        # Old records would have been vacuumed by now; otherwise autovacuum would start during the
        # next figure.
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.execute(sa.text("VACUUM (ANALYZE) updraft_records"))
            conn.execute(sa.text("CHECKPOINT"))
