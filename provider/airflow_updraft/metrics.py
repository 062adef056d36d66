"""The reports of ``updraft_sync`` as Airflow metrics: gauges, by whatever backend Airflow is configured with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from airflow.providers.common.compat.sdk import Stats

_COUNTS = ("records", "tombstones", "behind")


def sync_gauges(report: Mapping[str, Any]) -> dict[str, float]:
    """Collections: ``updraft.collection.<name>.{records,tombstones,behind,rejected,failed}``.

    Devices: ``updraft.devices``, ``updraft.devices.overdue``, ``updraft.devices.other_epoch``.
    """
    gauges = {
        "updraft.devices": report["deviceCount"],
        "updraft.devices.overdue": report["overdueCount"],
        "updraft.devices.other_epoch": report["otherEpochCount"],
    }
    for name, part in report["collections"].items():
        prefix = f"updraft.collection.{_part(name)}"
        gauges |= {f"{prefix}.{count}": part[count] for count in _COUNTS if count in part}
        gauges[f"{prefix}.rejected"] = part.get("source", {}).get("rejected", 0)
        gauges[f"{prefix}.failed"] = int("error" in part)
    return gauges


def verify_gauges(report: Mapping[str, Any]) -> dict[str, float]:
    """``updraft.store.violations``: how many invariants are broken."""
    return {"updraft.store.violations": len(report["violations"])}


def prune_gauges(report: Mapping[str, Any]) -> dict[str, float]:
    """``updraft.prune.{horizon,tombstones,held_back,expired}``."""
    return {
        "updraft.prune.horizon": report["horizon"],
        "updraft.prune.tombstones": report["tombstones"],
        "updraft.prune.held_back": len(report["heldBackBy"]),
        "updraft.prune.expired": len(report["expired"]),
    }


def emit(gauges: Mapping[str, float]) -> None:
    """Send them."""
    for name, value in gauges.items():
        Stats.gauge(name, value)


def _part(name: str) -> str:
    """A collection's name as part of a metric's: the backends allow letters, digits, ``_`` and ``-`` there."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)
