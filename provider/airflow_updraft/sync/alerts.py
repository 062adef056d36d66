"""Alerts for a person: devices that are overdue, refused rows, readers that lie still."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, TypedDict

Kind = Literal["overdue", "refused", "behind"]


class Alert(TypedDict):
    """``about``: in words, whose number it is. ``count``: how many there are now."""

    kind: Kind
    about: str
    count: int


OnAlert = Callable[[list[Alert]], object]


def alerts_of(report: Mapping[str, Any], earlier: Mapping[str, int]) -> list[Alert]:
    """Return what holds now, from a report of ``updraft_sync`` and ``behind`` of the one before.

    ``behind`` holds for a target or a consumer whose number has not come down since then.
    """
    found = [
        Alert(kind="behind", about=about, count=count)
        for about, count in behind(report).items()
        if 0 < earlier.get(about, 0) <= count
    ]
    found += [
        Alert(kind="refused", about=about, count=count)
        for about, count in _refused(report)
        if count > 0
    ]
    if report["overdueCount"]:
        found.append(Alert(kind="overdue", about="devices", count=report["overdueCount"]))
    return found


def news_of(alerts: list[Alert], told: list[Alert]) -> list[Alert]:
    """Return the alerts that nobody was told of, or whose number has grown since."""
    before = {(alert["kind"], alert["about"]): alert["count"] for alert in told}
    return [
        alert for alert in alerts if alert["count"] > before.get((alert["kind"], alert["about"]), 0)
    ]


def read_kept(text: str | None) -> tuple[dict[str, int], list[Alert]]:
    """Return ``behind`` and the alerts told from the kept text; nothing where it makes no sense.

    Whoever may edit Variables may have written anything: at worst an alert is told once more.
    """
    try:
        kept = json.loads(text or "{}")
        earlier = {str(about): int(count) for about, count in kept.get("behind", {}).items()}
        told = [
            Alert(kind=one["kind"], about=str(one["about"]), count=int(one["count"]))
            for one in kept.get("told", [])
        ]
    except (AttributeError, KeyError, TypeError, ValueError):
        return {}, []
    return earlier, told


def write_kept(report: Mapping[str, Any], told: list[Alert]) -> str:
    """Return the text that ``read_kept`` reads."""
    return json.dumps({"behind": behind(report), "told": told})


def behind(report: Mapping[str, Any]) -> dict[str, int]:
    """Return how many changes each target and consumer has yet to read."""
    targets = {
        f"the target of {name}": part["behind"]
        for name, part in report["collections"].items()
        if "behind" in part
    }
    consumers = {
        f"the consumer {one['name']} of {one['collection']}": one["behind"]
        for one in report["consumers"]
    }
    return targets | consumers


def _refused(report: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    for name, part in report["collections"].items():
        yield f"rows of {name} by its target", part.get("target", {}).get("refused", 0)
        yield f"rows of {name} from its source", part.get("source", {}).get("rejected", 0)
    for one in report["consumers"]:
        yield f"changes of {one['collection']} by the consumer {one['name']}", one["refused"]
