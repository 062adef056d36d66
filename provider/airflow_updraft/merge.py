"""The rules by which one mutation meets one stored record. A pure function: no I/O, no clock, no randomness."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from airflow_updraft import limits
from airflow_updraft.collections import Collection, OnConflict, Problem
from airflow_updraft.json_values import Json, add, is_number, json_equal, size_bytes, value_problem, write_json
from airflow_updraft.mutation import Mutation

VerdictKind = Literal["applied", "merged", "conflicted", "rejected"]


class Stored(NamedTuple):
    """A record or tombstone as the store holds it. ``fields`` is without the id, empty for a tombstone.

    ``field_revisions`` holds a field's last change where that is not the creation; a removed field keeps its.
    """

    revision: int
    created: int
    fields: Mapping[str, Json]
    field_revisions: Mapping[str, int]
    deleted: bool
    owner: str | None

    def changed(self, name: str, base_revision: int) -> bool:
        """Tell whether the field was set or removed by someone after the author last saw it."""
        return self.field_revisions.get(name, self.created) > base_revision


class Outcome(NamedTuple):
    """What the mutation came to. ``record`` is what to store, None meaning: write nothing.

    ``text`` is its fields as JSON, None for a tombstone.
    """

    verdict: VerdictKind
    record: Stored | None = None
    fields: tuple[str, ...] | Literal["*"] | None = None
    dropped: tuple[str, ...] = ()
    problem: Problem | None = None
    text: str | None = None


def merge(
    mutation: Mutation, stored: Stored | None, collection: Collection, author: str | None, revision: int
) -> Outcome:
    """Decide one mutation against the stored record.

    ``author`` becomes the owner of a new record. ``revision`` is the one a change would get; it is used up only
    if the outcome has a record. The author's right to write is not checked here.
    """
    live = None if stored is None or stored.deleted else stored
    if mutation.op == "delete":
        return _delete(mutation, live, collection.on_conflict, revision)
    if live is None:
        if mutation.op == "patch":
            # Never a partial record: the device folds the patch into a create of the whole, if its person wants it.
            return Outcome("conflicted", fields="*")
        return _create(mutation, stored, collection, author, revision)
    return _edit(mutation, live, collection, revision)


def _delete(mutation: Mutation, live: Stored | None, policy: OnConflict, revision: int) -> Outcome:
    if live is None:
        return Outcome("merged")
    tombstone = Stored(revision, live.created, {}, {}, deleted=True, owner=live.owner)
    if live.revision <= mutation.base_revision:
        return Outcome("applied", tombstone)
    if policy == "ask":
        return Outcome("conflicted", fields="*")
    return Outcome("merged", tombstone) if policy == "client-wins" else Outcome("merged")


def _create(
    mutation: Mutation, tombstone: Stored | None, collection: Collection, author: str | None, revision: int
) -> Outcome:
    moved = tombstone is not None and tombstone.revision > mutation.base_revision
    if moved and collection.on_conflict == "ask":
        return Outcome("conflicted", fields="*")
    # An increment of a field that is absent counts from 0.
    fields = {**mutation.set, **mutation.inc} if mutation.inc else mutation.set
    created = Stored(revision, revision, fields, {}, deleted=False, owner=author)
    return _checked("merged" if moved else "applied", created, mutation, collection, moved=moved)


@dataclass(slots=True)
class _Draft:
    """An edit under way: the fields so far, which were written, and which were not and why."""

    fields: dict[str, Json]
    written: list[str] = field(default_factory=list)
    equal: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)


def _edit(mutation: Mutation, live: Stored, collection: Collection, revision: int) -> Outcome:
    draft = _Draft(dict(live.fields))
    for name, value in mutation.set.items():
        equal = name in live.fields and json_equal(live.fields[name], value)
        # A create meets fields its author never saw; one that is absent is free, whoever removed it.
        free = mutation.op == "create" and name not in live.fields
        if _may_write(draft, name, mutation, live, collection.on_conflict, equal=equal, free=free):
            draft.fields[name] = value
    for name in mutation.removed:
        equal = name not in live.fields
        if _may_write(draft, name, mutation, live, collection.on_conflict, equal=equal, free=False):
            del draft.fields[name]
    for name, step in mutation.inc.items():
        before = live.fields.get(name, 0)
        if not is_number(before):
            return Outcome("rejected", problem=Problem("schema", "only a number can be incremented", f"/{name}"))
        draft.fields[name] = add(before, step)
        draft.written.append(name)

    moved = live.revision > mutation.base_revision
    record = None
    if draft.written:
        revisions = {**live.field_revisions, **dict.fromkeys(draft.written, revision)}
        record = Stored(revision, live.created, draft.fields, revisions, deleted=False, owner=live.owner)
    if draft.conflicts:
        outcome = Outcome("conflicted", record, fields=tuple(sorted(draft.conflicts)))
    else:
        whole = not (moved or draft.equal or draft.dropped)
        outcome = Outcome("applied" if whole else "merged", record, dropped=tuple(sorted(draft.dropped)))
    if record is None:
        return outcome
    checked = _checked(outcome.verdict, record, mutation, collection, moved=moved)
    return outcome._replace(text=checked.text) if checked.problem is None else checked


def _may_write(
    draft: _Draft, name: str, mutation: Mutation, live: Stored, policy: OnConflict, *, equal: bool, free: bool
) -> bool:
    """Sort one field of the edit into its list; True if its new value is to be written."""
    if equal:
        draft.equal.append(name)
        return False
    if free or policy == "client-wins" or not live.changed(name, mutation.base_revision):
        draft.written.append(name)
        return True
    (draft.conflicts if policy == "ask" else draft.dropped).append(name)
    return False


def _checked(
    verdict: VerdictKind, record: Stored, mutation: Mutation, collection: Collection, *, moved: bool
) -> Outcome:
    """Validate the result. Invalid: nothing is written; the author's fault is rejected, a merge's is a conflict."""
    problem = _value_problem(mutation, record) or collection.problem({"id": mutation.id, **record.fields})
    if problem is None:
        text = write_json(record.fields)
        if size_bytes(mutation.id) + len(text.encode()) + _ID_BYTES <= limits.RECORD_BYTES_MAX:
            return Outcome(verdict, record, text=text)
        problem = Problem("too_large", f"the record exceeds {limits.RECORD_BYTES_MAX} bytes")
    if moved and problem.kind != "malformed":
        return Outcome("conflicted", fields="*", problem=problem)
    return Outcome("rejected", problem=problem)


_ID_BYTES = len('"id":,')
"""What a record is longer than its id and its fields, as JSON."""


def _value_problem(mutation: Mutation, record: Stored) -> Problem | None:
    """Why a value the author wrote, or a sum it came to, cannot be stored at all."""
    for name in mutation.inc if mutation.is_checked else (*mutation.set, *mutation.inc):
        if message := value_problem(record.fields.get(name)):
            return Problem("malformed", message, f"/{name}")
    return None
