"""The untrusted request, parsed into frozen shapes or refused.

What is wrong with the request as a whole raises InvalidRequestError. What is wrong with one mutation makes that
one a BadMutation, to be rejected alone: a poison mutation must not block the only lane.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, NoReturn, TypeAlias, cast

from airflow_updraft import limits
from airflow_updraft.collections import Problem
from airflow_updraft.errors import InvalidRequestError
from airflow_updraft.json_values import Json, is_number, is_plain, parse_json, text_problem, value_problem
from airflow_updraft.limits import TransportLimits

Op = Literal["create", "patch", "delete"]

_BATCH_KEYS = {"number", "nonce", "mutations"}
_MUTATION_KEYS = {"collection", "id", "firstSeq", "lastSeq", "baseRevision", "op", "set", "removed", "inc"}


_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Mark:
    """A batch's number and nonce: ``last`` names the last settled one."""

    number: int
    nonce: str


class Mutation(NamedTuple):
    """One captured change, as the device froze it. ``is_checked``: its values were found fit to be stored."""

    collection: str
    id: str
    base_revision: int
    op: Op
    set: Mapping[str, Json] = _NOTHING
    removed: frozenset[str] = frozenset()
    inc: Mapping[str, float] = _NOTHING
    is_checked: bool = False


@dataclass(frozen=True, slots=True)
class BadMutation:
    """A mutation whose record can be named but that cannot be applied."""

    collection: str
    id: str
    problem: Problem


