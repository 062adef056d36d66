"""A batch's mutations, parsed into frozen shapes: all at once where nothing is wrong, else one by one.

What is wrong with one mutation makes that one a BadMutation, to be rejected alone: a poison mutation must not block
the only lane.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType, NoneType
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import msgspec

from airflow_updraft import limits
from airflow_updraft.collections import Problem
from airflow_updraft.errors import InvalidRequestError
from airflow_updraft.json_values import Json, is_number, text_problem, value_problem

Op = Literal["create", "patch", "delete"]
Revision: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=limits.REVISION_MAX)]
Id: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=limits.ID_LENGTH_MAX)]

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Mutation(msgspec.Struct, frozen=True, gc=False):
    """One change. ``is_checked``: its values were found fit to be stored, and the server made them itself if not."""

    collection: str
    id: Id
    base_revision: Revision = msgspec.field(name="baseRevision")
    op: Op
    set: Mapping[str, Any] = _NOTHING
    removed: Collection[str] = ()
    inc: Mapping[str, Any] = _NOTHING

    is_checked: ClassVar[bool] = False


class CheckedMutation(Mutation, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    """A mutation as the device froze it. Ignoring a key it does not know would lose the edit it stands for."""

    first_seq: Revision = msgspec.field(name="firstSeq")
    last_seq: Revision = msgspec.field(name="lastSeq")

    is_checked: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class BadMutation:
    """A mutation whose record can be named but that cannot be applied."""

    collection: str
    id: str
    problem: Problem


Mutations: TypeAlias = tuple[Mutation | BadMutation, ...]

_KEYS = {"collection", "id", "firstSeq", "lastSeq", "baseRevision", "op", "set", "removed", "inc"}


class PlainBatch(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A batch in which nothing is wrong."""

    number: Annotated[int, msgspec.Meta(ge=1, le=limits.REVISION_MAX)]
    nonce: Id
    mutations: tuple[CheckedMutation, ...]


_decode = msgspec.json.Decoder(PlainBatch).decode
_FIT_AS_THEY_ARE = frozenset((str, float, bool, NoneType))
"""Types whose values can be stored whatever they are, once a JSON parser made them of a text that ``is_plain``."""


_LARGE = 2**64
"""Beyond it an integer is looked at more closely."""


def read_plain_batch(data: bytes) -> PlainBatch | None:
    """Parse a batch, as UTF-8 that ``is_plain``, in which nothing is wrong; None: look at its mutations one by one.

    A shortcut for nearly all batches: whatever it parses, ``read_mutation`` would parse to the same.
    """
    try:
        batch = _decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    good_names = set[str]()
    return batch if all(_is_fit(mutation, good_names) for mutation in batch.mutations) else None


def _is_fit(mutation: CheckedMutation, good_names: set[str]) -> bool:
    values = mutation.set
    if not good_names.issuperset(values):
        if any(field_name_problem(name, plain=True) for name in values):
            return False
        good_names.update(values)
    for value in values.values():
        kind = type(value)
        if kind in _FIT_AS_THEY_ARE or (kind is int and -_LARGE < value < _LARGE):
            continue
        # Most lists and objects hold nothing else.
        inside = value.values() if kind is dict else value if kind is list else (value,)
        if not _FIT_AS_THEY_ARE.issuperset(map(type, inside)) and value_problem(value, plain=True):
            return False
    if mutation.removed or mutation.inc:
        # Rare, and with rules of their own.
        return fields_problem(mutation.op, values, list(mutation.removed), mutation.inc, good_names, plain=True) is None
    return mutation.op != "delete" or not values


def read_mutation(body: Json, index: int, good_names: set[str], *, plain: bool) -> CheckedMutation | BadMutation:
    """Parse one mutation; raise InvalidRequestError where not even its record can be named.

    ``good_names`` are field names found good in this batch; they come again and again. ``plain``: the batch's text is.
    """
    if not isinstance(body, dict):
        raise _unnamed("a mutation is an object", index)
    collection, record_id = body.get("collection"), body.get("id")
    if not isinstance(collection, str) or not isinstance(record_id, str):
        raise _unnamed("a mutation names its collection and id", index)
    if message := id_problem(record_id, plain=plain) or _shape_problem(body):
        return BadMutation(collection, record_id, Problem("malformed", message))
    op, values, removed, inc = body["op"], body.get("set", _NOTHING), body.get("removed", ()), body.get("inc", _NOTHING)
    if message := fields_problem(op, values, removed, inc, good_names, plain=plain):
        return BadMutation(collection, record_id, Problem("malformed", message))
    for name, value in values.items():
        if message := value_problem(value, plain=plain):
            return BadMutation(collection, record_id, Problem("malformed", message, f"/{name}"))
    sequence = {"first_seq": int(body["firstSeq"]), "last_seq": int(body["lastSeq"])}
    return CheckedMutation(collection, record_id, int(body["baseRevision"]), op, values, removed, inc, **sequence)


def _unnamed(message: str, index: int) -> InvalidRequestError:
    return InvalidRequestError("malformed", message, f"/batch/mutations/{index}")


def id_problem(record_id: str, *, plain: bool = False) -> str | None:
    """Say why a text cannot be a record's id, or None."""
    if not 1 <= len(record_id) <= limits.ID_LENGTH_MAX:
        return f"an id has 1 to {limits.ID_LENGTH_MAX} characters"
    return None if plain else text_problem(record_id)


def _shape_problem(body: dict[str, Json]) -> str | None:
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
    return None


def fields_problem(
    op: Op,
    values: Mapping[str, Json],
    removed: Collection[str],
    inc: Mapping[str, Json],
    good_names: set[str],
    *,
    plain: bool,
) -> str | None:
    """Say why an operation cannot name these fields, or None. The values of ``values`` are not looked at."""
    if op == "delete" and (values or inc or removed):
        return "a delete carries no fields"
    if op == "create" and removed:
        return "a create removes nothing"
    names = [*values, *removed, *inc]
    if len(set(names)) != len(names):
        return "set, removed and inc must name different fields"
    if not good_names.issuperset(names):
        for name in names:
            if message := field_name_problem(name, plain=plain):
                return message
        good_names.update(names)
    if not all(is_number(step) and not value_problem(step) for step in inc.values()):
        return "inc must hold numbers"
    return None


def field_name_problem(name: str, *, plain: bool = False) -> str | None:
    """Say why a text cannot be a field's name, or None."""
    # __proto__ cannot be a field: assigning it on a device changes the object's prototype.
    if name in ("id", "__proto__") or not 1 <= len(name) <= limits.FIELD_NAME_LENGTH_MAX:
        return f"not a field name: {name[:50]!r}"
    return None if plain else text_problem(name)


def is_integer(value: Json) -> bool:
    """Tell whether the value is an integer that a device holds exactly, and at least 0; 1.0 is one."""
    if type(value) is int:
        return 0 <= value <= limits.REVISION_MAX
    return is_number(value) and 0 <= value <= limits.REVISION_MAX and value == int(value)
