"""Airflow's writes as values, checked as far as possible without the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from airflow_updraft.collections import Collection
from airflow_updraft.errors import RecordInvalidError
from airflow_updraft.exchange.shape import field_name_problem, id_problem
from airflow_updraft.json_values import Json, parse_json, to_json, value_problem

Record: TypeAlias = dict[str, Json]


@dataclass(frozen=True, slots=True)
class Put:
    """Make the store hold exactly these fields (without the id); ``owner`` owns a new record."""

    collection: str
    id: str
    fields: Record
    owner: str | None


@dataclass(frozen=True, slots=True)
class Patch:
    """Set and remove fields. ``base`` is the revision the author has seen, None overwrites."""

    collection: str
    id: str
    fields: Record
    removed: frozenset[str]
    base: int | None
    missing_ok: bool


@dataclass(frozen=True, slots=True)
class Delete:
    """Turn the record into a tombstone; an absent record stays absent."""

    collection: str
    id: str


Write: TypeAlias = Put | Patch | Delete


def put_of(collection: Collection, record: Mapping[str, Json], owner: str | None) -> Put:
    """Return a put of a whole record with ``id``; raise RecordInvalidError for an unfit record."""
    record_id = _checked_id(collection, record.get("id"))
    fields = _checked_fields(
        collection, record_id, {name: record[name] for name in record if name != "id"}
    )
    if found := collection.problem({"id": record_id, **fields}):
        problem = collection.without_values(found)
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
    """Return a patch; raise RecordInvalidError. The schema is checked when the patch is written."""
    record_id = _checked_id(collection, record_id)
    kept, removed = (
        _checked_fields(collection, record_id, fields),
        frozenset(names(remove, "remove")),
    )
    if both := sorted(kept.keys() & removed):
        raise RecordInvalidError(
            place(collection.name, record_id), "is both set and removed", f"/{both[0]}"
        )
    return Patch(collection.name, record_id, kept, removed, base, missing_ok)


def delete_of(collection: Collection, record_id: str) -> Delete:
    """Return a delete; raise RecordInvalidError for an id that no record can have."""
    return Delete(collection.name, _checked_id(collection, record_id))


def names(given: Iterable[str], argument: str) -> list[str]:
    """Return a list of names; raise TypeError for a text, whose letters would pass for names."""
    if isinstance(given, str | bytes):
        raise TypeError(f"{argument} takes a list of names, not a text: {argument}=[…]")
    listed = list(given)
    if wrong := {type(name).__name__ for name in listed if not isinstance(name, str)}:
        raise TypeError(f"{argument} takes a list of texts, and holds a value of type {min(wrong)}")
    return listed


def place(collection: str, record_id: str) -> str:
    """Name a record in an error."""
    return f"{collection} {record_id!r}"


def _checked_id(collection: Collection, record_id: Json) -> str:
    problem = id_problem(record_id) if isinstance(record_id, str) else "an id must be a text"
    if problem:
        raise RecordInvalidError(place(collection.name, str(record_id)[:50]), problem, "/id")
    return str(record_id)


def _checked_fields(collection: Collection, record_id: str, fields: Mapping[str, Json]) -> Record:
    """Return the fields as JSON returns values: a task's values may hold tuples, dates, NaN."""
    kept = {}
    for given, value in fields.items():
        if not isinstance(given, str):
            raise TypeError(
                f"a field's name is a text, and {place(collection.name, record_id)} has one of "
                "type "
                f"{type(given).__name__}"
            )
        # A column's name may be of a subclass of str (NumPy's), which no encoder takes for a key.
        name = str.__str__(given)
        problem = field_name_problem(name)
        try:
            kept[name] = parse_json(to_json(value))
            problem = problem or value_problem(kept[name])
            if not problem and _loses_a_key(value, kept[name]):
                problem = "two of its keys are one in JSON, as 1 and '1' are"
        except (TypeError, ValueError) as error:
            problem = problem or f"cannot become JSON: {error}"
        if problem:
            raise RecordInvalidError(place(collection.name, record_id), problem, f"/{name}")
    return kept


def _loses_a_key(given: Json, kept: Json) -> bool:
    """Tell whether keys of the value fell together in JSON, where all keys are texts."""
    if isinstance(kept, dict):
        return len(given) > len(kept) or any(map(_loses_a_key, given.values(), kept.values()))
    return isinstance(kept, list) and any(map(_loses_a_key, given, kept))
