"""Airflow's own writes: any number, of any collections, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

import sqlalchemy as sa

from airflow_updraft.collections import Collection, Collections
from airflow_updraft.dag_api.writes import Delete, Patch, Put, Write, place
from airflow_updraft.errors import RecordChangedError, RecordInvalidError, RecordMissingError
from airflow_updraft.exchange.merge import Outcome, Stored, merge
from airflow_updraft.exchange.mutation import Mutation
from airflow_updraft.exchange.records import Changed, Key, load_records, write_records
from airflow_updraft.exchange.server_changes import difference
from airflow_updraft.store.revision import Counter, lock_counter, save_counter
from airflow_updraft.store.transaction import Pace, run_transaction


class Written(NamedTuple):
    """Number of writes that changed something, and (collection, id) of patches without a record."""

    changed: int = 0
    missing: tuple[Key, ...] = ()


def write_all(
    engine: sa.Engine,
    collections: Collections,
    writes: Sequence[Write],
    *,
    by: str,
    pace: Pace | None = None,
) -> Written:
    """Write in order, in one transaction; an error of any write leaves nothing written.

    Each write finds the results of the writes before. All writes together need a few statements: a
    SELECT for each collection, two to write. Raises RecordInvalidError, RecordMissingError and
    RecordChangedError, which name the record.
    """
    effect: _Effect | None = None

    def body(conn: sa.Connection) -> Written:
        nonlocal effect
        counter = lock_counter(conn)
        stored = load_records(conn, writes)
        # Run again after a COMMIT of unknown outcome, this body must not meet its own writes:
        # several writes of a record, or a write with a base, would come to another result.
        if effect is not None and effect.is_in(stored):
            return effect.written
        before = dict(stored)
        effect = _apply(writes, stored, counter, collections)
        if effect.changed:
            write_records(conn, effect.changed, before, by, collections, datetime.now(UTC))
            save_counter(conn, counter)
        return effect.written

    return run_transaction(engine, body, repeatable=True, pace=pace)


class _Effect(NamedTuple):
    written: Written
    changed: Mapping[Key, Changed]

    def is_in(self, stored: Mapping[Key, Stored]) -> bool:
        """Tell whether the store holds the whole effect, revisions included: then committed."""
        return bool(self.changed) and all(
            stored.get(key) == one.record for key, one in self.changed.items()
        )


def _apply(
    writes: Sequence[Write], stored: dict[Key, Stored], counter: Counter, collections: Collections
) -> _Effect:
    """Decide all writes; ``stored`` and the counter are then as the writes leave the store."""
    # Airflow's patch names the revision its author has seen; later changes are always the author's
    # to decide.
    asking = {
        name: replace(collections[name], on_conflict="ask")
        for name in {write.collection for write in writes}
    }
    first, changed_count = counter.revision, 0
    changed: dict[Key, Changed] = {}
    missing: list[Key] = []
    for write in writes:
        key = write.collection, write.id
        mutation = _mutation(write, stored.get(key), counter, first)
        if mutation is None:
            continue
        owner = write.owner if isinstance(write, Put) else None
        outcome = merge(
            mutation, stored.get(key), asking[write.collection], owner, counter.revision + 1
        )
        if outcome.record is not None and outcome.fields is None:
            counter.next()
            stored[key] = outcome.record
            changed[key] = Changed(outcome.record, outcome.text)
            changed_count += 1
        elif _is_missing(outcome) and isinstance(write, Patch) and write.missing_ok:
            missing.append(key)
        else:
            _raise_problem(write, outcome, collections[write.collection])
    return _Effect(Written(changed_count, tuple(missing)), changed)


def _mutation(write: Write, held: Stored | None, counter: Counter, first: int) -> Mutation | None:
    """Return the mutation for a write, or None when the store holds the result already.

    The author has seen everything, except with a patch that has a base. ``first`` is the store's
    revision before the writes.
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
            return Mutation(
                write.collection, write.id, seen, "patch", set=write.fields, removed=write.removed
            )


def _is_missing(outcome: Outcome) -> bool:
    return outcome.fields == "*" and outcome.problem is None


def _raise_problem(write: Write, outcome: Outcome, collection: Collection) -> None:
    """Raise the problem that keeps the write from being done; return when all was equal.

    Messages hold no values: more people read the log of a task than the records.
    """
    where = place(write.collection, write.id)
    if outcome.problem is not None:
        problem = collection.without_values(outcome.problem)
        raise RecordInvalidError(where, problem.message, problem.path)
    if _is_missing(outcome):
        raise RecordMissingError(f"{where} does not exist, or was deleted. Nothing was written")
    if outcome.fields is not None:
        raise RecordChangedError(where, tuple(outcome.fields), getattr(write, "base", None) or 0)
