"""The reports of ``updraft_sync`` as Airflow metrics: gauges, for Airflow's configured backend."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from airflow.providers.common.compat.sdk import Stats

_COUNTS = ("records", "tombstones", "behind")


def sync_gauges(report: Mapping[str, Any]) -> dict[str, float]:
    """Return ``updraft.collection.<name>.{records,tombstones,behind,rejected,refused,failed}``.

    Devices: ``updraft.devices``, ``updraft.devices.overdue``, ``updraft.devices.other_epoch``.
    Consumers: ``updraft.consumer.<name>.{behind,refused}``, of all collections that it follows.
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
        if "target" in part:
            gauges[f"{prefix}.refused"] = part["target"].get("refused", 0)
        gauges[f"{prefix}.failed"] = int("error" in part)
    for consumer in report.get("consumers", ()):
        for count in ("behind", "refused"):
            gauge = f"updraft.consumer.{_part(consumer['name'])}.{count}"
            gauges[gauge] = gauges.get(gauge, 0) + consumer[count]
    return gauges


def verify_gauges(report: Mapping[str, Any]) -> dict[str, float]:
    """Return ``updraft.store.violations``: the number of broken invariants."""
    return {"updraft.store.violations": len(report["violations"])}


def prune_gauges(report: Mapping[str, Any]) -> dict[str, float]:
    """Return ``updraft.prune.{horizon,tombstones,held_back,expired}``."""
    return {
        "updraft.prune.horizon": report["horizon"],
        "updraft.prune.tombstones": report["tombstones"],
        "updraft.prune.held_back": len(report["heldBackBy"]),
        "updraft.prune.expired": len(report["expired"]),
    }


def emit(gauges: Mapping[str, float]) -> None:
    """Send the gauges."""
    for name, value in gauges.items():
        Stats.gauge(name, value)


def _part(name: str) -> str:
    """Return a name for a metric: backends allow letters, digits, ``_`` and ``-``."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)