Mutations: TypeAlias = tuple[Mutation | BadMutation, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """The mutations that travel together, with the hash of the exact string that travelled."""

    mark: Mark
    hash: str
    mutations: Mutations


@dataclass(frozen=True, slots=True)
class Request:
    """One exchange as asked for. At most one of ``batch`` and ``void`` is given; neither in a pull."""

    replica_id: str
    user: str
    epoch: str | None
    last: Mark | None
    batch: Batch | None
    void: Mark | None
    since: int
    floor: int
    limit: int

    @property
    def mark(self) -> Mark | None:
        """The number and nonce this request wants to settle, None in a pull."""
        return self.batch.mark if self.batch else self.void

    @property
    def last_number(self) -> int:
        """The last settled number, 0 before the first."""
        return self.last.number if self.last else 0

    @property
    def last_nonce(self) -> str | None:
        """The last settled nonce, None before the first."""
        return self.last.nonce if self.last else None


def read_body(request: Mapping[str, Json] | str, allowed: TransportLimits) -> Mapping[str, Json]:
    """Return the request as an object, or raise InvalidRequestError."""
    if isinstance(request, str):
        if len(request.encode("utf-8", "surrogatepass")) > allowed.request_bytes_max:
            raise InvalidRequestError("too_large", f"the request exceeds {allowed.request_bytes_max} bytes")
        try:
            request = cast("Json", parse_json(request))
        except ValueError as error:
            raise InvalidRequestError("malformed", f"the request is not JSON: {error}") from error
    if not isinstance(request, Mapping):
        raise InvalidRequestError("malformed", "the request is not an object")
    return request


def parse_request(body: Mapping[str, Json], allowed: TransportLimits) -> Request:
    """Validate a request's body, or raise InvalidRequestError with the place.

    Keys of the request it does not know are ignored; inside a batch they are not: there one could be an edit.
    """
    protocol = body.get("protocol")
    if isinstance(protocol, bool) or protocol != limits.PROTOCOL:
        raise InvalidRequestError("protocol", f"this server speaks protocol {limits.PROTOCOL}", "/protocol")
    epoch, batch_text = body.get("epoch"), body.get("batch")
    request = Request(
        replica_id=_text(body.get("replicaId"), "/replicaId"),
        user=_text(body.get("user"), "/user"),
        epoch=None if epoch is None else _text(epoch, "/epoch"),
        last=_mark(body.get("last"), "/last"),
        void=_mark(body.get("void"), "/void"),
        since=_integer(body.get("since"), "/since"),
        floor=_integer(body.get("floor"), "/floor"),
        limit=min(_integer(body.get("limit"), "/limit", least=1), allowed.page_changes_max),
        batch=None if batch_text is None else _batch(batch_text, body.get("hash"), allowed),
    )
    if request.batch and request.void:
        _malformed("a request carries a batch or a void, not both", "/void")
    if request.batch is None and body.get("hash") is not None:
        _malformed("a hash comes with a batch", "/hash")
    return request


def _batch(text: Json, sent_hash: Json, allowed: TransportLimits) -> Batch:
    if not isinstance(text, str):
        _malformed("the batch must be a JSON string", "/batch")
    data = text.encode("utf-8", "surrogatepass")
    if len(data) > allowed.batch_bytes_max:
        raise InvalidRequestError("too_large", f"the batch exceeds {allowed.batch_bytes_max} bytes", "/batch")
    found_hash = hashlib.sha256(data).hexdigest()
    if sent_hash != found_hash:
        raise InvalidRequestError("hash", "the hash is not the batch's SHA-256: it was cut or changed", "/hash")
    try:
        body = parse_json(text)
    except ValueError as error:
        raise InvalidRequestError("malformed", f"the batch is not JSON: {error}", "/batch") from error
    if not isinstance(body, dict) or body.keys() != _BATCH_KEYS or not isinstance(body["mutations"], list):
        _malformed("a batch is {number, nonce, mutations}", "/batch")
    if len(body["mutations"]) > allowed.batch_mutations_max:
        raise InvalidRequestError(
            "too_large",
            f"the batch holds more than {allowed.batch_mutations_max} mutations",
            "/batch/mutations",
        )
    mark = Mark(_integer(body["number"], "/batch/number", least=1), _text(body["nonce"], "/batch/nonce"))
    plain, good_names = is_plain(text), set[str]()
    mutations = tuple(_mutation(m, i, good_names, plain=plain) for i, m in enumerate(body["mutations"]))
    return Batch(mark, found_hash, mutations)


def _mutation(body: Json, index: int, good_names: set[str], *, plain: bool) -> Mutation | BadMutation:
    """Parse one mutation. ``good_names`` are field names found good in this batch; they come again and again."""
    if not isinstance(body, dict):
        _malformed("a mutation is an object", f"/batch/mutations/{index}")
    collection, record_id = body.get("collection"), body.get("id")
    if not isinstance(collection, str) or not isinstance(record_id, str):
        _malformed("a mutation names its collection and id", f"/batch/mutations/{index}")
    message = id_problem(record_id, plain=plain) or _shape_problem(body)
    if message := message or _fields_problem(body, good_names, plain=plain):
        return BadMutation(collection, record_id, Problem("malformed", message))
    for name, value in body.get("set", _NOTHING).items():
        if not (plain and type(value) is str) and (message := value_problem(value, plain=plain)):
            return BadMutation(collection, record_id, Problem("malformed", message, f"/{name}"))
    return Mutation(
        collection=collection,
        id=record_id,
        base_revision=body["baseRevision"],
        op=body["op"],
        set=body.get("set", _NOTHING),
        removed=frozenset(body.get("removed", ())),
        inc=body.get("inc", _NOTHING),
        is_checked=True,
    )


def id_problem(record_id: str, *, plain: bool = False) -> str | None:
    """Say why a text cannot be a record's id, or None."""
    if not 1 <= len(record_id) <= limits.ID_LENGTH_MAX:
        return f"an id has 1 to {limits.ID_LENGTH_MAX} characters"
    return None if plain else text_problem(record_id)


def _shape_problem(body: dict[str, Json]) -> str | None:
    if not body.keys() <= _MUTATION_KEYS:
        # Ignoring one would lose the edit it stands for.
        return f"unknown keys {sorted(body.keys() - _MUTATION_KEYS)}"
    if body.get("op") not in ("create", "patch", "delete"):
        return "op must be create, patch or delete"
    if not (_is_integer(body.get("firstSeq")) and _is_integer(body.get("lastSeq"))) or (
        not _is_integer(body.get("baseRevision"))
    ):
        return "firstSeq, lastSeq and baseRevision must be integers of at least 0"
    if not isinstance(body.get("set", {}), dict) or not isinstance(body.get("inc", {}), dict):
        return "set and inc must be objects"
    removed = body.get("removed", [])
    if not isinstance(removed, list) or (removed and not all(isinstance(name, str) for name in removed)):
        return "removed must be a list of field names"
    if body["op"] == "delete" and (body.get("set") or body.get("inc") or removed):
        return "a delete carries no fields"
    if body["op"] == "create" and removed:
        return "a create removes nothing"
    return None


def _fields_problem(body: dict[str, Json], good_names: set[str], *, plain: bool) -> str | None:
    names = [*body.get("set", {}), *body.get("removed", ()), *body.get("inc", {})]
    if len(set(names)) != len(names):
        return "set, removed and inc must name different fields"
    if not good_names.issuperset(names):
        for name in names:
            if message := field_name_problem(name, plain=plain):
                return message
        good_names.update(names)
    if "inc" in body and not all(is_number(step) and not value_problem(step) for step in body.get("inc", {}).values()):
        return "inc must hold numbers"
    return None


def field_name_problem(name: str, *, plain: bool = False) -> str | None:
    """Say why a text cannot be a field's name, or None."""
    # __proto__ cannot be a field: assigning it on a device changes the object's prototype.
    if name in ("id", "__proto__") or not 1 <= len(name) <= limits.FIELD_NAME_LENGTH_MAX:
        return f"not a field name: {name[:50]!r}"
    return None if plain else text_problem(name)


def _mark(body: Json, path: str) -> Mark | None:
    if body is None:
        return None
    if not isinstance(body, Mapping):
        _malformed("expected {number, nonce}", path)
    return Mark(_integer(body.get("number"), f"{path}/number", least=1), _text(body.get("nonce"), f"{path}/nonce"))


def _text(value: Json, path: str) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= limits.ID_LENGTH_MAX:
        _malformed(f"expected a text of 1 to {limits.ID_LENGTH_MAX} characters", path)
    if message := text_problem(value):
        _malformed(message, path)
    return value


def _integer(value: Json, path: str, least: int = 0) -> int:
    if not _is_integer(value) or value < least:
        _malformed(f"expected an integer of at least {least}", path)
    return int(value)


def _is_integer(value: Json) -> bool:
    if type(value) is int:
        return 0 <= value <= limits.REVISION_MAX
    return is_number(value) and 0 <= value <= limits.REVISION_MAX and value == int(value)


def _malformed(message: str, path: str) -> NoReturn:
    raise InvalidRequestError("malformed", message, path)
