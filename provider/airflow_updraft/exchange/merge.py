"""The rules for a mutation of a stored record: a pure function without I/O, clock, randomness."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from airflow_updraft import limits
from airflow_updraft.collections import Collection, OnConflict, Problem
from airflow_updraft.exchange.mutation import Elements, Mutation
from airflow_updraft.exchange.shape import id_problem, keys_of_fields_problem
from airflow_updraft.json_values import (
    Json,
    add,
    canonical_bytes,
    is_number,
    is_scalars,
    json_equal,
    scalar_key,
    value_problem,
    write_json_bytes,
)

VerdictKind = Literal["applied", "merged", "conflicted", "rejected"]

Checked: TypeAlias = str | Problem
"""A record's fields as the JSON to store, or the problem that forbids storing."""


class Stored(NamedTuple):
    """A record or tombstone as stored. ``fields`` lacks the id, and is empty for a tombstone.

    ``field_revisions`` holds a field's last change after the creation; a removed field keeps its
    revision.
    """

    revision: int
    created: int
    fields: Mapping[str, Json]
    field_revisions: Mapping[str, int]
    deleted: bool
    owner: str | None

    def changed(self, name: str, base_revision: int) -> bool:
        """Tell whether anyone set or removed the field after the author last saw the record."""
        return self.field_revisions.get(name, self.created) > base_revision


_NO_REVISIONS: Mapping[str, int] = {}


class Outcome(NamedTuple):
    """The outcome of a mutation. ``record`` is the record to store, None: write nothing.

    ``text`` is the record's fields as JSON, None for a tombstone.
    """

    verdict: VerdictKind
    record: Stored | None = None
    fields: tuple[str, ...] | Literal["*"] | None = None
    dropped: tuple[str, ...] = ()
    problem: Problem | None = None
    text: str | None = None


def merge(
    mutation: Mutation,
    stored: Stored | None,
    collection: Collection,
    author: str | None,
    revision: int,
    created: Checked | None = None,
) -> Outcome:
    """Decide a mutation against the stored record.

    ``author`` becomes the owner of a new record. ``revision`` is the revision of a change, and used
    up only if the outcome has a record. ``created`` is the result of ``check_create``, None: not
    checked yet. The author's right to write is not checked here.
    """
    live = None if stored is None or stored.deleted else stored
    if mutation.op == "delete":
        return _delete(mutation, live, collection.on_conflict, revision)
    if live is None:
        if mutation.op == "patch":
            # A partial record is never made: the device folds the patch into a create of the whole,
            # if the person wants that.
            return Outcome("conflicted", fields="*")
        return _create(mutation, stored, collection, author, revision, created)
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
    mutation: Mutation,
    tombstone: Stored | None,
    collection: Collection,
    author: str | None,
    revision: int,
    checked: Checked | None,
) -> Outcome:
    moved = tombstone is not None and tombstone.revision > mutation.base_revision
    if moved and collection.on_conflict == "ask":
        return Outcome("conflicted", fields="*")
    created = new_record(mutation, revision, author)
    checked = checked or check_create(mutation, collection)
    return _judged("merged" if moved else "applied", created, checked, moved=moved)


def new_record(create: Mutation, revision: int, author: str | None) -> Stored:
    """The record that a create makes where there is none."""
    is_deleted = False
    return Stored(revision, revision, _fields_of(create), _NO_REVISIONS, is_deleted, author)


def check_create(mutation: Mutation, collection: Collection) -> Checked:
    """Check the record that a create makes where there is none. Needs no store, and so no lock."""
    return _check(mutation, _fields_of(mutation), collection)


def _fields_of(create: Mutation) -> Mapping[str, Json]:
    # An increment of an absent field counts from 0, an absent list is empty. A create without set
    # fields has a proxy as its set, which no encoder takes.
    if not create.inc and not create.elements:
        return create.set or {}
    lists = {name: with_elements([], change) for name, change in create.elements.items()}
    return {**create.set, **create.inc, **{name: held for name, held in lists.items() if held}}


