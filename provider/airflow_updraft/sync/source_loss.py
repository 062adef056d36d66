"""An operator's consent that a source may lose more rows at once than a run accepts as valid."""

from __future__ import annotations

import sqlalchemy as sa

from airflow_updraft.store.bulk import upsert
from airflow_updraft.store.tables import records, source_confirmations
from airflow_updraft.store.transaction import run_transaction


def confirmed(store: sa.Engine, collection: str) -> int:
    """Return how many records may go at once in the next run; 0 without consent."""
    c = source_confirmations.c
    with store.connect() as conn:
        return conn.scalar(sa.select(c.missing).where(c.collection == collection)) or 0


def confirm(store: sa.Engine, collection: str) -> int:
    """Let the next run delete up to the current number of records; return that number."""
    live = live_records(store, collection)
    row = (collection, live)
    run_transaction(store, lambda conn: upsert(conn, source_confirmations, [row]), repeatable=True)
    return live


def forget_confirmation(store: sa.Engine, collection: str) -> None:
    """Forget the consent, which holds for a single run."""
    if confirmed(store, collection):
        here = source_confirmations.c.collection == collection
        run_transaction(
            store,
            lambda conn: conn.execute(source_confirmations.delete().where(here)),
            repeatable=True,
        )


def live_records(store: sa.Engine, collection: str) -> int:
    """Return the number of live records."""
    query = sa.select(sa.func.count()).where(records.c.collection == collection, ~records.c.deleted)
    with store.connect() as conn:
        return conn.scalar(query) or 0
