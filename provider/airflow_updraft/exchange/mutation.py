"""A batch's mutations, parsed into frozen shapes: all at once if valid, else each alone.

An error in a mutation makes a BadMutation, to be rejected alone: a poison mutation must not block
the only lane.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, TypeAlias

import msgspec

from airflow_updraft import limits
from airflow_updraft.collections import Problem
from airflow_updraft.errors import InvalidRequestError
from airflow_updraft.exchange.shape import (
    Named,
    Op,
    field_name_problem,
    fields_problem,
    id_problem,
    shape_problem,
)
from airflow_updraft.json_values import (
    Json,
    value_problem,
)

Revision: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=limits.REVISION_MAX)]
Id: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=limits.ID_BYTES_MAX)]
Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=limits.NAME_LENGTH_MAX)]

_NOTHING: Mapping[str, Any] = MappingProxyType({})

# Values judged at a glance by the parser in C: numbers that every device holds, keys that are not
# empty, and no deeper nesting than nearly all values have. ``value_problem`` finds out about other
# storable values.
_Key: TypeAlias = Annotated[str, msgspec.Meta(min_length=1)]
_Integer: TypeAlias = Annotated[int, msgspec.Meta(ge=-limits.REVISION_MAX, le=limits.REVISION_MAX)]
_Number: TypeAlias = Annotated[float, msgspec.Meta(ge=-limits.REVISION_MAX, le=limits.REVISION_MAX)]
_Single: TypeAlias = str | bool | _Integer | _Number | None
_Flat: TypeAlias = _Single | list[_Single] | dict[_Key, _Single]
_Nested2: TypeAlias = _Single | list[_Flat] | dict[_Key, _Flat]
_Nested3: TypeAlias = _Single | list[_Nested2] | dict[_Key, _Nested2]
_Nested4: TypeAlias = _Single | list[_Nested3] | dict[_Key, _Nested3]
_Nested5: TypeAlias = _Single | list[_Nested4] | dict[_Key, _Nested4]


class Elements(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """The change of a list: ``removed`` leaves it, then ``added`` comes to its end if missing."""

    added: list[_Single]
    removed: list[_Single]


class Mutation(msgspec.Struct, frozen=True, gc=False):
    """A change. ``is_checked``: its values are known to be storable, or were made by the server."""

    collection: str
    id: Id
    base_revision: Revision = msgspec.field(name="baseRevision")
    op: Op
    set: Mapping[str, Any] = _NOTHING
    removed: Collection[str] = ()
    inc: Mapping[str, Any] = _NOTHING
    elements: Mapping[str, Elements] = _NOTHING

    is_checked: ClassVar[bool] = False


class CheckedMutation(Mutation, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    """A mutation as the device froze it. Ignoring an unknown key would lose an edit."""

    set: Mapping[str, _Nested5] = _NOTHING
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


class PlainBatch(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A batch in which nothing is wrong."""

    number: Annotated[int, msgspec.Meta(ge=1, le=limits.REVISION_MAX)]
    nonce: Name
    mutations: tuple[CheckedMutation, ...]


_decode = msgspec.json.Decoder(PlainBatch).decode
_UNFIT_KEY = b"__proto__"
"""The only UNFIT_KEYS member that the parser lets pass; a plain text has no other spelling for this
key."""
_SURELY_SHORT = limits.ID_BYTES_MAX // 4
"""An id of so many characters stays within the limit in bytes, with any characters."""


def read_plain_batch(data: bytes) -> PlainBatch | None:
    """Parse a valid batch, given as UTF-8 that ``is_plain``; return None to parse each mutation.

    This is a shortcut for nearly all batches: ``read_mutation`` would parse any result of this
    function to the same.
    """
    if _UNFIT_KEY in data:
        return None
    try:
        batch = _decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    good_names = set[str]()
    for mutation in batch.mutations:
        is_usual = mutation.op != "delete" and not (
            mutation.removed or mutation.inc or mutation.elements
        )
        if is_usual and len(mutation.id) <= _SURELY_SHORT and good_names.issuperset(mutation.set):
            continue
        if not _is_fit(mutation, good_names):
            return None
    return batch


def _is_fit(mutation: CheckedMutation, good_names: set[str]) -> bool:
    values = mutation.set
    if len(mutation.id) > _SURELY_SHORT and id_problem(mutation.id, plain=True):
        return False
    if not good_names.issuperset(values):
        if any(field_name_problem(name, plain=True) for name in values):
            return False
        good_names.update(values)
    if mutation.removed or mutation.inc or mutation.elements:
        # Rare operations, with rules of their own.
        named = Named(values, list(mutation.removed), mutation.inc, mutation.elements)
        return fields_problem(mutation.op, named, good_names, plain=True) is None
    return mutation.op != "delete" or not values


def read_mutation(
    body: Json, index: int, good_names: set[str], *, plain: bool
) -> CheckedMutation | BadMutation:
    """Parse a mutation; raise InvalidRequestError if not even the record can be named.

    ``good_names`` are field names found good in this batch, where the same names recur. ``plain``:
    the batch's text is plain.
    """
    if not isinstance(body, dict):
        raise _unnamed("a mutation is an object", index)
    collection, record_id = body.get("collection"), body.get("id")
    if not isinstance(collection, str) or not isinstance(record_id, str):
        raise _unnamed("a mutation names its collection and id", index)
    if message := id_problem(record_id, plain=plain) or shape_problem(body):
        return BadMutation(collection, record_id, Problem("malformed", message))
    op, named = (
        body["op"],
        Named(
            body.get("set", _NOTHING),
            body.get("removed", ()),
            body.get("inc", _NOTHING),
            body.get("elements", _NOTHING),
        ),
    )
    if message := fields_problem(op, named, good_names, plain=plain):
        return BadMutation(collection, record_id, Problem("malformed", message))
    for name, value in (*named.set.items(), *named.elements.items()):
        if message := value_problem(value, plain=plain):
            return BadMutation(collection, record_id, Problem("malformed", message, f"/{name}"))
    return CheckedMutation(
        collection,
        record_id,
        int(body["baseRevision"]),
        op,
        removed=named.removed,
        inc=named.inc,
        elements={name: Elements(**change) for name, change in named.elements.items()},
        set=named.set,
        first_seq=int(body["firstSeq"]),
        last_seq=int(body["lastSeq"]),
    )


def known_to(protocol: int, mutations: Mutations) -> Mutations:
    """Refuse what the request's version of the protocol does not know, each mutation alone."""
    if protocol >= _ELEMENTS_SINCE or not any(
        isinstance(mutation, Mutation) and mutation.elements for mutation in mutations
    ):
        return mutations
    problem = Problem("malformed", f"unknown keys ['elements'] in protocol {protocol}")
    return tuple(
        BadMutation(mutation.collection, mutation.id, problem)
        if isinstance(mutation, Mutation) and mutation.elements
        else mutation
        for mutation in mutations
    )


_ELEMENTS_SINCE = 2
"""The first version of the protocol with ``elements``."""


def _unnamed(message: str, index: int) -> InvalidRequestError:
    return InvalidRequestError("malformed", message, f"/batch/mutations/{index}")
