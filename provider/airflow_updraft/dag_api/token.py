"""Acknowledging and refusing changes by their token, after the task that read them has ended."""

from __future__ import annotations

import sqlalchemy as sa

from airflow_updraft.dag_api.changes import message_of, span_of
from airflow_updraft.dag_api.consumer import move, overtaken
from airflow_updraft.errors import ConsumerError
from airflow_updraft.store.cursors import read_position
from airflow_updraft.store.refused_changes import set_aside
from airflow_updraft.store.tables import records
from airflow_updraft.store.transaction import run_transaction


def acknowledge(store: sa.Engine, collection: str, token: str) -> None:
    """Move the cursor past the changes of a token; a repeated acknowledgement changes nothing."""
    span = span_of(token, collection)

    def body(conn: sa.Connection) -> bool:
        if move(conn, span):
            return True
        now = read_position(conn, span.consumer, collection)
        return now.epoch == span.start.epoch and now.cursor >= span.end

    if not run_transaction(store, body, repeatable=True):
        raise overtaken(span)


def refuse(store: sa.Engine, collection: str, token: str, record_id: str, message: str) -> None:
    """Set a record of a token's changes aside, at once."""
    span, words = span_of(token, collection), message_of(message)

    def body(conn: sa.Connection) -> bool:
        here = (records.c.collection == collection, records.c.id == record_id)
        revision = conn.scalar(sa.select(records.c.revision).where(*here))
        if revision is None:
            return False
        set_aside(conn, span.consumer, collection, {record_id: (min(revision, span.end), words)})
        return True

    if not run_transaction(store, body, repeatable=True):
        raise ConsumerError(
            f"{collection} has no record {record_id!r}, so it cannot be set aside: pass the id of "
            "a change of this token"
        )
