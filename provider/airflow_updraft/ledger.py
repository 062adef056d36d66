"""One row a replica: the last number it settled and what was answered, so that a resend has no second effect."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any, cast

import sqlalchemy as sa

from airflow_updraft import revision
from airflow_updraft.apply import Verdict, applied
from airflow_updraft.bulk import quoted, replacing
from airflow_updraft.errors import InvalidRequestError
from airflow_updraft.json_values import Json, parse_json, write_json
from airflow_updraft.limits import LIMITS, Transport
from airflow_updraft.request import Request
from airflow_updraft.revision import Counter
from airflow_updraft.tables import replicas
from airflow_updraft.together import Statement, execute_together

Verdicts = list[Verdict]


class Standing(Enum):
    """How a request stands to what the ledger knows of its replica."""

    REPLAY = "the ledger holds this very batch or void's answer"
    VOIDED = "the number was voided before the batch came"
    FORK = "the replica is behind itself: a clone, or a restored profile"
    STRAY = "the number is not the next one"
    NEXT = "a pull, or the next number"


@dataclass(frozen=True, slots=True)
class Entry:
    """A replica's row without its verdicts, which are large and seldom asked for again."""

    user: str
    epoch: str
    number: int = 0
    nonce: str | None = None
    hash: str | None = None
    is_void: bool = False
    told: int | None = 0
    """The highest revision the replica was told of in this epoch; None: not known, it came last before version 3."""


_LOAD = sa.select(*(replicas.c[name] for name in Entry.__slots__)).where(replicas.c.replica_id == sa.bindparam("id"))
_VERDICTS = sa.select(sa.cast(replicas.c.verdicts, sa.Text)).where(replicas.c.replica_id == sa.bindparam("id"))
_COLUMNS = [column.name for column in replicas.columns]
_SAVE = sa.text(
    # As text, and as one value: PostgreSQL would look into the rows of an upsert, and refuse an escaped U+0000.
    f"INSERT INTO updraft_replicas ({', '.join(map(quoted, _COLUMNS))}) VALUES (:{', :'.join(_COLUMNS)}) "  # noqa: S608
    f"ON CONFLICT (replica_id) DO UPDATE SET {replacing(_COLUMNS[1:])}"
).bindparams(sa.bindparam("last_seen", type_=replicas.c.last_seen.type))
_SEEN = sa.text(
    "UPDATE updraft_replicas SET epoch = :epoch, transport = :transport, told = :told, device = :device, "
    "last_seen = :last_seen WHERE replica_id = :replica_id"
).bindparams(sa.bindparam("last_seen", type_=replicas.c.last_seen.type))


_LOCKED = sa.text(
    "SELECT counter.epoch, counter.revision, counter.horizon, "  # noqa: S608
    f"{', '.join(f'known.{quoted(name)}' for name in Entry.__slots__)} "
    "FROM updraft_meta AS counter LEFT JOIN updraft_replicas AS known ON known.replica_id = :replica_id "
    "WHERE counter.id = 1"
)


def lock_and_load(conn: sa.Connection, replica_id: str) -> tuple[Counter, Entry | None]:
    """Lock the counter until the transaction ends; then read it, and the replica's row, None where it is not known."""
    if conn.dialect.driver != "psycopg2":
        return revision.lock_counter(conn), load(conn, replica_id)
    # Two statements still: the second sees what whoever had the lock has written.
    found = execute_together(conn, (revision.LOCK, {}), (_LOCKED, {"replica_id": replica_id}))
    row: Sequence[Any] = cast("sa.CursorResult[Any]", found).one()
    return Counter(*row[:3]), None if row[3] is None else Entry(*row[3:])


def load(conn: sa.Connection, replica_id: str) -> Entry | None:
    """The replica's row, or None where it is not known."""
    row = conn.execute(_LOAD, {"id": replica_id}).one_or_none()
    return None if row is None else Entry(*row)


def load_verdicts(conn: sa.Connection, replica_id: str) -> Verdicts | None:
    """What the replica's last number was answered, None where nothing was."""
    text = conn.scalar(_VERDICTS, {"id": replica_id})
    return None if text is None else [_verdict(kept) for kept in parse_json(text)]


def saving(
    request: Request,
    known: Entry | None,
    entry: Entry,
    verdicts: Verdicts | None,
    transport: Transport,
    now: datetime,
) -> Statement:
    """The statement that writes the replica's row, which was ``known`` before; ``now`` and its report are labels.

    Raises InvalidRequestError, ``too_large``, where new verdicts are more than the transport carries: the caller
    rolls back, and the device sends the mutations again in smaller batches.
    """
    labels = {"replica_id": request.replica_id, "last_seen": now, "transport": transport, "device": request.device}
    if known and replace(known, epoch=entry.epoch, told=entry.told) == entry:
        # Nothing new was settled: its verdicts stay as they are.
        return _SEEN, labels | {"epoch": entry.epoch, "told": entry.told}
    row = {name: getattr(entry, name) for name in Entry.__slots__}
    return _SAVE, row | labels | {"verdicts": None if verdicts is None else _bounded(verdicts, transport)}


def _bounded(verdicts: Verdicts, transport: Transport) -> str:
    text, bytes_max = _as_text([_kept(verdict) for verdict in verdicts]), LIMITS[transport].verdicts_bytes_max
    # One that could not be split is taken: its one record is within the record's limit.
    if len(verdicts) > 1 and len(text.encode()) > bytes_max:
        message = f"the batch's verdicts with their records exceed {bytes_max} bytes: void the batch and split it"
        raise InvalidRequestError("too_large", message, "/batch")
    return text


def _kept(verdict: Verdict) -> Json:
    """The verdict as the ledger keeps it: nearly all are applied, and are three values without their names."""
    if verdict["verdict"] != "applied":
        return verdict
    return [verdict["collection"], verdict["id"], verdict["revision"]]


def _verdict(kept: Json) -> Verdict:
    # Before version 5 of the store applied ones were kept whole, too.
    return applied(*kept) if isinstance(kept, list) else cast("Verdict", kept)


def _as_text(verdicts: list[Json]) -> str:
    try:
        return write_json(verdicts)
    except UnicodeEncodeError:
        # A rejected mutation's id: half a surrogate pair travels and is stored only escaped.
        return json.dumps(verdicts)


def claim(request: Request, epoch: str) -> Entry:
    """The row of a replica that is new to this epoch.

    Without it a replica with a past would be taken for one of a lost epoch, and renew the epoch for ever.
    """
    return Entry(request.user, epoch, request.last_number, request.last_nonce)


def tell(known: Entry | None, entry: Entry, up_to: int) -> Entry:
    """The entry to save for a replica, ``known`` before, that is now told of the store up to this revision."""
    before = known.told if known and known.epoch == entry.epoch else 0
    return replace(entry, told=max(before or 0, up_to))


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
