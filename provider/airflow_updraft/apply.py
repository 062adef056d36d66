"""Applies mutations to the store: read all records at once, decide in memory, write all changes at once.

What is decided needs no lock, only that nothing of it changes before it is written (``ahead.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

import sqlalchemy as sa

from airflow_updraft.bulk import Row, append, as_array, upsert
from airflow_updraft.collections import Collection, Collections, Problem
from airflow_updraft.json_values import Json, parse_json, write_json
from airflow_updraft.limits import Transport
from airflow_updraft.merge import Checked, Outcome, Stored, check_create, merge, new_record
from airflow_updraft.mutation import BadMutation, Mutation
from airflow_updraft.revision import Counter
from airflow_updraft.tables import gone, records

Key = tuple[str, str]
Verdict = dict[str, Json]


class Named(Protocol):
    """What names a record: a mutation, for example."""

    @property
    def collection(self) -> str:
        """The collection's name."""

    @property
    def id(self) -> str:
        """The record's id."""


class RecordName(NamedTuple):
    """A record's name, and nothing else."""

    collection: str
    id: str


class Changed(NamedTuple):
    """A record to write; ``text`` is its fields as JSON, None: not written yet."""

    record: Stored
    text: str | None = None


class Applied(NamedTuple):
    """What mutations come to: a verdict each, and what is to be written.

    Decided on a store at revision ``base``, of whose records it found ``before``. What is written gets the revisions
    after it, up to ``revision``.
    """

    verdicts: list[Verdict]
    changed: Mapping[Key, Changed]
    before: Mapping[Key, Stored]
    base: int
    revision: int

    def after(self, base: int) -> Applied:
        """The same on a store at a later revision in which none of these records has changed.

        A decision only compares revisions, and all it gives out are above ``base``, which is above all it was told.
        """
        if base == self.base:
            return self
        step, old = base - self.base, self.base
        verdicts = [v | {"revision": v["revision"] + step} if v["revision"] > old else v for v in self.verdicts]
        changed = {key: Changed(_after(one.record, old, step), one.text) for key, one in self.changed.items()}
        return Applied(verdicts, changed, self.before, base, self.revision + step)


def _after(record: Stored, old: int, step: int) -> Stored:
    revision, created, fields, revisions, deleted, owner = record
    if revisions:
        revisions = {name: at + step if at > old else at for name, at in revisions.items()}
    return Stored(revision + step, created + step if created > old else created, fields, revisions, deleted, owner)


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes. Airflow itself (``is_airflow``) may write every collection, and for any ``user``, or none."""

    user: str | None
    label: str
    transport: Transport = "plugin"
    is_airflow: bool = False


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

    ``decided`` is what they come to, where that is known already: none of their records has changed since. Few
    statements whatever the number of mutations: one SELECT a collection, one bulk upsert.
    """
    if decided is None:
        mutations = tuple(mutations)
        stored = load_records(conn, named_in(mutations, collections))
        decided = decide(mutations, stored, counter.revision, author, collections)
    applied = decided.after(counter.revision)
    counter.revision = applied.revision
    write_records(conn, applied.changed, applied.before, author, collections, now)
    return applied


def named_in(mutations: Iterable[Mutation | BadMutation], collections: Collections) -> Iterator[Mutation]:
    """The mutations whose records may be in the store."""
    return (m for m in mutations if isinstance(m, Mutation) and m.collection in collections)


def decide(
    mutations: Sequence[Mutation | BadMutation],
    before: Mapping[Key, Stored],
    base: int,
    author: Author,
    collections: Collections,
    creates: Sequence[Checked | None] | None = None,
) -> Applied:
    """Decide mutations in order, on a store at revision ``base`` that holds ``before`` of their records.

    ``creates`` is what ``check_creates`` said, None: not asked yet.
    """
    if creates is None:
        creates = check_creates(mutations, collections)
    revision, stored = base, dict(before)
    changed: dict[Key, Changed] = {}
    verdicts = []
    free = {c.name for c in collections.values() if _may_travel(c, author) and _may_write(c, None, author)}
    for mutation, create in zip(mutations, creates, strict=True):
        key = mutation.collection, mutation.id
        if (
            type(create) is str
            and key not in stored
            and mutation.collection in free
            and isinstance(mutation, Mutation)
            and mutation.base_revision <= base
        ):
            # So are most: ``merge`` comes to the same, and takes longer.
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


def check_creates(mutations: Iterable[Mutation | BadMutation], collections: Collections) -> tuple[Checked | None, ...]:
    """Check the records that creates make where there are none, before the store is locked; None for all else.

    It is most of a batch's work: done here, the next batch's can go on while this one's holds the lock.
    """
    return tuple(
        check_create(mutation, collection)
        if isinstance(mutation, Mutation)
        and mutation.op == "create"
        and (collection := collections.get(mutation.collection))
        else None
        for mutation in mutations
    )


def load_records(conn: sa.Connection, wanted: Iterable[Named]) -> dict[Key, Stored]:
    """Read the records and tombstones of these names, one statement a collection."""
    ids: dict[str, set[str]] = {}
    for mutation in wanted:
        ids.setdefault(mutation.collection, set()).add(mutation.id)
    query, as_parameter = _LOAD[conn.dialect.name]
    found: dict[Key, Stored] = {}
    for name, some in ids.items():
        rows = conn.execute(query, {"collection": name, "ids": as_parameter(sorted(some))}).all()
        # All at once: the parser's way in costs as much as a record.
        fields = parse_json(f"[{','.join(row[3] for row in rows)}]")
        changes = parse_json(f"[{','.join(row[4] for row in rows)}]")
        for row, values, changed in zip(rows, fields, changes, strict=True):
            record_id, revision, created, _, _, deleted, owner = row
            found[name, record_id] = Stored(revision, created, values, changed, bool(deleted), owner)
    return found


