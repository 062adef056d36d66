"""Decides a batch before the store is locked, and tells under the lock whether that holds.

Everybody waits for the counter's lock, so a batch is to be quick while it has it: with four at once, three are read
and decided while the database writes the fourth.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from airflow_updraft import apply
from airflow_updraft.apply import Applied, Author, check_creates, decide, named_in
from airflow_updraft.bulk import as_array
from airflow_updraft.collections import Collections
from airflow_updraft.json_values import write_json
from airflow_updraft.mutation import BadMutation, Mutation
from airflow_updraft.revision import Counter, read_counter

log = logging.getLogger(__name__)

NEWER_MAX = 10_000
"""With more changes than these since then, looking through them would take longer than deciding anew."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """What a batch came to on the store as it was at ``counter``, which nobody had locked."""

    counter: Counter
    applied: Applied
    ids: Mapping[str, Sequence[str]]


def look_ahead(
    engine: sa.Engine, mutations: Sequence[Mutation | BadMutation], author: Author, collections: Collections
) -> Ahead | None:
    """Read a batch's records and decide it; None where that must wait for the lock."""
    creates = check_creates(mutations, collections)
    ids: dict[str, list[str]] = {}
    for mutation in named_in(mutations, collections):
        ids.setdefault(mutation.collection, []).append(mutation.id)
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            # The counter first. A record that is read newer than it has changed since, and is then found to have.
            counter = read_counter(conn)
            stored = apply.load_records(conn, named_in(mutations, collections))
    except sa.exc.DBAPIError as error:
        # Not the place to tell it, nor to try again: the transaction will meet the same.
        log.debug("could not look ahead: %s", type(error.orig).__name__)
        return None
    return Ahead(counter, decide(mutations, stored, counter.revision, author, collections, creates), ids)


def still_holds(conn: sa.Connection, counter: Counter, ahead: Ahead) -> bool:
    """Tell whether it comes to the same now; the counter must be locked by this transaction.

    It does where none of the batch's records has a revision that is newer than what was looked at. Only forgotten
    tombstones leave no newer revision behind: they move the horizon.
    """
    then, newer = ahead.counter, counter.revision - ahead.counter.revision
    if (then.epoch, then.horizon) != (counter.epoch, counter.horizon) or not 0 <= newer <= NEWER_MAX:
        return False
    if newer == 0:
        return True
    query, as_parameter = _NEWER[conn.dialect.name]
    return not any(
        conn.execute(query, {"collection": name, "since": then.revision, "ids": as_parameter(ids)}).first()
        for name, ids in ahead.ids.items()
    )


# The few newer ones first, by their index, and then which of them are the batch's.
_NEWER: Mapping[str, tuple[sa.TextClause, Callable[[Sequence[str]], str]]] = {
    "sqlite": (
        sa.text(
            "SELECT 1 FROM updraft_records INDEXED BY updraft_records_by_collection "
            "WHERE collection = :collection AND revision > :since AND id IN (SELECT value FROM json_each(:ids)) LIMIT 1"
        ),
        write_json,
    ),
    "postgresql": (
        sa.text(
            "SELECT 1 FROM (SELECT id FROM updraft_records WHERE collection = :collection AND revision > :since "
            "OFFSET 0) AS newer WHERE id = ANY(CAST(:ids AS text[])) LIMIT 1"
        ),
        as_array,
    ),
}
