"""One run of the scheduled synchronization: sources in, targets out, and a report. Knows nothing of Airflow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import sqlalchemy as sa

from airflow_updraft.collections import Collections
from airflow_updraft.errors import TableSyncError
from airflow_updraft.json_values import Json
from airflow_updraft.sources import import_source
from airflow_updraft.tables import records, replicas
from airflow_updraft.targets import export_target, read_cursor

DEVICES_SHOWN_MAX = 500

EngineFor = Callable[[str], sa.Engine]
"""Gives the engine of an Airflow Connection, by its id."""


def sync(store: sa.Engine, engine_for: EngineFor, collections: Collections, now: datetime) -> dict[str, Json]:
    """Import every source, export every target, and report per collection and device.

    One collection's failure does not keep the others from theirs; it is in its part of the report as ``error``.
    """
    done: dict[str, dict[str, Json]] = {name: {} for name in collections}
    for name, collection in collections.items():
        part = done[name]
        try:
            if source := collection.source:
                engine = engine_for(source.connection)
                part["source"] = import_source(store, engine, source, collection, collections, now)
            if target := collection.target:
                part["target"] = export_target(store, engine_for(target.connection), target, collection)
        except (TableSyncError, sa.exc.SQLAlchemyError, ValueError) as error:
            part["error"] = f"{type(error).__name__}: {error}"
    return report(store, collections, done)


def report(store: sa.Engine, collections: Collections, done: Mapping[str, Mapping[str, Json]]) -> dict[str, Json]:
    """State of every collection and device; ``done`` is what this run did, by collection."""
    live = sa.func.sum(sa.case((records.c.deleted, 0), else_=1))
    counts = sa.select(records.c.collection, live, sa.func.count(), sa.func.max(records.c.revision)).group_by(
        records.c.collection
    )
    seen = replicas.c.last_seen
    devices = sa.select(replicas.c.replica_id, replicas.c.user, replicas.c.number, replicas.c.epoch, seen)
    with store.connect() as conn:
        counted = {row[0]: row for row in conn.execute(counts)}
        shown = conn.execute(devices.order_by(seen.desc()).limit(DEVICES_SHOWN_MAX)).all()
    parts = {}
    for name, collection in collections.items():
        _, alive, total, head = counted.get(name, (name, 0, 0, 0))
        parts[name] = {
            "records": int(alive),
            "tombstones": int(total - alive),
            "revision": head,
            **done[name],
        }
        if collection.target:
            parts[name]["behind"] = max(0, head - read_cursor(store, name))
    return {
        "collections": parts,
        "devices": [
            {"replicaId": r, "user": user, "batches": number, "epoch": epoch, "lastSeen": _utc(at)}
            for r, user, number, epoch, at in shown
        ],
    }


def _utc(at: datetime) -> str:
    """SQLite forgets the time zone it was given."""
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()
