"""The exchange: the whole server on one screen. docs/protocol.md is the contract."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

import sqlalchemy as sa

from airflow_updraft.collections import Collections, Problem
from airflow_updraft.errors import InvalidRequestError
from airflow_updraft.exchange import entry as entries
from airflow_updraft.exchange import epoch as epochs
from airflow_updraft.exchange import ledger
from airflow_updraft.exchange.apply import apply_mutations
from airflow_updraft.exchange.entry import Entry, Standing
from airflow_updraft.exchange.epoch import Doubt, EpochKeeper
from airflow_updraft.exchange.feed import read_page
from airflow_updraft.exchange.optimistic import Plan, plan_batch, still_holds
from airflow_updraft.exchange.proof import Proofs
from airflow_updraft.exchange.request import Request, parse_request, read_body
from airflow_updraft.exchange.response import Answer, Response, invalid, refusal, respond
from airflow_updraft.exchange.rights import Author, undeclared_of
from airflow_updraft.json_values import Json
from airflow_updraft.limits import LIMITS, REPLICAS_PER_USER_MAX, Transport
from airflow_updraft.store import revision
from airflow_updraft.store.fair_lock import FairLock
from airflow_updraft.store.pipelining import execute_together
from airflow_updraft.store.revision import Counter
from airflow_updraft.store.tables import random_epoch
from airflow_updraft.store.transaction import Pace, run_transaction

_planning_lock = FairLock()
PLANNING_WAIT_SECONDS_MAX = 1.0


def utc_now() -> datetime:
    """Return the server's time, which labels rows and decides nothing."""
    return datetime.now(UTC)


def exchange(
    request: Mapping[str, Json] | str,
    user: str,
    engine: sa.Engine,
    collections: Collections,
    *,
    transport: Transport = "plugin",
    epoch_keeper: EpochKeeper | None = None,
    clock: Callable[[], datetime] = utc_now,
    new_epoch: Callable[[], str] = random_epoch,
    proofs: Proofs | None = None,
    replicas_max: int = REPLICAS_PER_USER_MAX,
    pace: Pace | None = None,
    bond: str | None = None,
) -> Response:
    """Apply a request's batch exactly once; return verdicts and the changes since its checkpoint.

    ``request`` is not trusted; ``user`` is the authenticated user. All effects are in one
    transaction of ``engine``, whose store must exist, with this ``bond`` (else ForeignStoreError).
    A bad request is answered, not raised; after an exception the same request may be sent again.
    """
    body: Mapping[str, Json] = {}
    author = Author(user, label=user, transport=transport)
    # Under the GIL parallel planning only slows the thread that holds the database lock; all plans
    # would be ready late, and then queue for that lock. So threads plan one at a time.
    with _planning_lock.take(engine, PLANNING_WAIT_SECONDS_MAX):
        try:
            body = read_body(request, LIMITS[transport])
            ask = parse_request(body, LIMITS[transport])
        except InvalidRequestError as error:
            return invalid(body, error)
        plan = plan_batch(engine, ask.batch.mutations, author, collections) if ask.batch else None
    kept_epoch = epoch_keeper.get() if epoch_keeper else None

    def settle_and_read(conn: sa.Connection) -> Response:
        counter, entry = ledger.lock_and_load(conn, ask.replica_id, bond)
        locked = replace(counter)
        if ask.user != user or (entry and entry.user != user):
            return refusal(ask, counter.epoch, "user_mismatch")
        if entry is None and (problem := ledger.make_room(conn, user, replicas_max)):
            return refusal(ask, counter.epoch, "invalid", problem)
        epoch = _epoch_for(ask, entry, counter, epoch_keeper, kept_epoch, proofs, new_epoch)
        answer = _settle(conn, counter, epoch, ask, entry, author, collections, clock, plan)
        writes = [revision.saving(counter)] if counter != locked else []
        if answer.refused in ("fork", "invalid"):
            execute_together(conn, *writes)
            return refusal(ask, epoch, answer.refused, answer.problem)
        reset = ask.epoch != epoch or counter.horizon > max(ask.since, ask.floor)
        since, known = (0, ()) if reset else (ask.since, (answer.verdicts or (), answer.applied))
        page = read_page(conn, counter, author, collections, since, ask.limit, *known)
        proof = None
        if answer.entry is not None:
            up_to = counter.revision if reset else max(page.up_to, ask.floor)
            told = entries.tell(entry, answer.entry, up_to)
            if proofs:
                told = entries.name_answer(entry, told, counter.revision, proofs.new_receipt)
                proof = proofs.give(ask, told)
            writes.append(ledger.saving(ask, entry, told, answer.verdicts, transport, clock()))
        execute_together(conn, *writes)
        omitted = undeclared_of(ask.holds, author, collections)
        return respond(ask, counter, answer, page, omitted, epoch=epoch, reset=reset, proof=proof)

    try:
        # Run again after a COMMIT of unknown outcome the ledger replays: the answer is the same.
        return run_transaction(engine, settle_and_read, repeatable=True, pace=pace)
    except InvalidRequestError as error:
        # Too large verdicts were rolled back. Only a batch of the store's own epoch comes here.
        return invalid(body, error) | {"epoch": ask.epoch}


