"""A device as operators see it: its row in the ledger, without the verdicts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from airflow_updraft.exchange.device_report import show_report
from airflow_updraft.exchange.epoch import is_of
from airflow_updraft.exchange.outcome import show_outcome
from airflow_updraft.json_values import Json
from airflow_updraft.store.tables import replicas

KINDS = ("applied", "merged", "conflicted", "rejected")
_NAMES = "replica_id user epoch number is_void transport last_seen device outcome"
SHOWN = [replicas.c[name] for name in _NAMES.split()]
"""All columns but the verdicts: a batch's verdicts can be half a megabyte."""


def is_due(row: sa.Row[Any], overdue_before: datetime) -> bool:
    """Tell whether a device was last seen before this moment."""
    return _aware(row.last_seen) < overdue_before


def show_device(row: sa.Row[Any], epoch: str, overdue_before: datetime) -> dict[str, Json]:
    """Return a row of ``SHOWN`` as JSON; ``epoch`` is the store's."""
    outcome = show_outcome(row.outcome)
    return {
        "replicaId": row.replica_id,
        "user": row.user,
        "isOfThisEpoch": is_of(row.epoch, epoch),
        "batches": row.number,
        "lastWasVoided": row.is_void,
        "transport": row.transport,
        "lastSeen": _aware(row.last_seen).isoformat(),
        "device": show_report(row.device),
        "isOverdue": is_due(row, overdue_before),
        "verdicts": {name: outcome[name] for name in KINDS if name in outcome},
    }


def show_rejections(row: sa.Row[Any]) -> list[dict[str, Json]]:
    """Return the rejected records of a device's last batch, without values."""
    return [
        {"collection": collection, "id": record_id, "reason": {"kind": kind, "path": path}}
        for collection, record_id, kind, path in show_outcome(row.outcome).get("refused", ())
    ]


def _aware(moment: datetime) -> datetime:
    """Add UTC to a time, which SQLite returns without a zone."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
