"""Shape and names of a mutation that the fast parser did not accept at a glance."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Literal, NamedTuple

from airflow_updraft import limits
from airflow_updraft.json_values import (
    UNFIT_KEYS,
    Json,
    is_number,
    is_scalars,
    text_problem,
    utf8_bytes,
    value_problem,
)

Op = Literal["create", "patch", "delete"]
_PARTS = {"set", "removed", "inc", "elements"}
_KEYS = {"collection", "id", "firstSeq", "lastSeq", "baseRevision", "op"} | _PARTS


class Named(NamedTuple):
    """The parts of an edit, each with the fields it names."""

    set: Mapping[str, Json]
    removed: Collection[str]
    inc: Mapping[str, Json]
    elements: Mapping[str, Any]


def shape_problem(body: dict[str, Json]) -> str | None:
    """Return why an object is no mutation's shape, or None; fields are not looked at."""
    if not body.keys() <= _KEYS:
        return f"unknown keys {sorted(body.keys() - _KEYS)}"
    if body.get("op") not in ("create", "patch", "delete"):
        return "op must be create, patch or delete"
    if not all(is_integer(body.get(key)) for key in ("firstSeq", "lastSeq", "baseRevision")):
        return "firstSeq, lastSeq and baseRevision must be integers of at least 0"
    if not isinstance(body.get("set", {}), dict) or not isinstance(body.get("inc", {}), dict):
        return "set and inc must be objects"
    removed = body.get("removed", [])
    if not isinstance(removed, list) or not all(isinstance(name, str) for name in removed):
        return "removed must be a list of field names"
    elements = body.get("elements", {})
    if not isinstance(elements, dict) or not all(map(_is_change_of_a_list, elements.values())):
        return "elements must hold {added, removed} for each field, lists of single values"
    return None


def _is_change_of_a_list(value: Json) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"added", "removed"}
        and all(map(is_scalars, value.values()))
    )


def fields_problem(op: Op, named: Named, good_names: set[str], *, plain: bool) -> str | None:
    """Return why an operation cannot name these fields, or None; values are not looked at."""
    if op == "delete" and any(named):
        return "a delete carries no fields"
    if op == "create" and named.removed:
        return "a create removes nothing"
    names = [name for part in named for name in part]
    if len(set(names)) != len(names):
        return "set, removed, inc and elements must name different fields"
    if not good_names.issuperset(names):
        for name in names:
            if message := field_name_problem(name, plain=plain):
                return message
        good_names.update(names)
    if not all(is_number(step) and not value_problem(step) for step in named.inc.values()):
        return "inc must hold numbers"
    return None


def field_name_problem(name: str, *, plain: bool = False) -> str | None:
    """Say why a text cannot be a field's name, or None."""
    if name == "id" or name in UNFIT_KEYS or utf8_bytes(name) > limits.FIELD_NAME_BYTES_MAX:
        return f"not a field name: {name[:50]!r}"
    return None if plain else text_problem(name)


def keys_of_fields_problem(fields: Iterable[str]) -> str | None:
    """Return why any of these texts cannot be a field's name, or None."""
    return next(filter(None, map(field_name_problem, fields)), None)


def is_integer(value: Json) -> bool:
    """Tell whether the value is an integer ≥ 0 that a device holds exactly; 1.0 is an integer."""
    if type(value) is int:
        return 0 <= value <= limits.REVISION_MAX
    return is_number(value) and 0 <= value <= limits.REVISION_MAX and value == int(value)


def id_problem(record_id: str, *, plain: bool = False) -> str | None:
    """Say why a text cannot be a record's id, or None."""
    if not 1 <= utf8_bytes(record_id) <= limits.ID_BYTES_MAX:
        return f"an id has 1 to {limits.ID_BYTES_MAX} bytes of UTF-8"
    return None if plain else text_problem(record_id)
