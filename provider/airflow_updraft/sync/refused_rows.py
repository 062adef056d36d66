"""Records whose rows a target table refused: set aside in the store, and tried again.

The other rows go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from airflow_updraft.store.bulk import upsert
from airflow_updraft.store.tables import records, refused_rows
from airflow_updraft.sync.target_rows import Refusal

RETRIED_MAX = 500
_DEPENDS_ON_OTHERS = ("23503", "23505", "23P01")
"""SQLSTATEs that another row's change can mend: a reference, a UNIQUE value, an exclusion."""


def due_again(store: sa.Engine, collection: str, shape: str) -> Sequence[Any]:
    """Return the current records of rows that may now fit: a new table shape, or other rows."""
    r = refused_rows.c
    here = sa.and_(records.c.collection == r.collection, records.c.id == r.id)
    may = sa.or_(
        r.table_shape != shape, r.sqlstate.in_(_DEPENDS_ON_OTHERS), r.message.contains("UNIQUE")
    )
    query = (
        sa.select(records.c.id, records.c.revision, records.c.deleted, records.c.fields)
        .join_from(refused_rows, records, here)
        .where(r.collection == collection, may)
        .order_by(r.revision)
        .limit(RETRIED_MAX)
    )
    with store.connect() as conn:
        return conn.execute(query).all()


def save(
    conn: sa.Connection,
    collection: str,
    tried: Iterable[str],
    refusals: Sequence[Refusal],
    shape: str,
) -> None:
    """Keep the refusals among the tried records, and forget the others."""
    r = refused_rows.c
    if ids := list(tried):
        conn.execute(refused_rows.delete().where(r.collection == collection, r.id.in_(ids)))
    upsert(
        conn,
        refused_rows,
        [
            (collection, one.id, one.revision, one.sqlstate, one.column, one.message, shape)
            for one in refusals
        ],
    )


def report(
    store: sa.Engine, collection: str, shown_max: int, *, with_ids: bool
) -> tuple[int, list[dict[str, Any]]]:
    """Return the number of refused rows, and the first few, by revision."""
    r = refused_rows.c
    here = r.collection == collection
    shown = (
        sa.select(r.id, r.revision, r.sqlstate, r.column_name, r.message)
        .where(here)
        .order_by(r.revision)
    )
    with store.connect() as conn:
        count = conn.scalar(sa.select(sa.func.count()).select_from(refused_rows).where(here)) or 0
        first = [dict(row) for row in conn.execute(shown.limit(shown_max)).mappings()]
    return count, first if with_ids else [
        {k: v for k, v in row.items() if k != "id"} for row in first
    ]
