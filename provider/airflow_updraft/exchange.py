"""The exchange: the whole server on one screen. docs/protocol.md is the contract; it names each rule's mishap."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

import sqlalchemy as sa

from airflow_updraft import epoch as epochs
from airflow_updraft import ledger, revision
from airflow_updraft.ahead import Ahead, look_ahead, still_holds
from airflow_updraft.apply import Author, apply_mutations
from airflow_updraft.collections import Collections, Problem
from airflow_updraft.epoch import EpochKeeper
from airflow_updraft.errors import InvalidRequestError
from airflow_updraft.feed import read_page
from airflow_updraft.json_values import Json
from airflow_updraft.ledger import Entry, Standing
from airflow_updraft.limits import LIMITS, Transport
from airflow_updraft.request import Request, parse_request, read_body
from airflow_updraft.response import Answer, Response, invalid, refusal, respond
from airflow_updraft.revision import Counter
from airflow_updraft.tables import random_epoch
from airflow_updraft.together import execute_together
from airflow_updraft.transaction import Pace, run_transaction
from airflow_updraft.turns import Turns

_thinkers = Turns()
THINKING_WAIT_SECONDS_MAX = 1.0


def utc_now() -> datetime:
    """The server's clock: it labels rows and decides nothing."""
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
    pace: Pace | None = None,
) -> Response:
    """Apply a request's batch exactly once and return its verdicts and the changes since its checkpoint.

    ``request`` is not trusted; ``user`` is the authenticated one. All effects are in one transaction of
    ``engine``, whose store must exist (``create_store``). A bad request is answered, not raised; what is raised
    (the database's own errors, after a few attempts) means that the same request may be sent again.
    """
    body: Mapping[str, Json] = {}
    author = Author(user, label=user, transport=transport)
    # One after the other: threads that compute at once only take the interpreter from each other, and from the one
    # that has the store's lock; all would be ready late, and then stand in line for that lock.
    with _thinkers.take(engine, THINKING_WAIT_SECONDS_MAX):
        try:
            body = read_body(request, LIMITS[transport])
            ask = parse_request(body, LIMITS[transport])
        except InvalidRequestError as error:
            return invalid(body, error)
        ahead = look_ahead(engine, ask.batch.mutations, author, collections) if ask.batch else None
    kept_epoch = epoch_keeper.get() if epoch_keeper else None

    def settle_and_read(conn: sa.Connection) -> Response:
        counter, entry = ledger.lock_and_load(conn, ask.replica_id)
        locked = replace(counter)
        if ask.user != user or (entry and entry.user != user):
            return refusal(ask, counter, "user_mismatch")
        if epochs.is_broken(counter, epoch_keeper, kept_epoch) or epochs.is_ahead(ask, entry, counter):
            epochs.renew_for(ask, counter, epoch_keeper, new_epoch())
        answer = _settle(conn, counter, ask, entry, author, collections, clock, ahead)
        writes = [revision.saving(counter)] if counter != locked else []
        if answer.refused in ("fork", "invalid"):
            execute_together(conn, *writes)
            return refusal(ask, counter, answer.refused, answer.problem)
        reset = ask.epoch != counter.epoch or counter.horizon > max(ask.since, ask.floor)
        if reset:
            page = read_page(conn, counter, author, collections, 0, ask.limit)
        else:
            settled = answer.verdicts or ()
            page = read_page(conn, counter, author, collections, ask.since, ask.limit, settled, answer.applied)
        if answer.entry is not None:
            up_to = counter.revision if reset else max(page.up_to, ask.floor)
            told = ledger.tell(entry, answer.entry, up_to)
            writes.append(ledger.saving(ask, entry, told, answer.verdicts, transport, clock()))
        execute_together(conn, *writes)
        return respond(ask, counter, answer, page, reset=reset)

    try:
        # Run again after a COMMIT of unknown outcome it answers the same: the ledger replays what the first one wrote.
        return run_transaction(engine, settle_and_read, repeatable=True, pace=pace)
    except InvalidRequestError as error:
        # Its verdicts are too large: rolled back. Only a batch of the store's own epoch comes that far.
        return invalid(body, error) | {"epoch": ask.epoch}


def _settle(
    conn: sa.Connection,
    counter: Counter,
    ask: Request,
    entry: Entry | None,
    author: Author,
    collections: Collections,
    clock: Callable[[], datetime],
    ahead: Ahead | None,
) -> Answer:
    """Answer the request's batch, void or pull, and say what the ledger must hold of it."""
    match ledger.standing(entry, ask, counter.epoch):
        case Standing.FORK:
            return Answer("fork")
        case Standing.REPLAY if entry:
            held = ledger.load_verdicts(conn, ask.replica_id)
            return Answer(verdicts=held, entry=ledger.in_epoch(entry, counter.epoch))
        case Standing.VOIDED if entry:
            return Answer("void", entry=ledger.in_epoch(entry, counter.epoch))
        case _ if ask.epoch != counter.epoch:
            # Base revisions of another epoch mean nothing here: they would pass for having seen every change.
            return Answer("epoch" if ask.mark else None, entry=ledger.claim(ask, counter.epoch))
        case Standing.STRAY:
            return Answer("invalid", Problem("malformed", "the number must be the last one plus 1", "/last"))
    mark = ask.mark
    if mark is None:
        return Answer(entry=entry or ledger.claim(ask, counter.epoch))
    if ask.batch is None:
        voided = Entry(author.label, counter.epoch, mark.number, mark.nonce, is_void=True)
        return Answer("void", entry=voided)
    decided = ahead.applied if ahead and still_holds(conn, counter, ahead) else None
    applied = apply_mutations(conn, counter, ask.batch.mutations, author, collections, clock(), decided)
    done = Entry(author.label, counter.epoch, mark.number, mark.nonce, ask.batch.hash)
    return Answer(verdicts=applied.verdicts, entry=done, applied=applied)
