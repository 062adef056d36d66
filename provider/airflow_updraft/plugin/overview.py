"""The operators' view: devices, collections, consumers, rejections, read from the store alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from threading import Timer
from typing import Any

import sqlalchemy as sa

from airflow_updraft.collections import Collections
from airflow_updraft.exchange.device_report import show_report
from airflow_updraft.exchange.epoch import is_of
from airflow_updraft.exchange.outcome import show_outcome
from airflow_updraft.json_values import Json
from airflow_updraft.plugin.store import OpenStore
from airflow_updraft.store.refused_changes import consumer_states
from airflow_updraft.store.tables import meta, records, replicas

DEVICES_MAX = 500
LONGEST_AWAY_MAX = 100
REJECTIONS_MAX = 100
SECONDS_MAX = 10.0
KINDS = ("applied", "merged", "conflicted", "rejected")


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
            if _is_due(row, overdue_before)
        ]
        devices, longest = (
            [_device(row, epoch, overdue_before) for row in some] for some in (rows, away)
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


def _is_due(row: sa.Row[Any], overdue_before: datetime) -> bool:
    return _aware(row.last_seen) < overdue_before


_NAMES = "replica_id user epoch number is_void transport last_seen device outcome"
_SHOWN = [replicas.c[name] for name in _NAMES.split()]
"""All columns but the verdicts: a batch's verdicts can be half a megabyte."""


def _devices(
    conn: sa.Connection, order: sa.ColumnElement[Any], limit: int
) -> Sequence[sa.Row[Any]]:
    return conn.execute(
        sa.select(*_SHOWN).order_by(order, replicas.c.replica_id).limit(limit)
    ).all()


def _device(row: sa.Row[Any], epoch: str, overdue_before: datetime) -> dict[str, Json]:
    last_seen = _aware(row.last_seen)
    outcome = show_outcome(row.outcome)
    return {
        "replicaId": row.replica_id,
        "user": row.user,
        "isOfThisEpoch": is_of(row.epoch, epoch),
        "batches": row.number,
        "lastWasVoided": row.is_void,
        "transport": row.transport,
        "lastSeen": last_seen.isoformat(),
        "device": show_report(row.device),
        "isOverdue": _is_due(row, overdue_before),
        "verdicts": {name: outcome[name] for name in KINDS if name in outcome},
    }


def _rejections(rows: Iterable[sa.Row[Any]]) -> list[Json]:
    """Return the last seen devices' rejected records, at most REJECTIONS_MAX, without values."""
    found = (
        {
            "replicaId": row.replica_id,
            "user": row.user,
            "collection": collection,
            "id": record_id,
            "reason": {"kind": kind, "path": path},
        }
        for row in rows
        for collection, record_id, kind, path in show_outcome(row.outcome).get("refused", ())
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


def _aware(moment: datetime) -> datetime:
    """Add UTC to a time, which SQLite returns without a zone."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
