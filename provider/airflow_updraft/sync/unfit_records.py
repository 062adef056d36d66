"""Stored records that could not be written today: older versions stored more than this version."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from airflow_updraft.exchange.merge import record_problem
from airflow_updraft.json_values import parse_json
from airflow_updraft.limits import ID_BYTES_MAX, JSON_DEPTH_MAX, RECORD_BYTES_MAX
from airflow_updraft.store.tables import records

_SUSPECT = re.compile(r'__proto__|""\s*:|\\u|\d{16}|\d[eE]|"[^"]{100,}"\s*:')
_SURELY_FITS, _SURELY_SHORT = RECORD_BYTES_MAX // 6, ID_BYTES_MAX // 4


def unfit_records(conn: sa.Connection) -> Iterator[dict[str, Any]]:
    """Yield collection, id, revision and problem (``why``) of each, in words without values."""
    names = (records.c.collection, records.c.id, records.c.revision)
    texts = sa.select(*names, sa.cast(records.c.fields, sa.Text).label("text")).where(
        ~records.c.deleted
    )
    for row in conn.execute(texts.execution_options(yield_per=1_000)):
        if not (_is_suspect(row.text) or len(row.id) > _SURELY_SHORT):
            continue
        if why := record_problem(row.id, parse_json(row.text)):
            yield {"collection": row.collection, "id": row.id, "revision": row.revision, "why": why}


def _is_suspect(text: str) -> bool:
    """Tell whether the text needs a check: a glance shows that nearly all texts are valid."""
    is_deep = text.count("[") + text.count("{") >= JSON_DEPTH_MAX
    return is_deep or len(text) > _SURELY_FITS or _SUSPECT.search(text) is not None
