"""Removes content from the ledger: records and words in the verdicts kept for a resend.

A resent batch is still answered from its row, and so has no second effect. Its device is told of an
erased record as of any deleted record.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa

from airflow_updraft.erasure.subject import Key, Subject
from airflow_updraft.exchange import ledger
from airflow_updraft.exchange.apply import Verdict
from airflow_updraft.exchange.merge import Stored
from airflow_updraft.exchange.records import RecordName, load_records
from airflow_updraft.json_values import text_problem
from airflow_updraft.store.revision import lock_counter
from airflow_updraft.store.tables import replicas
from airflow_updraft.store.transaction import run_transaction

CHUNK_ROWS = 1_000
WORDS = "an operator has erased what this was about"

_r = replicas.c


@dataclass(slots=True)
class Swept:
    """Counts of verdicts and reports of devices with something to erase."""

    verdicts: int = 0
    reports: int = 0


def sweep(store: sa.Engine, subject: Subject, *, is_dry: bool) -> Swept:
    """Rewrite the rows of all replicas, also of other users, or only count (``is_dry``)."""
    swept = Swept()
    for replica_id in _suspects(store, subject):
        if is_dry:
            with store.connect() as conn:
                verdicts, report = _sweep_row(conn, replica_id, subject, is_dry=True)
        else:
            work = partial(_sweep_row, replica_id=replica_id, subject=subject, is_dry=False)
            verdicts, report = run_transaction(store, work, repeatable=True)
        swept.verdicts += verdicts
        swept.reports += report
    return swept


def _suspects(store: sa.Engine, subject: Subject) -> Iterator[str]:
    """Yield the replicas to look at, in chunks by key.

    Batches without trouble, which are nearly all, are passed over: an applied verdict is kept bare.
    """
    suspect: sa.ColumnElement[bool] = sa.cast(_r.verdicts, sa.Text).like('%"verdict"%')
    if subject.user is not None:
        suspect = sa.or_(suspect, sa.and_(_r.user == subject.user, _r.device.is_not(None)))
    query = sa.select(_r.replica_id).where(suspect).order_by(_r.replica_id).limit(CHUNK_ROWS)
    after = ""
    while True:
        with store.connect() as conn:
            found = conn.scalars(query.where(_r.replica_id > after)).all()
        yield from found
        if len(found) < CHUNK_ROWS:
            return
        after = found[-1]


def _sweep_row(
    conn: sa.Connection, replica_id: str, subject: Subject, *, is_dry: bool
) -> tuple[int, int]:
    """Sweep a row; return the numbers of its verdicts and of its reports with something erased."""
    if not is_dry:
        lock_counter(conn)
    here = _r.replica_id == replica_id
    row = conn.execute(sa.select(_r.user, _r.device).where(here)).one_or_none()
    kept = ledger.load_verdicts(conn, replica_id) or []
    names = {(v["collection"], v["id"]) for v in kept if v["verdict"] != "applied"}
    states = load_records(conn, [RecordName(*name) for name in names if _is_storable(name)])
    is_own = row is not None and subject.user is not None and row.user == subject.user
    swept = [_swept(v, states, subject, is_own=is_own, is_dry=is_dry) for v in kept]
    count = sum(new != old for new, old in zip(swept, kept, strict=True))
    has_report = row is not None and is_own and row.device is not None
    if not is_dry and count:
        ledger.rewrite_verdicts(conn, replica_id, swept)
    if not is_dry and has_report:
        conn.execute(replicas.update().where(here).values(device=None))
    return count, int(has_report)


def _is_storable(name: Key) -> bool:
    """Tell whether a record can have the name: that of a rejected mutation may hold anything."""
    return not any(map(text_problem, name))


def _swept(
    verdict: Verdict, states: Mapping[Key, Stored], subject: Subject, *, is_own: bool, is_dry: bool
) -> Verdict:
    if verdict["verdict"] == "applied":
        return verdict
    key = verdict["collection"], verdict["id"]
    state = states.get(key)
    if _is_erased(verdict, key, state, subject, is_dry=is_dry):
        return _as_of_deleted(verdict, state)
    if is_own and "reason" in verdict:
        # A reason may quote the mutation, whose author is the row's user.
        return verdict | {"reason": _silent(verdict["reason"])}
    return verdict


def _is_erased(
    verdict: Verdict, key: Key, state: Stored | None, subject: Subject, *, is_dry: bool
) -> bool:
    if state is None:
        # Nobody knows any more who owned a record that is forgotten.
        return key == subject.record or (
            subject.user is not None and verdict.get("record") is not None
        )
    # A record that lives after its erasure is new, and so is a verdict about it.
    is_newer = not state.deleted and state.created <= verdict["revision"]
    return subject.owns(key, state.owner) and (is_dry or not is_newer)


def _as_of_deleted(verdict: Verdict, state: Stored | None) -> Verdict:
    """Return the verdict as it is for a deleted record: no content, the tombstone's revision."""
    kind = verdict["verdict"]
    is_told = verdict.get("record") is not None
    bare = {name: verdict[name] for name in ("collection", "id", "verdict", "revision")}
    bare["record"] = None
    if is_told and state is not None and state.deleted:
        bare["revision"] = state.revision
    if kind == "conflicted":
        bare["fields"] = "*"
    if kind == "rejected":
        bare["reason"] = _silent(verdict["reason"])
    return bare


def _silent(reason: Mapping[str, Any]) -> dict[str, Any]:
    return {"kind": reason["kind"], "message": WORDS}
