"""One run of the scheduled synchronization: sources in, targets out, and a report. Knows nothing of Airflow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from airflow_updraft.collections import Collections
from airflow_updraft.errors import TableSyncError
from airflow_updraft.json_values import Json
from airflow_updraft.sources import import_source
from airflow_updraft.tables import meta, records, replicas
from airflow_updraft.targets import export_target, read_cursor

DEVICES_SHOWN_MAX = 500
OVERDUE_DAYS = 7.0

EngineFor = Callable[[str], sa.Engine]
"""Gives the engine of an Airflow Connection, by its id."""


def sync(
    store: sa.Engine,
    engine_for: EngineFor,
    collections: Collections,
    now: datetime,
    overdue_days: float = OVERDUE_DAYS,
) -> dict[str, Json]:
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
    return report(store, collections, done, now - timedelta(days=overdue_days))


def report(
    store: sa.Engine, collections: Collections, done: Mapping[str, Mapping[str, Json]], due: datetime
) -> dict[str, Json]:
    """State of every collection and device; ``done`` is what this run did, by collection.

    ``overdue`` counts and lists the devices that were not seen since ``due``, longest away first: what they captured
    is still on them. Of both lists at most DEVICES_SHOWN_MAX are shown. ``otherEpochCount``: devices that have yet to
    read again since the store's epoch was renewed.
    """
    live = sa.func.sum(sa.case((records.c.deleted, 0), else_=1))
    counts = sa.select(records.c.collection, live, sa.func.count(), sa.func.max(records.c.revision)).group_by(
        records.c.collection
    )
    seen = replicas.c.last_seen
    devices = sa.select(replicas.c.replica_id, replicas.c.user, replicas.c.number, replicas.c.epoch, seen)
    away = devices.where(seen < due)
    with store.connect() as conn:
        counted = {row[0]: row for row in conn.execute(counts)}
        shown = conn.execute(devices.order_by(seen.desc()).limit(DEVICES_SHOWN_MAX)).all()
        overdue = conn.execute(away.order_by(seen).limit(DEVICES_SHOWN_MAX)).all()
        elsewhere = replicas.c.epoch != sa.select(meta.c.epoch).scalar_subquery()
        is_due, is_elsewhere = (sa.func.count(sa.case((which, 1))) for which in (seen < due, elsewhere))
        known = sa.select(sa.func.count(), is_due, is_elsewhere).select_from(replicas)
        device_count, overdue_count, other_epoch_count = conn.execute(known).one()
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
        "deviceCount": device_count,
        "devices": [_device(row) for row in shown],
        "otherEpochCount": other_epoch_count,
        "overdueCount": overdue_count,
        "overdue": [_device(row) for row in overdue],
    }


def _device(row: Sequence[Any]) -> dict[str, Json]:
    replica_id, user, number, epoch, at = row
    return {"replicaId": replica_id, "user": user, "batches": number, "epoch": epoch, "lastSeen": _utc(at)}


def _utc(at: datetime) -> str:
    """SQLite forgets the time zone it was given."""
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()
