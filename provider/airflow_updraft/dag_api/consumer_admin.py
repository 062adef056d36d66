"""Listing, restarting and skipping consumers. Free of Airflow; ``command.py`` is their command."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from airflow_updraft.dag_api import consumer as consumers_of_dags
from airflow_updraft.errors import ConsumerError
from airflow_updraft.store import cursors
from airflow_updraft.store.refused_changes import (
    consumer_states,
    forget_all,
    refusals_of,
    set_aside,
)
from airflow_updraft.store.tables import meta, records
from airflow_updraft.store.transaction import run_transaction

SKIPPED = "skipped by the command 'consumers skip'"


def listed(store: sa.Engine, refused_of: Sequence[str] | None, shown_max: int) -> list[str]:
    """Return a line for each consumer, or for each change that a consumer has set aside."""
    with store.connect() as conn:
        if refused_of:
            collection, name = refused_of
            rows = refusals_of(conn, name, collection, shown_max)
            lines = [f"{row.id!r} (revision {row.revision}): {row.message}" for row in rows]
            return lines or [f"{name} of {collection} has set no change aside."]
        states = consumer_states(conn)
    return [
        f"{one.name} of {one.collection}: "
        + ("must begin anew (consumers restart)" if one.is_expired else f"behind {one.behind:,}")
        + f", set aside {one.refused:,}"
        for one in states
    ] or ["No DAG follows a collection so far."]


def restarted(store: sa.Engine, collection: str, name: str) -> str:
    """Let a consumer or the target begin anew."""
    _require(store, collection, name)
    if name == cursors.TARGET:
        run_transaction(
            store, lambda conn: cursors.restart_cursor(conn, name, collection), repeatable=True
        )
    else:
        consumers_of_dags.restart(store, collection, name)
    return f"The next run of {name} is handed every record of {collection} once more."


def skip(store: sa.Engine, collection: str, name: str, record_id: str | None) -> str:
    """Set a record aside for a consumer; None: pass all changes up to now."""
    _require(store, collection, name, "its rows go by updraft_sync")

    def pass_all(conn: sa.Connection) -> None:
        up_to = conn.execute(sa.select(meta.c.revision).where(meta.c.id == 1)).scalar_one()
        cursors.set_cursor(conn, name, collection, up_to)

    def pass_one(conn: sa.Connection) -> bool:
        here = (records.c.collection == collection, records.c.id == record_id)
        revision = conn.scalar(sa.select(records.c.revision).where(*here))
        if revision is None or record_id is None:
            return False
        set_aside(conn, name, collection, {record_id: (revision, SKIPPED)})
        return True

    if record_id is None:
        run_transaction(store, pass_all, repeatable=True)
        return f"{name} has passed all changes of {collection} up to now, unread."
    if not run_transaction(store, pass_one, repeatable=True):
        raise ConsumerError(f"{collection} has no record {record_id!r}")
    return f"{name} is not handed {record_id!r} of {collection} until the record changes."


def forgotten(store: sa.Engine, collection: str, name: str) -> str:
    """Remove a consumer with all it has set aside."""
    _require(store, collection, name, "it goes with the key 'target' of collections.json")

    def body(conn: sa.Connection) -> None:
        cursors.forget_reader(conn, name, collection)
        forget_all(conn, name, collection)

    run_transaction(store, body, repeatable=True)
    return f"{name} of {collection} is forgotten; should it come again, it begins anew."


def _require(store: sa.Engine, collection: str, name: str, why_no_target: str = "") -> None:
    """Raise ConsumerError for a reader that is not there, the bell, or a target where it may not.

    A misspelt name would else be taken for a new consumer.
    """
    if name == cursors.BELL or (name == cursors.TARGET and why_no_target):
        raise ConsumerError(f"{name!r} is no consumer of a DAG: {why_no_target or 'it only rings'}")
    with store.connect() as conn:
        states = consumer_states(conn)
        is_known = name == cursors.TARGET or any(
            (one.name, one.collection) == (name, collection) for one in states
        )
    if not is_known:
        known = ", ".join(f"{one.collection} {one.name}" for one in states) or "none"
        raise ConsumerError(f"{collection} has no consumer {name!r}; there are: {known}")
