"""What operators see: devices, collections and rejections, read from the store alone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from airflow_updraft.collections import Collections
from airflow_updraft.device_report import show_report
from airflow_updraft.json_values import Json
from airflow_updraft.plugin.store import OpenStore
from airflow_updraft.tables import meta, records, replicas

DEVICES_MAX = 500
REJECTIONS_MAX = 100
REJECTING_DEVICES_MAX = 50
"""Of so many devices the rejected records are named: their verdicts hold whole records and are read for it."""


def overview(store: OpenStore, overdue_days: float, now: datetime) -> dict[str, Json]:
    """Counts of everything, and the last DEVICES_MAX devices by when they were last seen."""
    overdue_before = now - timedelta(days=overdue_days)
    with store.engine.connect() as conn:
        epoch, revision, horizon = conn.execute(
            sa.select(meta.c.epoch, meta.c.revision, meta.c.horizon).where(meta.c.id == 1)
        ).one()
        is_overdue = sa.func.sum(sa.case((replicas.c.last_seen < overdue_before, 1), else_=0))
        total, overdue = conn.execute(sa.select(sa.func.count(), is_overdue).select_from(replicas)).one()
        devices = [_device(row, epoch, overdue_before) for row in conn.execute(_devices(conn))]
        return {
            "at": now.isoformat(),
            "epoch": epoch,
            "revision": revision,
            "horizon": horizon,
            "devices": {"total": total, "overdue": overdue or 0, "overdueDays": overdue_days, "shown": devices},
            "collections": _collections(conn, store.collections),
            "rejections": _rejections(conn, [d["replicaId"] for d in devices if d["verdicts"].get("rejected")]),
        }


def _devices(conn: sa.Connection) -> sa.Select[Any]:
    """The devices, their last batch's verdicts counted in the database: a batch's verdicts can be a megabyte."""
    r = replicas.c
    if conn.dialect.name == "sqlite":
        verdict = sa.func.json_each(r.verdicts).table_valued("value", name="verdict")
    else:
        # PostgreSQL unescapes the whole of what it looks into, and cannot U+0000 or half a surrogate pair, which a
        # rejected id may hold. "/u" is valid wherever "\u" was, and no kind of verdict is written with either.
        readable = sa.cast(sa.func.replace(sa.cast(r.verdicts, sa.Text), "\\u", "/u"), postgresql.JSON)
        verdict = sa.func.json_array_elements(readable).table_valued("value", name="verdict")
    # An applied one is kept as an array, which has no such key.
    kind = sa.func.coalesce(sa.column("value", sa.JSON, _selectable=verdict)["verdict"].as_string(), "applied")
    counts = [
        sa.select(sa.func.count()).select_from(verdict).where(kind == name).scalar_subquery().label(name)
        for name in ("applied", "merged", "conflicted", "rejected")
    ]
    columns = (r.replica_id, r.user, r.epoch, r.number, r.is_void, r.transport, r.last_seen, r.device)
    return sa.select(*columns, *counts).order_by(r.last_seen.desc(), r.replica_id).limit(DEVICES_MAX)


def _device(row: sa.Row[Any], epoch: str, overdue_before: datetime) -> dict[str, Json]:
    last_seen = _aware(row.last_seen)
    counted = {name: getattr(row, name) for name in ("applied", "merged", "conflicted", "rejected")}
    return {
        "replicaId": row.replica_id,
        "user": row.user,
        "isOfThisEpoch": row.epoch == epoch,
        "batches": row.number,
        "lastWasVoided": row.is_void,
        "transport": row.transport,
        "lastSeen": last_seen.isoformat(),
        "device": show_report(row.device),
        "isOverdue": last_seen < overdue_before,
        "verdicts": {name: count for name, count in counted.items() if count},
    }


def _rejections(conn: sa.Connection, replica_ids: list[str]) -> list[Json]:
    """The rejected records of the devices that were seen last, REJECTIONS_MAX at most."""
    r, wanted = replicas.c, replica_ids[:REJECTING_DEVICES_MAX]
    rows = conn.execute(
        sa.select(r.replica_id, r.user, r.verdicts).where(r.replica_id.in_(wanted)).order_by(r.last_seen.desc())
    )
    found = (
        {
            "replicaId": replica_id,
            "user": user,
            "collection": verdict["collection"],
            "id": verdict["id"],
            "reason": verdict.get("reason"),
        }
        for replica_id, user, verdicts in rows
        for verdict in verdicts or ()
        if isinstance(verdict, dict) and verdict["verdict"] == "rejected"
    )
    return [one for one, _ in zip(found, range(REJECTIONS_MAX), strict=False)]


def _collections(conn: sa.Connection, declared: Collections) -> list[Json]:
    """Every collection that is declared, or that the store holds records of."""
    c = records.c
    live = sa.func.sum(sa.case((c.deleted, 0), else_=1))
    counts = sa.select(c.collection, live, sa.func.count(), sa.func.max(c.revision)).group_by(c.collection)
    stored = {name: (live, all_, head) for name, live, all_, head in conn.execute(counts)}
    return [_collection(name, declared, *stored.get(name, (0, 0, 0))) for name in _names(declared, stored)]


def _names(declared: Iterable[str], stored: Iterable[str]) -> list[str]:
    return sorted({*declared, *stored})


def _collection(name: str, declared: Collections, live: int, stored: int, head: int) -> dict[str, Json]:
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
    """SQLite gives back the time without its zone; it was written in UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
