"""Writes what Airflow itself wants written: any number of writes, of any collections, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

import sqlalchemy as sa

from airflow_updraft.apply import Author, Changed, Key, load_records, write_records
from airflow_updraft.collections import Collections
from airflow_updraft.errors import RecordChangedError, RecordInvalidError, RecordMissingError
from airflow_updraft.merge import Outcome, Stored, merge
from airflow_updraft.mutation import Mutation
from airflow_updraft.revision import Counter, lock_counter, save_counter
from airflow_updraft.server_changes import difference
from airflow_updraft.transaction import Pace, run_transaction
from airflow_updraft.writes import Delete, Patch, Put, Write, place


class Written(NamedTuple):
    """How many writes changed something, and the (collection, id) of each patch that found no record."""

    changed: int = 0
    missing: tuple[Key, ...] = ()


def write_all(
    engine: sa.Engine, collections: Collections, writes: Sequence[Write], *, by: str, pace: Pace | None = None
) -> Written:
    """Write in order, in one transaction; what one of them raises leaves nothing written.

    Each write finds what those before it made. A few statements for all: one SELECT a collection, two to write.
    Raises RecordInvalidError, RecordMissingError and RecordChangedError, which name the record.
    """
    effect: _Effect | None = None

    def body(conn: sa.Connection) -> Written:
        nonlocal effect
        counter = lock_counter(conn)
        stored = load_records(conn, writes)
        # Run again after a COMMIT of unknown outcome it must not meet its own writes: several of one record, or one
        # with a base, would not come to the same.
        if effect is not None and effect.is_in(stored):
            return effect.written
        before = dict(stored)
        effect = _apply(writes, stored, counter, collections)
        if effect.changed:
            author = Author(None, by, is_airflow=True)
            write_records(conn, effect.changed, before, author, collections, datetime.now(UTC))
            save_counter(conn, counter)
        return effect.written

    return run_transaction(engine, body, repeatable=True, pace=pace)


class _Effect(NamedTuple):
    written: Written
    changed: Mapping[Key, Changed]

    def is_in(self, stored: Mapping[Key, Stored]) -> bool:
        """Tell whether the store holds all of it, revisions included: then it was committed."""
        return bool(self.changed) and all(stored.get(key) == one.record for key, one in self.changed.items())


def _apply(writes: Sequence[Write], stored: dict[Key, Stored], counter: Counter, collections: Collections) -> _Effect:
    """Decide all writes; ``stored`` and the counter are then as they have left them."""
    # Airflow's own patch names the revision it has seen; what changed since is its author's to decide, always.
    asking = {name: replace(collections[name], on_conflict="ask") for name in {write.collection for write in writes}}
    first, changed_count = counter.revision, 0
    changed: dict[Key, Changed] = {}
    missing: list[Key] = []
    for write in writes:
        key = write.collection, write.id
        mutation = _mutation(write, stored.get(key), counter, first)
        if mutation is None:
            continue
        owner = write.owner if isinstance(write, Put) else None
        outcome = merge(mutation, stored.get(key), asking[write.collection], owner, counter.revision + 1)
        if outcome.record is not None and outcome.fields is None:
            counter.next()
            stored[key] = outcome.record
            changed[key] = Changed(outcome.record, outcome.text)
            changed_count += 1
        elif _is_missing(outcome) and isinstance(write, Patch) and write.missing_ok:
            missing.append(key)
        else:
            _raise_problem(write, outcome)
    return _Effect(Written(changed_count, tuple(missing)), changed)


def _mutation(write: Write, held: Stored | None, counter: Counter, first: int) -> Mutation | None:
    """The mutation that does it, by an author who has seen everything but for a patch with a base; None: it is done.

    ``first`` is the store's revision before the writes.
    """
    match write:
        case Put():
            return difference(write.collection, {"id": write.id, **write.fields}, held, counter)
        case Delete():
            return Mutation(write.collection, write.id, counter.revision, "delete")
        case Patch():
            if write.base is not None and not 0 <= write.base <= first:
                message = f"base {write.base} is no revision of the store, which is at {first}"
                raise RecordInvalidError(place(write.collection, write.id), message)
            seen = counter.revision if write.base is None else write.base
            return Mutation(write.collection, write.id, seen, "patch", set=write.fields, removed=write.removed)


def _is_missing(outcome: Outcome) -> bool:
    return outcome.fields == "*" and outcome.problem is None


def _raise_problem(write: Write, outcome: Outcome) -> None:
    """Raise what keeps the write from being done; nothing, where it found everything equal."""
    where = place(write.collection, write.id)
    if outcome.problem is not None:
        raise RecordInvalidError(where, outcome.problem.message, outcome.problem.path)
    if _is_missing(outcome):
        raise RecordMissingError(f"{where} does not exist, or was deleted. Nothing was written")
    if outcome.fields is not None:
        raise RecordChangedError(where, tuple(outcome.fields), getattr(write, "base", None) or 0)
