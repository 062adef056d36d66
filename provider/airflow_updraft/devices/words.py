"""Devices in lines of text."""

from __future__ import annotations

from airflow_updraft.devices.admin import Device

_REPORT = {
    "unsent": "waiting {}",
    "oldestSeconds": "the oldest for {} s",
    "failures": "failed exchanges in a row {}",
    "keptOut": "kept out {}",
    "wake": "woken by {}",
    "app": "app {!r}",
}

IDLE = (
    "It has never sent anything, so nothing can be lost or doubled: should it come back, it reads "
    "everything again."
)
USED = (
    "It has sent {} batches, and only this row tells its last batch, sent again, from a new one. "
    "Should the device come back without the row, that batch may be written twice, and every other "
    "device may have to read everything again."
)
WAITING = "By its last report {} changes wait on it. They reach the store from the device alone."
ONLY_IF_DESTROYED = (
    "The device must be destroyed or wiped, which nobody but a person can know: add --destroyed if "
    "it is."
)


def line(device: Device) -> str:
    """Return a device in a line."""
    seen = str(device["lastSeen"])[:16].replace("T", " ")
    overdue = ", overdue" if device["isOverdue"] else ""
    return f"{device['replicaId']!r} of {device['user']!r}: {seen} UTC{overdue}; {report(device)}"


def report(device: Device) -> str:
    """Return in words how the device stood at its last exchange, as the device said."""
    said = device["device"]
    return ", ".join(
        words.format(said[name]) for name, words in _REPORT.items() if name in said
    ) or ("no report")


def page(device: Device) -> list[str]:
    """Return a described device in lines."""
    counts = ", ".join(f"{name} {count}" for name, count in device["verdicts"].items())
    number = f"{device['batches']:,}" + (", the last one voided" if device["lastWasVoided"] else "")
    told = "unknown" if device["toldUpTo"] is None else f"{device['toldUpTo']:,}"
    epoch = "the store's" if device["isOfThisEpoch"] else "an earlier one: it has yet to read again"
    return [
        line(device),
        f"  last transport: {device['transport'] or 'unknown'}",
        f"  batches: {number}",
        f"  verdicts of the last batch: {counts or 'none'}",
        *(
            f"  rejected: {one['id']!r} of {one['collection']}: {one['reason']['kind']}"
            + (f" at {one['reason']['path']}" if one["reason"]["path"] else "")
            for one in device["rejected"]
        ),
        f"  told up to revision {told} of {device['storeRevision']:,}, "
        f"in {device['answers']:,} answers",
        f"  epoch: {device['epoch']} ({epoch})",
    ]


def consequences(device: Device) -> list[str]:
    """Return what follows from forgetting a device, by docs/protocol.md."""
    unsent = device["device"].get("unsent", 0)
    return [
        IDLE if device["mayGo"] else USED.format(f"{device['batches']:,}"),
        *([WAITING.format(f"{unsent:,}")] if unsent else []),
    ]
