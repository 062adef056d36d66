"""A row for each replica: its last number and answer, so that a resend has no second effect."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any, cast

import sqlalchemy as sa

from airflow_updraft.collections import Problem
from airflow_updraft.errors import ForeignStoreError, InvalidRequestError
from airflow_updraft.exchange.apply import Verdict, applied
from airflow_updraft.exchange.entry import Entry
from airflow_updraft.exchange.outcome import sum_up
from airflow_updraft.exchange.request import Request
from airflow_updraft.json_values import Json, parse_json, write_json
from airflow_updraft.limits import LIMITS, Transport
from airflow_updraft.store import revision
from airflow_updraft.store.bulk import quoted, replacing
from airflow_updraft.store.pipelining import Statement, execute_together
from airflow_updraft.store.revision import Counter
from airflow_updraft.store.tables import replicas

Verdicts = list[Verdict]

_FIELDS = [field.name for field in fields(Entry)]
_LOAD = sa.select(*(replicas.c[name] for name in _FIELDS)).where(
    replicas.c.replica_id == sa.bindparam("id")
)
_VERDICTS = sa.select(sa.cast(replicas.c.verdicts, sa.Text)).where(
    replicas.c.replica_id == sa.bindparam("id")
)
_COLUMNS = [column.name for column in replicas.columns]
_SAVE = sa.text(
    # Verdicts are text in a single value: PostgreSQL would look into the rows of an upsert, and
    # refuse an escaped U+0000.
    f"INSERT INTO updraft_replicas ({', '.join(map(quoted, _COLUMNS))}) "  # noqa: S608
    f"VALUES (:{', :'.join(_COLUMNS)}) "
    # A replica's user never changes, and SQLite rewrites the index of every column that is set.
    "ON CONFLICT (replica_id) DO UPDATE SET "
    f"{replacing([name for name in _COLUMNS[1:] if name != 'user'])}"
).bindparams(sa.bindparam("last_seen", type_=replicas.c.last_seen.type))
_REWRITE = sa.text(
    "UPDATE updraft_replicas SET verdicts = :verdicts, outcome = :outcome WHERE replica_id = :id"
)
_SEEN = sa.text(
    "UPDATE updraft_replicas SET epoch = :epoch, transport = :transport, told = :told, answers = "
    ":answers, "
    "receipts = :receipts, device = :device, last_seen = :last_seen WHERE replica_id = :replica_id"
).bindparams(sa.bindparam("last_seen", type_=replicas.c.last_seen.type))


_LOCKED = sa.text(
    "SELECT counter.epoch, counter.revision, counter.horizon, counter.bond, "  # noqa: S608
    f"{', '.join(f'known.{quoted(name)}' for name in _FIELDS)} "
    "FROM updraft_meta AS counter LEFT JOIN updraft_replicas AS known ON known.replica_id = "
    ":replica_id "
    "WHERE counter.id = 1"
)


def lock_and_load(
    conn: sa.Connection, replica_id: str, bond: str | None = None
) -> tuple[Counter, Entry | None]:
    """Lock the counter until the transaction ends; then read counter and row, None if unknown.

    Raises ForeignStoreError for another bond: a database exchanged under an open connection.
    """
    counter, entry = _lock_and_load(conn, replica_id)
    if bond is not None and counter.bond != bond:
        raise ForeignStoreError
    return counter, entry


def _lock_and_load(conn: sa.Connection, replica_id: str) -> tuple[Counter, Entry | None]:
    if conn.dialect.driver != "psycopg2":
        return revision.lock_counter(conn), load(conn, replica_id)
    # Two statements are needed: the second sees the writes of the lock's last holder.
    found = execute_together(conn, (revision.LOCK, {}), (_LOCKED, {"replica_id": replica_id}))
    row: Sequence[Any] = cast("sa.CursorResult[Any]", found).one()
    return Counter(*row[:4]), None if row[4] is None else Entry(*row[4:])


def load(conn: sa.Connection, replica_id: str) -> Entry | None:
    """Return the replica's row, or None if unknown."""
    row = conn.execute(_LOAD, {"id": replica_id}).one_or_none()
    return None if row is None else Entry(*row)


def load_verdicts(conn: sa.Connection, replica_id: str) -> Verdicts | None:
    """Return the answer to the replica's last number, or None."""
    text = conn.scalar(_VERDICTS, {"id": replica_id})
    return None if text is None else [_verdict(kept) for kept in parse_json(text)]


