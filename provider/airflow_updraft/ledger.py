"""One row a replica: the last number it settled and what was answered, so that a resend has no second effect."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

import sqlalchemy as sa

from airflow_updraft.json_values import Json
from airflow_updraft.limits import Transport
from airflow_updraft.request import Request
from airflow_updraft.tables import replicas, upsert


class Standing(Enum):
    """How a request stands to what the ledger knows of its replica."""

    REPLAY = "the ledger holds this very batch or void's answer"
    VOIDED = "the number was voided before the batch came"
    FORK = "the replica is behind itself: a clone, or a restored profile"
    STRAY = "the number is not the next one"
    NEXT = "a pull, or the next number"


@dataclass(frozen=True, slots=True)
class Entry:
    """A replica's row. ``verdicts`` is what its batch ``number`` was answered; None where nothing was."""

    user: str
    epoch: str
    number: int = 0
    nonce: str | None = None
    hash: str | None = None
    is_void: bool = False
    verdicts: list[dict[str, Json]] | None = None


def load(conn: sa.Connection, replica_id: str) -> Entry | None:
    """The replica's row, or None where it is not known."""
    columns = [replicas.c[name] for name in Entry.__slots__]
    row = conn.execute(sa.select(*columns).where(replicas.c.replica_id == replica_id)).one_or_none()
    return None if row is None else Entry(*row)


def save(conn: sa.Connection, replica_id: str, entry: Entry, transport: Transport, now: datetime) -> None:
    """Write the replica's row; ``transport`` and ``now`` are labels for people."""
    row = {name: getattr(entry, name) for name in Entry.__slots__}
    upsert(conn, replicas, [row | {"replica_id": replica_id, "last_seen": now, "transport": transport}])


def claim(request: Request, epoch: str) -> Entry:
    """The row of a replica that is new to this epoch.

    Without it a replica with a past would be taken for one of a lost epoch, and renew the epoch for ever.
    """
    return Entry(request.user, epoch, request.last_number, request.last_nonce)


def in_epoch(entry: Entry, epoch: str) -> Entry:
    """The same answer, known in this epoch: else the replica's next request would renew it for nothing."""
    return replace(entry, epoch=epoch)


def standing(entry: Entry | None, request: Request, epoch: str) -> Standing:
    """Place the request; the order of the checks is the contract's."""
    if entry is not None:
        if _is_answered(entry, request):
            return Standing.VOIDED if entry.is_void else Standing.REPLAY
        # The nonce counts only inside one epoch; the number, which only grows, in all.
        same_epoch = entry.epoch == epoch
        if entry.number > request.last_number or (same_epoch and entry.nonce != request.last_nonce):
            return Standing.FORK
    if request.mark and request.mark.number != request.last_number + 1:
        return Standing.STRAY
    return Standing.NEXT


def _is_answered(entry: Entry, request: Request) -> bool:
    """Tell whether the row is about this number, whichever of batch and void came first."""
    if request.mark is None or entry.number != request.mark.number:
        return False
    if request.batch and not entry.is_void:
        # By hash: a clone that reused the number has other bytes, if only another nonce.
        return entry.hash == request.batch.hash
    return entry.nonce == request.mark.nonce and (entry.is_void or entry.hash is not None)