_RECORD = (
    # A JSON column as text, for our own parser.
    "SELECT id, revision, created, CAST(fields AS text), CAST(field_revisions AS text), deleted, owner "
    "FROM updraft_records WHERE collection = :collection AND id"
)
_LOAD: Mapping[str, tuple[sa.TextClause, Callable[[Sequence[str]], str]]] = {
    # The ids as one parameter.
    "sqlite": (sa.text(f"{_RECORD} IN (SELECT value FROM json_each(:ids))"), write_json),  # noqa: S608
    # One by one, so that each is found by the primary key: asked for all at once, a planner whose statistics are old
    # (a bulk load, a young store) takes the collection for small, and reads the whole of it at every exchange.
    "postgresql": (
        sa.text(
            "SELECT found.* FROM unnest(CAST(:ids AS text[])) AS wanted (wanted_id) "  # noqa: S608
            f"CROSS JOIN LATERAL ({_RECORD} = wanted_id OFFSET 0) AS found"
        ),
        as_array,
    ),
}


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
        return _rejected("unknown_collection", f"there is no collection {mutation.collection[:50]!r}")
    if not _may_travel(collection, author):
        return _rejected("needs_plugin", f"{collection.name} is private: conf and XCom could be read by others")
    if isinstance(mutation, BadMutation):
        return Outcome("rejected", problem=mutation.problem)
    if mutation.base_revision > base:
        # It would pass for having seen every change; no device of this epoch can hold it.
        return _rejected("malformed", "baseRevision is above the store's revision")
    if not _may_write(collection, record, author):
        return _rejected("not_writable", f"{author.user} may not write this record of {collection.name}")
    return merge(mutation, record, collection, author.user, revision + 1, create)


def _rejected(kind: str, message: str) -> Outcome:
    return Outcome("rejected", problem=Problem(kind, message))


def _may_travel(collection: Collection, author: Author) -> bool:
    return not (author.transport == "dag" and collection.is_private)


def _may_write(collection: Collection, record: Stored | None, author: Author) -> bool:
    if author.is_airflow or collection.write == "all":
        return True
    # A tombstone keeps its owner: nobody else may take the id over.
    return collection.write == "own" and (record is None or record.owner == author.user)


def may_read(collection: Collection, owner: str | None, author: Author) -> bool:
    """Tell whether the author may see a record with this owner."""
    if not _may_travel(collection, author):
        return False
    return collection.read == "all" or (collection.read == "own" and owner == author.user)


def applied(collection: str, record_id: str, revision: int) -> Verdict:
    """The verdict on a mutation that came to what its author saw coming, as this revision."""
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
    verdict: Verdict = {"collection": mutation.collection, "id": mutation.id, "verdict": outcome.verdict}
    seen = record if record and may_read(collections[mutation.collection], record.owner, author) else None
    # The record comes along: its page of the feed may be far away, and the device needs the content
    # that belongs to the revision now. What the user may not read, neither content nor revision, stays hidden.
    verdict["revision"] = seen.revision if seen else 0
    verdict["record"] = {"id": mutation.id, **seen.fields} if seen and not seen.deleted else None
    if outcome.fields is not None:
        verdict["fields"] = outcome.fields if outcome.fields == "*" else list(outcome.fields)
    if outcome.dropped:
        verdict["dropped"] = list(outcome.dropped)
    if (problem := outcome.problem) is not None:
        if problem.kind == "schema" and record is not None and seen is None:
            # The validator quotes what it refuses: the merged record, most of which is another user's.
            problem = Problem("schema", "the record as it would be does not fit the schema")
        verdict["reason"] = problem.as_json()
    return verdict


def write_records(
    conn: sa.Connection,
    changed: Mapping[Key, Changed],
    before: Mapping[Key, Stored],
    author: Author,
    collections: Collections,
    now: datetime,
) -> None:
    """Write changed records, and a gone entry for each user who can no longer see one of them.

    The counter must be locked by this transaction: so it is known which of them are new.
    """
    new: list[Row] = []
    known: list[Row] = []
    for key, (record, text) in changed.items():
        row = (
            *key,
            record.revision,
            record.created,
            write_json(record.fields) if text is None else text,
            write_json(record.field_revisions) if record.field_revisions else "{}",
            record.deleted,
            record.owner,
            author.label,
            now,
        )
        (known if key in before else new).append(row)
    append(conn, records, new)
    upsert(conn, records, known)
    _tell_who_lost(conn, changed, before, collections)


def _tell_who_lost(
    conn: sa.Connection, changed: Mapping[Key, Changed], before: Mapping[Key, Stored], collections: Collections
) -> None:
    left = []
    for key, old in before.items():
        if collections[key[0]].read != "own" or key not in changed:
            continue
        record = changed[key].record
        if old.owner != record.owner:
            # It left one user's view and maybe entered another's: the first is told once, the second never again.
            if old.owner is not None:
                left.append((old.owner, *key, record.revision))
            here = (gone.c.user == record.owner, gone.c.collection == key[0], gone.c.id == key[1])
            conn.execute(gone.delete().where(*here))
    upsert(conn, gone, left)