def rewrite_verdicts(conn: sa.Connection, replica_id: str, verdicts: Verdicts) -> None:
    """Replace the answer to the replica's last number; the counter must be locked."""
    kept = _as_text([_kept(verdict) for verdict in verdicts])
    conn.execute(_REWRITE, {"id": replica_id, "verdicts": kept, "outcome": sum_up(verdicts)})


def saving(
    request: Request,
    known: Entry | None,
    entry: Entry,
    verdicts: Verdicts | None,
    transport: Transport,
    now: datetime,
) -> Statement:
    """Return the statement that writes the replica's row, ``known`` before; dates are labels.

    Raises InvalidRequestError, ``too_large``, when new verdicts exceed the transport's limit: the
    caller rolls back, and the device sends the mutations again in smaller batches.
    """
    labels = {
        "replica_id": request.replica_id,
        "last_seen": now,
        "transport": transport,
        "device": request.device,
    }
    said = {name: getattr(entry, name) for name in ("epoch", "told", "answers", "receipts")}
    if known and replace(known, **said) == entry:
        # Nothing new was settled: the verdicts stay.
        return _SEEN, labels | said
    row = {name: getattr(entry, name) for name in _FIELDS}
    kept: dict[str, str | None] = {"verdicts": None, "outcome": None}
    if verdicts is not None:
        kept = {"verdicts": _bounded(verdicts, transport), "outcome": sum_up(verdicts)}
    return _SAVE, row | labels | kept


def make_room(conn: sa.Connection, user: str, replicas_max: int) -> Problem | None:
    """Make room for another replica of this user, or return why there is none.

    The counter must be locked. The row of a replica that never settled anything may go, the least
    recently seen first: such a row holds only the revision its device was told, and an unknown
    device reads again. Any other row stays, at any age: the device may still hold the batch that
    only this row tells from a new batch (ADR 13).
    """
    of_user = replicas.c.user == user
    count = conn.scalar(sa.select(sa.func.count()).select_from(replicas).where(of_user)) or 0
    if count < replicas_max:
        return None
    idle = (
        sa.select(replicas.c.replica_id)
        .where(of_user, replicas.c.number == 0)
        .order_by(replicas.c.last_seen)
    )
    removable = conn.scalars(idle.limit(count - replicas_max + 1)).all()
    if len(removable) == count - replicas_max + 1:
        conn.execute(replicas.delete().where(replicas.c.replica_id.in_(removable)))
        return None
    return Problem(
        "too_many_replicas",
        f"{user} has {count} replicas, as many as one user may have. What this device holds stays "
        "on it. An operator can raise [updraft] replicas_per_user_max, or forget devices that are "
        "destroyed or wiped (airflow updraft devices forget)",
    )


def may_go(number: int) -> bool:
    """Tell whether the row of a replica that has settled ``number`` batches may go by itself."""
    return number == 0


def forget(conn: sa.Connection, replica_id: str, number: int) -> bool:
    """Remove a replica's row; False, without a write, if the replica has settled more meanwhile.

    The counter must be locked. For a row that may not go by itself, a person has to know that the
    device is destroyed or wiped (ADR 13).
    """
    here = (replicas.c.replica_id == replica_id, replicas.c.number == number)
    return conn.execute(replicas.delete().where(*here)).rowcount > 0


def _bounded(verdicts: Verdicts, transport: Transport) -> str:
    text, bytes_max = (
        _as_text([_kept(verdict) for verdict in verdicts]),
        LIMITS[transport].verdicts_bytes_max,
    )
    # A batch that could not be split is taken: the only record is within the record's limit.
    if len(verdicts) > 1 and len(text.encode()) > bytes_max:
        message = (
            f"the batch's verdicts with their records exceed {bytes_max} bytes: "
            "void the batch and split it"
        )
        raise InvalidRequestError("too_large", message, "/batch")
    return text


def _kept(verdict: Verdict) -> Json:
    """Return the verdict as the ledger keeps verdicts: an applied one is three bare values."""
    if verdict["verdict"] != "applied":
        return verdict
    return [verdict["collection"], verdict["id"], verdict["revision"]]


def _verdict(kept: Json) -> Verdict:
    # Before version 5 of the store applied verdicts were kept whole, too.
    return applied(*kept) if isinstance(kept, list) else cast("Verdict", kept)


def _as_text(verdicts: list[Json]) -> str:
    try:
        return write_json(verdicts)
    except UnicodeEncodeError:
        # A rejected mutation's id: half a surrogate pair travels and is stored only escaped.
        return json.dumps(verdicts)
