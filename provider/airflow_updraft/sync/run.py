"""A run of the scheduled synchronization: sources in, targets out, a report. Free of Airflow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa

from airflow_updraft.collections import Collections
from airflow_updraft.discreet import describe
from airflow_updraft.exchange.epoch import BRANCH
from airflow_updraft.json_values import Json
from airflow_updraft.store.refused_changes import consumer_states
from airflow_updraft.store.tables import meta, records, replicas
from airflow_updraft.sync.sources import import_source
from airflow_updraft.sync.targets import export_target, read_cursor

OVERDUE_DAYS = 7.0

EngineFor = Callable[[str], sa.Engine]
"""Returns the engine of an Airflow Connection, by id."""


def sync(
    store: sa.Engine,
    engine_for: EngineFor,
    collections: Collections,
    now: datetime,
    overdue_days: float = OVERDUE_DAYS,
) -> dict[str, Json]:
    """Import every source, export every target, and report per collection and device.

    A collection's failure does not keep the others from synchronization; the report has the failure
    as the collection's ``error``.
    """
    done: dict[str, dict[str, Json]] = {name: {} for name in collections}
    for name, collection in collections.items():
        part, at = done[name], ""
        try:
            if source := collection.source:
                at = f"{source.connection}:{source.table}"
                engine = engine_for(source.connection)
                part["source"] = imported = import_source(
                    store, engine, source, collection, collections, now
                )
                if 0 < imported["rows"] == imported["rejected"]:
                    part["error"] = f"at {at}: every row was rejected, see firstRejected"
            if target := collection.target:
                at = f"{target.connection}:{target.table}"
                part["target"] = export_target(
                    store, engine_for(target.connection), target, collection
                )
        except (
            Exception
        ) as error:  # of any kind: the others are synchronized, and the report is kept
            part["error"] = f"{type(error).__name__} at {at}: {describe(error)}"
    return report(store, collections, done, now - timedelta(days=overdue_days))


def report(
    store: sa.Engine,
    collections: Collections,
    done: Mapping[str, Mapping[str, Json]],
    due: datetime,
) -> dict[str, Json]:
    """Return the state of collections and consumers, and the number of devices.

    ``done`` is this run's work.

    Only counts: everybody who may see the DAG reads these, and names and times of devices are for
    operators (the page "Updraft"). ``overdueCount``: devices not seen since ``due``, which still
    hold their captures. ``otherEpochCount``: devices that have yet to read again since the store's
    epoch was renewed.
    """
    live = sa.func.sum(sa.case((records.c.deleted, 0), else_=1))
    counts = sa.select(
        records.c.collection, live, sa.func.count(), sa.func.max(records.c.revision)
    ).group_by(records.c.collection)
    seen = replicas.c.last_seen
    with store.connect() as conn:
        counted = {row[0]: row for row in conn.execute(counts)}
        epoch = sa.select(meta.c.epoch).scalar_subquery()
        # A replica's branch (epoch.py) belongs to the store's epoch.
        elsewhere = (replicas.c.epoch != epoch) & replicas.c.epoch.not_like(
            epoch.concat(f"{BRANCH}%")
        )
        is_due, is_elsewhere = (
            sa.func.count(sa.case((which, 1))) for which in (seen < due, elsewhere)
        )
        known = sa.select(sa.func.count(), is_due, is_elsewhere).select_from(replicas)
        device_count, overdue_count, other_epoch_count = conn.execute(known).one()
        readers = consumer_states(conn)
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
        "consumers": [one.shown() for one in readers],
        "deviceCount": device_count,
        "otherEpochCount": other_epoch_count,
        "overdueCount": overdue_count,
    }
