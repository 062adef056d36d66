"""Airflow's own writes: any number, of any collections, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import NamedTuple

import sqlalchemy as sa

from airflow_updraft.collections import Collections
from airflow_updraft.dag_api.write_outcomes import is_missing, mutation_of, problem_of
from airflow_updraft.dag_api.writes import Patch, Put, Write
from airflow_updraft.errors import RecordInvalidError
from airflow_updraft.exchange.merge import Stored, merge
from airflow_updraft.exchange.records import Changed, Key, load_records, write_records
from airflow_updraft.store.revision import Counter, lock_counter, save_counter
from airflow_updraft.store.transaction import Pace, run_transaction


class Written(NamedTuple):
    """Number of writes that changed something, and (collection, id) of patches without a record.

    ``refused`` has the words of each error that concerned a change's writes, by the change's id.
    """

    changed: int = 0
    missing: tuple[Key, ...] = ()
    refused: Mapping[str, str] = MappingProxyType({})


def write_all(
    engine: sa.Engine,
    collections: Collections,
    writes: Sequence[Write],
    *,
    by: str,
    pace: Pace | None = None,
    answers: Sequence[str | None] = (),
) -> Written:
    """Write in order, in one transaction; an error of any write leaves nothing written.

    ``answers`` names for each write the change that it answers, or None. An error of such a write
    leaves out all writes of that change, and the others are written. Each write finds the results
    of the writes before. All writes together need a few statements: a SELECT for each collection,
    two to write. Raises RecordInvalidError, RecordMissingError and RecordChangedError, which name
    the record.
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
        effect = _apply_in_full(writes, answers, stored, counter, collections)
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


def _apply_in_full(
    writes: Sequence[Write],
    answers: Sequence[str | None],
    stored: dict[Key, Stored],
    counter: Counter,
    collections: Collections,
) -> _Effect:
    """Decide all writes, each change's in full or not at all.

    ``stored`` and the counter are then as the writes leave the store.
    """
    owners = answers or [None] * len(writes)
    refused: dict[str, str] = {}
    while True:
        kept = [pair for pair in zip(writes, owners, strict=True) if pair[1] not in refused]
        trial, counted = dict(stored), replace(counter)
        effect, problems = _apply(kept, trial, counted, collections)
        if not problems:
            stored.update(trial)
            counter.revision = counted.revision
            return effect._replace(written=effect.written._replace(refused=refused))
        refused |= problems


def _apply(
    writes: Sequence[tuple[Write, str | None]],
    stored: dict[Key, Stored],
    counter: Counter,
    collections: Collections,
) -> tuple[_Effect, dict[str, str]]:
    """Decide writes; return also the words of each change whose writes cannot be made."""
    # Airflow's patch names the revision its author has seen; later changes are always the author's
    # to decide.
    asking = {
        name: replace(collections[name], on_conflict="ask")
        for name in {write.collection for write, _ in writes}
    }
    first, changed_count = counter.revision, 0
    changed: dict[Key, Changed] = {}
    missing: list[Key] = []
    problems: dict[str, str] = {}
    for write, answered in writes:
        key = write.collection, write.id
        try:
            mutation = mutation_of(write, stored.get(key), counter, first)
        except RecordInvalidError as error:
            if answered is None:
                raise
            problems.setdefault(answered, str(error))
            continue
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
        elif is_missing(outcome) and isinstance(write, Patch) and write.missing_ok:
            missing.append(key)
        elif problem := problem_of(write, outcome, collections[write.collection]):
            if answered is None:
                raise problem
            problems.setdefault(answered, str(problem))
    return _Effect(Written(changed_count, tuple(missing)), changed), problems
