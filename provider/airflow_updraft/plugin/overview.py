"""The operators' view: devices, collections, consumers, rejections, read from the store alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import islice
from threading import Timer
from typing import Any

import sqlalchemy as sa

from airflow_updraft.collections import Collections
from airflow_updraft.devices.shown import SHOWN, is_due, show_device, show_rejections
from airflow_updraft.json_values import Json
from airflow_updraft.plugin.store import OpenStore
from airflow_updraft.store.refused_changes import consumer_states
from airflow_updraft.store.tables import meta, records, replicas

DEVICES_MAX = 500
LONGEST_AWAY_MAX = 100
REJECTIONS_MAX = 100
SECONDS_MAX = 10.0


def overview(store: OpenStore, overdue_days: float, now: datetime) -> dict[str, Json]:
    """Count everything, and list the DEVICES_MAX last seen and the longest overdue devices.

    Raises the database's error after SECONDS_MAX: a page is never worth a store that stands still.
    """
    overdue_before = now - timedelta(days=overdue_days)
    with store.engine.connect() as conn, _limited(conn):
        epoch, revision, horizon = conn.execute(
            sa.select(meta.c.epoch, meta.c.revision, meta.c.horizon).where(meta.c.id == 1)
        ).one()
        is_overdue = sa.func.sum(sa.case((replicas.c.last_seen < overdue_before, 1), else_=0))
        total, overdue = conn.execute(
            sa.select(sa.func.count(), is_overdue).select_from(replicas)
        ).one()
        rows = _devices(conn, replicas.c.last_seen.desc(), DEVICES_MAX)
        away = [
            row
            for row in _devices(conn, replicas.c.last_seen, LONGEST_AWAY_MAX)
            if is_due(row, overdue_before)
        ]
        devices, longest = (
            [show_device(row, epoch, overdue_before) for row in some] for some in (rows, away)
        )
        return {
            "at": now.isoformat(),
            "epoch": epoch,
            "revision": revision,
            "horizon": horizon,
            "devices": {
                "total": total,
                "overdue": overdue or 0,
                "overdueDays": overdue_days,
                "shown": devices,
            },
            "longestAway": longest,
            "collections": _collections(conn, store.collections),
            "consumers": [one.shown() for one in consumer_states(conn)],
            "rejections": _rejections(rows),
        }


@contextmanager
def _limited(conn: sa.Connection) -> Iterator[None]:
    if conn.dialect.name == "postgresql":
        conn.execute(sa.text(f"SET LOCAL statement_timeout = {int(1000 * SECONDS_MAX)}"))
        yield
        return
    timer = Timer(SECONDS_MAX, conn.connection.driver_connection.interrupt)  # type: ignore[union-attr]
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _devices(
    conn: sa.Connection, order: sa.ColumnElement[Any], limit: int
) -> Sequence[sa.Row[Any]]:
    return conn.execute(sa.select(*SHOWN).order_by(order, replicas.c.replica_id).limit(limit)).all()


def _rejections(rows: Iterable[sa.Row[Any]]) -> list[Json]:
    """Return the last seen devices' rejected records, at most REJECTIONS_MAX, without values."""
    found = (
        {"replicaId": row.replica_id, "user": row.user} | rejection
        for row in rows
        for rejection in show_rejections(row)
    )
    return list(islice(found, REJECTIONS_MAX))


def _collections(conn: sa.Connection, declared: Collections) -> list[Json]:
    """Return every collection that is declared, or that the store holds records of."""
    c = records.c
    live = sa.func.sum(sa.case((c.deleted, 0), else_=1))
    counts = sa.select(c.collection, live, sa.func.count(), sa.func.max(c.revision)).group_by(
        c.collection
    )
    stored = {name: (live, all_, head) for name, live, all_, head in conn.execute(counts)}
    return [
        _collection(name, declared, *stored.get(name, (0, 0, 0)))
        for name in _names(declared, stored)
    ]


def _names(declared: Iterable[str], stored: Iterable[str]) -> list[str]:
    return sorted({*declared, *stored})


def _collection(
    name: str, declared: Collections, live: int, stored: int, head: int
) -> dict[str, Json]:
    rules = declared.get(name)
    return {
        "name": name,
        "isDeclared": rules is not None,
        "read": rules.read if rules else None,
        "write": rules.write if rules else None,
        "records": live,
        "tombstones": stored - live,
        "head": head,
    }
