"""Applies mutations to the store: reads all records, decides in memory, writes all changes.

Deciding needs no lock, as long as the records do not change before the write (``optimistic.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from airflow_updraft.collections import Collections, Problem
from airflow_updraft.exchange import records as stored_records
from airflow_updraft.exchange import rights
from airflow_updraft.exchange.merge import Checked, Outcome, Stored, check_create, merge, new_record
from airflow_updraft.exchange.mutation import BadMutation, CheckedMutation, Mutation
from airflow_updraft.exchange.records import Changed, Key
from airflow_updraft.exchange.rights import Author
from airflow_updraft.exchange.shape import id_problem
from airflow_updraft.json_values import Json, text_problem
from airflow_updraft.store.revision import Counter

Verdict = dict[str, Json]


class Applied(NamedTuple):
    """The outcome of mutations: a verdict for each, and the records to write.

    Decided on a store at revision ``base`` that held ``before``. Written records get the revisions
    after ``base``, up to ``revision``.
    """

    verdicts: list[Verdict]
    changed: Mapping[Key, Changed]
    before: Mapping[Key, Stored]
    base: int
    revision: int

    def after(self, base: int) -> Applied:
        """Return this outcome on a store at a later revision, with these records unchanged.

        A decision only compares revisions, and all revisions given out are above ``base``, which is
        above all revisions read.
        """
        if base == self.base:
            return self
        step, old = base - self.base, self.base
        verdicts = [
            v | {"revision": v["revision"] + step} if v["revision"] > old else v
            for v in self.verdicts
        ]
        changed = {
            key: Changed(_after(one.record, old, step), one.text)
            for key, one in self.changed.items()
        }
        return Applied(verdicts, changed, self.before, base, self.revision + step)


def _after(record: Stored, old: int, step: int) -> Stored:
    revision, created, fields, revisions, deleted, owner = record
    if revisions:
        revisions = {name: at + step if at > old else at for name, at in revisions.items()}
    return Stored(
        revision + step,
        created + step if created > old else created,
        fields,
        revisions,
        deleted,
        owner,
    )


def apply_mutations(
    conn: sa.Connection,
    counter: Counter,
    mutations: Iterable[Mutation | BadMutation],
    author: Author,
    collections: Collections,
    now: datetime,
    decided: Applied | None = None,
) -> Applied:
    """Apply in order; the counter must be locked by this transaction.

    ``decided`` is the outcome, if known already: none of the records has changed since. The number
    of statements does not grow with the mutations: a SELECT for each collection, one bulk upsert.
    """
    if decided is None:
        mutations = tuple(mutations)
        stored = stored_records.load_records(conn, named_in(mutations, collections))
        decided = decide(mutations, stored, counter.revision, author, collections)
    applied = decided.after(counter.revision)
    counter.revision = applied.revision
    stored_records.write_records(
        conn, applied.changed, applied.before, author.label, collections, now
    )
    return applied


def named_in(
    mutations: Iterable[Mutation | BadMutation], collections: Collections
) -> Iterator[Mutation | BadMutation]:
    """Yield the mutations whose records may be in the store: refusals report the record too.

    Only a few undeclared collections are looked up, because each costs a statement.
    """
    undeclared = set[str]()
    for mutation in mutations:
        if mutation.collection not in collections and mutation.collection not in undeclared:
            if len(undeclared) == UNDECLARED_MAX or text_problem(mutation.collection):
                continue
            undeclared.add(mutation.collection)
        if type(mutation) is CheckedMutation or id_problem(mutation.id) is None:
            yield mutation


UNDECLARED_MAX = 8


def decide(
    mutations: Sequence[Mutation | BadMutation],
    before: Mapping[Key, Stored],
    base: int,
    author: Author,
    collections: Collections,
    creates: Sequence[Checked | None] | None = None,
) -> Applied:
    """Decide mutations in order, on a store at revision ``base`` that holds ``before``.

    ``creates`` is the result of ``check_creates``, None: not checked yet.
    """
    if creates is None:
        creates = check_creates(mutations, collections)
    revision, stored = base, dict(before)
    changed: dict[Key, Changed] = {}
    verdicts = []
    free = {
        c.name
        for c in collections.values()
        if rights.may_travel(c, author) and rights.may_write(c, None, author)
    }
    for mutation, create in zip(mutations, creates, strict=True):
        key = mutation.collection, mutation.id
        if (
            type(create) is str
            and key not in stored
            and mutation.collection in free
            and isinstance(mutation, Mutation)
            and mutation.base_revision <= base
        ):
            # Most mutations are creates without a record: ``merge`` gives the same result, and
            # takes longer.
            revision += 1
            stored[key] = record = new_record(mutation, revision, author.user)
            changed[key] = Changed(record, create)
            verdicts.append(applied(mutation.collection, mutation.id, revision))
            continue
        outcome = _decide(mutation, stored.get(key), author, collections, revision, base, create)
        if outcome.record is not None:
            revision += 1
            stored[key] = outcome.record
            changed[key] = Changed(outcome.record, outcome.text)
        verdicts.append(_verdict(mutation, outcome, stored.get(key), author, collections))
    return Applied(verdicts, changed, before, base, revision)


def check_creates(
    mutations: Iterable[Mutation | BadMutation], collections: Collections
) -> tuple[Checked | None, ...]:
    """Check the records that creates make, before the store is locked; None for other mutations.

    These checks are most of a batch's work: done here, the next batch's checks can go on while this
    batch holds the lock.
    """
    return tuple(
        check_create(mutation, collection)
        if isinstance(mutation, Mutation)
        and mutation.op == "create"
        and (collection := collections.get(mutation.collection))
        else None
        for mutation in mutations
    )


def _decide(
    mutation: Mutation | BadMutation,
    record: Stored | None,
    author: Author,
    collections: Collections,
    revision: int,
    base: int,
    create: Checked | None,
) -> Outcome:
    if (collection := collections.get(mutation.collection)) is None:
        return _rejected(
            "unknown_collection", f"there is no collection {mutation.collection[:50]!r}"
        )
    if not rights.may_travel(collection, author):
        return _rejected(
            "needs_plugin", f"{collection.name} is private: conf and XCom could be read by others"
        )
    if isinstance(mutation, BadMutation):
        return Outcome("rejected", problem=mutation.problem)
    if mutation.base_revision > base:
        # A base so high would pass for having seen every change, which no device of this epoch has.
        return _rejected("malformed", "baseRevision is above the store's revision")
    if not rights.may_write(collection, record, author):
        return _rejected(
            "not_writable", f"{author.user} may not write this record of {collection.name}"
        )
    return merge(mutation, record, collection, author.user, revision + 1, create)


def _rejected(kind: str, message: str) -> Outcome:
    return Outcome("rejected", problem=Problem(kind, message))


def applied(collection: str, record_id: str, revision: int) -> Verdict:
    """Return the verdict on a mutation that had the expected effect, at this revision."""
    return {"collection": collection, "id": record_id, "verdict": "applied", "revision": revision}


def _verdict(
    mutation: Mutation | BadMutation,
    outcome: Outcome,
    record: Stored | None,
    author: Author,
    collections: Collections,
) -> Verdict:
    if outcome.verdict == "applied":
        return applied(mutation.collection, mutation.id, record.revision if record else 0)
    verdict: Verdict = {
        "collection": mutation.collection,
        "id": mutation.id,
        "verdict": outcome.verdict,
    }
    collection = collections.get(mutation.collection)
    seen = record if record and rights.may_be_told(collection, record.owner, author) else None
    # The record travels with the verdict: the record's page of the feed may be far away, and the
    # device needs the content that belongs to the revision now. Content and revision that the user
    # may not read stay hidden.
    verdict["revision"] = seen.revision if seen else 0
    verdict["record"] = {"id": mutation.id, **seen.fields} if seen and not seen.deleted else None
    if outcome.fields is not None:
        verdict["fields"] = outcome.fields if outcome.fields == "*" else list(outcome.fields)
    if outcome.dropped:
        verdict["dropped"] = list(outcome.dropped)
    if (problem := outcome.problem) is not None:
        verdict["reason"] = problem.as_json()
    return verdict