def with_elements(held: list[Json], change: Elements) -> list[Json]:
    """Return the list after the change, by the rule of the device: both must agree on the order.

    Elements that leave are taken out, the others keep their order, missing ones come to the end.
    """
    gone = set(map(scalar_key, change.removed))
    after = [item for item in held if scalar_key(item) not in gone]
    missing = dict.fromkeys(map(scalar_key, change.added))
    for item in after:
        missing.pop(scalar_key(item), None)
    return after + [value for _, value in missing]


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
        # A create meets fields its author never saw; an absent field is free, even if removed by
        # somebody.
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
            return Outcome(
                "rejected",
                problem=Problem("schema", "only a number can be incremented", f"/{name}"),
            )
        draft.fields[name] = add(before, step)
        draft.written.append(name)
    for name, change in mutation.elements.items():
        held = live.fields.get(name, [])
        if not is_scalars(held):
            message = "only a list of texts, numbers, true, false and null takes elements"
            return Outcome("rejected", problem=Problem("schema", message, f"/{name}"))
        after = with_elements(held, change)
        if json_equal(after, held):
            draft.equal.append(name)
            continue
        draft.fields[name] = after
        draft.written.append(name)

    moved = live.revision > mutation.base_revision
    verdict: VerdictKind = "merged" if moved or draft.equal or draft.dropped else "applied"
    conflicts = tuple(sorted(draft.conflicts)) if draft.conflicts else None
    if conflicts:
        verdict = "conflicted"
    dropped = tuple(sorted(draft.dropped)) if draft.dropped and not conflicts else ()
    if not draft.written:
        return Outcome(verdict, None, conflicts, dropped)
    revisions = {**live.field_revisions, **dict.fromkeys(draft.written, revision)}
    record = Stored(
        revision, live.created, draft.fields, revisions, deleted=False, owner=live.owner
    )
    checked = _check(mutation, record.fields, collection)
    if isinstance(checked, str):
        return Outcome(verdict, record, conflicts, dropped, None, checked)
    return _judged(verdict, record, checked, moved=moved)


def _may_write(
    draft: _Draft,
    name: str,
    mutation: Mutation,
    live: Stored,
    policy: OnConflict,
    *,
    equal: bool,
    free: bool,
) -> bool:
    """Sort a field of the edit into a list; return True if the new value is to be written."""
    if equal:
        draft.equal.append(name)
        return False
    if free or policy == "client-wins" or not live.changed(name, mutation.base_revision):
        draft.written.append(name)
        return True
    (draft.conflicts if policy == "ask" else draft.dropped).append(name)
    return False


def _check(mutation: Mutation, fields: Mapping[str, Json], collection: Collection) -> Checked:
    """Return the fields as JSON if the mutation may leave the record so; else the problem."""
    if problem := _value_problem(mutation, fields) or collection.problem(
        {"id": mutation.id, **fields}
    ):
        return problem
    text = write_json_bytes(fields)
    if (
        len(text) > _SURELY_FITS
        and canonical_bytes({"id": mutation.id, **fields}) > limits.RECORD_BYTES_MAX
    ):
        return Problem("too_large", f"the record exceeds {limits.RECORD_BYTES_MAX} bytes")
    return text.decode()


def record_problem(record_id: str, fields: Mapping[str, Json]) -> str | None:
    """Return why a whole record could not be written, or None; the words hold no values."""
    values = next(filter(None, map(value_problem, fields.values())), None)
    found = id_problem(record_id) or keys_of_fields_problem(fields) or values
    if found is None and canonical_bytes({"id": record_id, **fields}) > limits.RECORD_BYTES_MAX:
        return f"the record exceeds {limits.RECORD_BYTES_MAX} bytes"
    return found


_SURELY_FITS = limits.RECORD_BYTES_MAX // 6 - limits.ID_BYTES_MAX - len('"id":"",')
"""Fits with any id, and at any length of numbers by ``JSON.stringify``: 21 digits are here at least
``1e20``."""


def _judged(verdict: VerdictKind, record: Stored, checked: Checked, *, moved: bool) -> Outcome:
    """Judge an invalid result: the author's fault is rejected, a merge's is a conflict.

    Nothing is written in either case.
    """
    if isinstance(checked, str):
        return Outcome(verdict, record, text=checked)
    if moved and checked.kind != "malformed":
        return Outcome("conflicted", fields="*", problem=checked)
    return Outcome("rejected", problem=checked)


def _value_problem(mutation: Mutation, fields: Mapping[str, Json]) -> Problem | None:
    """Return why a value the author wrote, or the sum of an increment, cannot be stored at all."""
    if mutation.is_checked and not mutation.inc:
        return None  # the common case
    if not mutation.is_checked and (
        message := id_problem(mutation.id) or keys_of_fields_problem(mutation.set)
    ):
        return Problem("malformed", message)
    for name in mutation.inc if mutation.is_checked else (*mutation.set, *mutation.inc):
        if message := value_problem(fields.get(name)):
            return Problem("malformed", message, f"/{name}")
    return None