def _epoch_for(
    ask: Request,
    entry: Entry | None,
    counter: Counter,
    keeper: EpochKeeper | None,
    kept: str | None,
    proofs: Proofs | None,
    new_epoch: Callable[[], str],
) -> str:
    """Return the epoch of the answer, renewed if anything shows that the store was restored."""
    if epochs.is_broken(counter, keeper, kept):
        epochs.renew_for(ask, counter, keeper, new_epoch())
        return counter.epoch
    match epochs.doubt(ask, entry, counter, proofs.check(ask) if proofs else None):
        case Doubt.RESTORED:
            epochs.renew_for(ask, counter, keeper, new_epoch())
            return counter.epoch
        case Doubt.CLAIM:
            return epochs.renew_alone(ask, counter, new_epoch())
        case Doubt.NONE:
            return epochs.epoch_of(entry, counter)


def _settle(
    conn: sa.Connection,
    counter: Counter,
    epoch: str,
    ask: Request,
    entry: Entry | None,
    author: Author,
    collections: Collections,
    clock: Callable[[], datetime],
    plan: Plan | None,
) -> Answer:
    """Answer a batch, void or pull in the replica's epoch, with the ledger's new row."""
    match entries.standing(entry, ask, epoch):
        case Standing.FORK:
            return Answer("fork")
        case Standing.REPLAY if entry:
            held = ledger.load_verdicts(conn, ask.replica_id)
            return Answer(verdicts=held, entry=entries.in_epoch(entry, epoch))
        case Standing.VOIDED if entry:
            return Answer("void", entry=entries.in_epoch(entry, epoch))
        case _ if ask.epoch != epoch:
            # Base revisions of another epoch mean nothing here: such a base would pass for having
            # seen every change.
            return Answer("epoch" if ask.mark else None, entry=entries.claim(ask, epoch))
        case Standing.STRAY:
            return Answer(
                "invalid", Problem("malformed", "the number must be the last one plus 1", "/last")
            )
    mark = ask.mark
    if mark is None:
        return Answer(entry=entry or entries.claim(ask, epoch))
    if ask.batch is None:
        voided = Entry(author.label, epoch, mark.number, mark.nonce, is_void=True)
        return Answer("void", entry=voided)
    decided = plan.applied if plan and still_holds(conn, counter, plan) else None
    applied = apply_mutations(
        conn, counter, ask.batch.mutations, author, collections, clock(), decided
    )
    done = Entry(author.label, epoch, mark.number, mark.nonce, ask.batch.hash)
    return Answer(verdicts=applied.verdicts, entry=done, applied=applied)
