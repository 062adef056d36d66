"""Decides a batch before the store is locked, and tells under the lock whether the plan holds.

All exchanges wait for the counter's lock, so a batch must be quick under the lock: with four
batches at once, three are read and decided while the database writes the fourth.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from airflow_updraft.collections import Collections
from airflow_updraft.exchange import records
from airflow_updraft.exchange.apply import Applied, check_creates, decide, named_in
from airflow_updraft.exchange.mutation import BadMutation, Mutation
from airflow_updraft.exchange.rights import Author
from airflow_updraft.json_values import write_json
from airflow_updraft.store.bulk import as_array
from airflow_updraft.store.connection import connected
from airflow_updraft.store.revision import Counter, read_counter

log = logging.getLogger(__name__)

NEWER_MAX = 10_000
"""With more changes than these since then, searching the changes would take longer than deciding
anew."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The outcome of a batch on the store as of ``counter``, read without the lock."""

    counter: Counter
    applied: Applied
    ids: Mapping[str, Sequence[str]]


def plan_batch(
    engine: sa.Engine,
    mutations: Sequence[Mutation | BadMutation],
    author: Author,
    collections: Collections,
) -> Plan | None:
    """Read a batch's records and decide the batch; return None to decide under the lock."""
    creates = check_creates(mutations, collections)
    named = list(named_in(mutations, collections))
    ids = defaultdict[str, list[str]](list)
    for mutation in named:
        ids[mutation.collection].append(mutation.id)
    try:
        with connected(engine, "AUTOCOMMIT") as conn:
            # The counter is read first: a record read later may be newer, and is then found to have
            # changed.
            counter = read_counter(conn)
            stored = records.load_records(conn, named)
    except sa.exc.DBAPIError as error:
        # Neither reported nor tried again here: the transaction will meet the same error.
        log.debug("could not plan the batch before the lock: %s", type(error.orig).__name__)
        return None
    return Plan(
        counter, decide(mutations, stored, counter.revision, author, collections, creates), ids
    )


def still_holds(conn: sa.Connection, counter: Counter, plan: Plan) -> bool:
    """Tell whether the plan is still right; the counter must be locked by this transaction.

    The plan holds if none of the batch's records has a newer revision than the plan's counter. Only
    forgotten tombstones leave no newer revision: pruning moves the horizon.
    """
    then, newer = plan.counter, counter.revision - plan.counter.revision
    if (then.epoch, then.horizon) != (
        counter.epoch,
        counter.horizon,
    ) or not 0 <= newer <= NEWER_MAX:
        return False
    if newer == 0:
        return True
    query, as_parameter = _NEWER[conn.dialect.name]
    return not any(
        conn.execute(
            query, {"collection": name, "since": then.revision, "ids": as_parameter(ids)}
        ).first()
        for name, ids in plan.ids.items()
    )


# Newer records, which are few, come first, by index; then the batch's ids are searched in these.
_NEWER: Mapping[str, tuple[sa.TextClause, Callable[[Sequence[str]], str]]] = {
    "sqlite": (
        sa.text(
            "SELECT 1 FROM updraft_records INDEXED BY updraft_records_by_collection "
            "WHERE collection = :collection AND revision > :since AND id IN (SELECT value FROM "
            "json_each(:ids)) LIMIT 1"
        ),
        write_json,
    ),
    "postgresql": (
        sa.text(
            "SELECT 1 FROM (SELECT id FROM updraft_records WHERE collection = :collection AND "
            "revision > :since "
            "OFFSET 0) AS newer WHERE id = ANY(CAST(:ids AS text[])) LIMIT 1"
        ),
        as_array,
    ),
}
