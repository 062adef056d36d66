"""The untrusted request, parsed into frozen shapes or refused.

An error of the request as a whole raises InvalidRequestError; an error of a single mutation does
not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn, cast

from airflow_updraft import limits
from airflow_updraft.errors import InvalidRequestError
from airflow_updraft.exchange.device_report import read_report
from airflow_updraft.exchange.mutation import Mutations, known_to, read_mutation, read_plain_batch
from airflow_updraft.exchange.shape import is_integer
from airflow_updraft.json_values import Json, is_number, is_plain, parse_json, text_problem
from airflow_updraft.limits import TransportLimits

HOLDS_MAX = 1_000
PROOF_LENGTH_MAX = 200
_BATCH_KEYS = {"number", "nonce", "mutations"}


@dataclass(frozen=True, slots=True)
class Mark:
    """A batch's number and nonce: ``last`` names the last settled batch."""

    number: int
    nonce: str


@dataclass(frozen=True, slots=True)
class Batch:
    """The mutations that travel together, with the hash of the exact string that travelled."""

    mark: Mark
    hash: str
    mutations: Mutations


@dataclass(frozen=True, slots=True)
class Request:
    """An exchange as requested, with a ``batch``, a ``void``, or neither (a pull)."""

    protocol: int
    replica_id: str
    user: str
    epoch: str | None
    last: Mark | None
    batch: Batch | None
    void: Mark | None
    since: int
    floor: int
    limit: int
    device: str | None = None
    """The device's report about itself, as JSON text."""
    proof: str | None = None
    """The last answer's proof, as shown by the device: worth nothing before the check."""
    holds: tuple[str, ...] | None = None
    """The collections whose changes the replica holds; None if the device does not say."""

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
            raise InvalidRequestError(
                "too_large", f"the request exceeds {allowed.request_bytes_max} bytes"
            )
        try:
            request = cast("Json", parse_json(request))
        except ValueError as error:
            raise InvalidRequestError("malformed", f"the request is not JSON: {error}") from error
    if not isinstance(request, Mapping):
        raise InvalidRequestError("malformed", "the request is not an object")
    return request


def parse_request(body: Mapping[str, Json], allowed: TransportLimits) -> Request:
    """Validate a request's body, or raise InvalidRequestError with the place.

    Unknown keys of the request are ignored; inside a batch an unknown key could be an edit, and is
    refused.
    """
    protocol = served_protocol(body)
    if protocol is None:
        raise InvalidRequestError(
            "protocol",
            f"this server speaks the protocols {limits.PROTOCOL_FLOOR} to {limits.PROTOCOL}",
            "/protocol",
        )
    epoch, batch_text = body.get("epoch"), body.get("batch")
    request = Request(
        protocol=protocol,
        replica_id=_text(body.get("replicaId"), "/replicaId"),
        user=_text(body.get("user"), "/user"),
        epoch=None if epoch is None else _text(epoch, "/epoch"),
        last=_mark(body.get("last"), "/last"),
        void=_mark(body.get("void"), "/void"),
        since=_integer(body.get("since"), "/since"),
        floor=_integer(body.get("floor"), "/floor"),
        limit=min(_integer(body.get("limit"), "/limit", least=1), allowed.page_changes_max),
        device=read_report(body.get("device")),
        proof=_proof(body.get("proof")),
        holds=_names(body.get("holds")),
        batch=None
        if batch_text is None
        else _batch(batch_text, body.get("hash"), allowed, protocol),
    )
    if request.batch and request.void:
        _malformed("a request carries a batch or a void, not both", "/void")
    if request.batch is None and body.get("hash") is not None:
        _malformed("a hash comes with a batch", "/hash")
    return request


def served_protocol(body: Mapping[str, Json]) -> int | None:
    """Return the version of the protocol that a request names, None if it is not served."""
    protocol: Json = body.get("protocol")
    served = range(limits.PROTOCOL_FLOOR, limits.PROTOCOL + 1)
    return int(protocol) if is_number(protocol) and protocol in served else None


def _batch(text: Json, sent_hash: Json, allowed: TransportLimits, protocol: int) -> Batch:
    if not isinstance(text, str):
        _malformed("the batch must be a JSON string", "/batch")
    data = text.encode("utf-8", "surrogatepass")
    if len(data) > allowed.batch_bytes_max:
        raise InvalidRequestError(
            "too_large", f"the batch exceeds {allowed.batch_bytes_max} bytes", "/batch"
        )
    found_hash = hashlib.sha256(data).hexdigest()
    if sent_hash != found_hash:
        raise InvalidRequestError(
            "hash", "the hash is not the batch's SHA-256: it was cut or changed", "/hash"
        )
    plain = is_plain(text)
    if (
        plain
        and (batch := read_plain_batch(data))
        and len(batch.mutations) <= allowed.batch_mutations_max
    ):
        return Batch(
            Mark(batch.number, batch.nonce), found_hash, known_to(protocol, batch.mutations)
        )
    try:
        body = parse_json(text)
    except ValueError as error:
        raise InvalidRequestError(
            "malformed", f"the batch is not JSON: {error}", "/batch"
        ) from error
    if (
        not isinstance(body, dict)
        or body.keys() != _BATCH_KEYS
        or not isinstance(body["mutations"], list)
    ):
        _malformed("a batch is {number, nonce, mutations}", "/batch")
    if len(body["mutations"]) > allowed.batch_mutations_max:
        raise InvalidRequestError(
            "too_large",
            f"the batch holds more than {allowed.batch_mutations_max} mutations",
            "/batch/mutations",
        )
    mark = Mark(
        _integer(body["number"], "/batch/number", least=1), _text(body["nonce"], "/batch/nonce")
    )
    good_names = set[str]()
    mutations = tuple(
        read_mutation(m, i, good_names, plain=plain) for i, m in enumerate(body["mutations"])
    )
    return Batch(mark, found_hash, known_to(protocol, mutations))


def _proof(value: Json) -> str | None:
    """Return the proof, or None for an impossible proof, as of a server of another version."""
    return (
        value
        if isinstance(value, str) and value.isascii() and len(value) <= PROOF_LENGTH_MAX
        else None
    )


def _names(body: Json) -> tuple[str, ...] | None:
    """Return names of collections; None for another shape, as from a device that does not say."""
    if (
        not isinstance(body, list)
        or len(body) > HOLDS_MAX
        or not all(isinstance(name, str) for name in body)
    ):
        return None
    return (
        None
        if any(len(name) > limits.NAME_LENGTH_MAX or text_problem(name) for name in body)
        else tuple(body)
    )


def _mark(body: Json, path: str) -> Mark | None:
    if body is None:
        return None
    if not isinstance(body, Mapping):
        _malformed("expected {number, nonce}", path)
    return Mark(
        _integer(body.get("number"), f"{path}/number", least=1),
        _text(body.get("nonce"), f"{path}/nonce"),
    )


def _text(value: Json, path: str) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= limits.NAME_LENGTH_MAX:
        _malformed(f"expected a text of 1 to {limits.NAME_LENGTH_MAX} characters", path)
    if message := text_problem(value):
        _malformed(message, path)
    return value


def _integer(value: Json, path: str, least: int = 0) -> int:
    if not is_integer(value) or value < least:
        _malformed(f"expected an integer of at least {least}", path)
    return int(value)


def _malformed(message: str, path: str) -> NoReturn:
    raise InvalidRequestError("malformed", message, path)
