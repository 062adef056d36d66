"""What Airflow itself wants written, checked as far as can be told without the store: one shape a kind of write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from airflow_updraft.collections import Collection
from airflow_updraft.errors import RecordInvalidError
from airflow_updraft.json_values import Json, parse_json, to_json, value_problem
from airflow_updraft.mutation import field_name_problem, id_problem

Record: TypeAlias = dict[str, Json]


@dataclass(frozen=True, slots=True)
class Put:
    """Make the store hold exactly these fields (without the id); ``owner`` is whom a new record belongs to."""

    collection: str
    id: str
    fields: Record
    owner: str | None


@dataclass(frozen=True, slots=True)
class Patch:
    """Set and remove fields. ``base`` is the revision its author has seen, None: whatever they held."""

    collection: str
    id: str
    fields: Record
    removed: frozenset[str]
    base: int | None
    missing_ok: bool


@dataclass(frozen=True, slots=True)
class Delete:
    """Turn the record into a tombstone; an absent one stays absent."""

    collection: str
    id: str


Write: TypeAlias = Put | Patch | Delete


def put_of(collection: Collection, record: Mapping[str, Json], owner: str | None) -> Put:
    """A put of a whole record, its ``id`` included; raises RecordInvalidError where it does not fit its schema."""
    record_id = _checked_id(collection, record.get("id"))
    fields = _checked_fields(collection, record_id, {name: record[name] for name in record if name != "id"})
    if problem := collection.problem({"id": record_id, **fields}):
        raise RecordInvalidError(place(collection.name, record_id), problem.message, problem.path)
    return Put(collection.name, record_id, fields, owner)


def patch_of(
    collection: Collection,
    record_id: str,
    fields: Mapping[str, Json],
    remove: Iterable[str],
    base: int | None,
    *,
    missing_ok: bool = False,
) -> Patch:
    """A patch; raises RecordInvalidError. Whether the record then fits its schema shows when it is written."""
    record_id = _checked_id(collection, record_id)
    kept, removed = _checked_fields(collection, record_id, fields), frozenset(remove)
    if both := sorted(kept.keys() & removed):
        raise RecordInvalidError(place(collection.name, record_id), "is both set and removed", f"/{both[0]}")
    return Patch(collection.name, record_id, kept, removed, base, missing_ok)


def delete_of(collection: Collection, record_id: str) -> Delete:
    """A delete; raises RecordInvalidError for an id that no record can have."""
    return Delete(collection.name, _checked_id(collection, record_id))


def place(collection: str, record_id: str) -> str:
    """How an error names a record."""
    return f"{collection} {record_id!r}"


def _checked_id(collection: Collection, record_id: Json) -> str:
    problem = id_problem(record_id) if isinstance(record_id, str) else "an id must be a text"
    if problem:
        raise RecordInvalidError(place(collection.name, str(record_id)[:50]), problem, "/id")
    return str(record_id)


def _checked_fields(collection: Collection, record_id: str, fields: Mapping[str, Json]) -> Record:
    """The fields as JSON gives them back: what a task computed may hold tuples, dates or NaN."""
    kept = {}
    for name, value in fields.items():
        problem = field_name_problem(name)
        try:
            kept[name] = parse_json(to_json(value))
            problem = problem or value_problem(kept[name])
        except (TypeError, ValueError) as error:
            problem = problem or f"cannot become JSON: {error}"
        if problem:
            raise RecordInvalidError(place(collection.name, record_id), problem, f"/{name}")
    return kept
