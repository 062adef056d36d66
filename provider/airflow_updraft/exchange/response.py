"""The response's shapes: the only place that knows the wire's words for an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from airflow_updraft import limits
from airflow_updraft.collections import Problem
from airflow_updraft.errors import InvalidRequestError
from airflow_updraft.exchange.apply import Applied, Verdict
from airflow_updraft.exchange.entry import Entry
from airflow_updraft.exchange.feed import Page
from airflow_updraft.exchange.request import Request, served_protocol
from airflow_updraft.json_values import Json, parse_json
from airflow_updraft.store.revision import Counter

Refused = Literal["user_mismatch", "fork", "epoch", "invalid", "void"]
Response = dict[str, Json]


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a request's batch, void or pull.

    ``entry`` is the replica's new row, None: unchanged. ``applied`` is set when a batch was applied
    just now.
    """

    refused: Refused | None = None
    problem: Problem | None = None
    verdicts: list[Verdict] | None = None
    entry: Entry | None = None
    applied: Applied | None = None


def respond(
    ask: Request,
    counter: Counter,
    answer: Answer,
    page: Page,
    undeclared: list[str] | None,
    *,
    epoch: str,
    reset: bool,
    proof: str | None,
) -> Response:
    """Build the response that carries changes.

    ``undeclared`` lists the device's collections that this answer does not cover, None without a
    question. ``epoch`` is the replica's.
    """
    response = _frame(ask, epoch) | {
        "reset": reset,
        "start": counter.revision if reset else ask.floor,
        "changes": page.changes,
        "upTo": page.up_to,
        "more": page.more,
    }
    if answer.refused:
        response["refused"] = answer.refused
    if answer.verdicts is not None:
        response["verdicts"] = answer.verdicts
    if proof is not None:
        response["proof"] = proof
    if undeclared is not None:
        response["undeclared"] = undeclared
    return response


def refusal(ask: Request, epoch: str, refused: Refused, problem: Problem | None = None) -> Response:
    """Build a response that refuses all: no verdicts, no changes, the checkpoint stays."""
    response = _frame(ask, epoch) | _nothing(ask.since, ask.floor) | {"refused": refused}
    return response | {"reason": problem.as_json()} if problem else response


def invalid(body: Mapping[str, Json], error: InvalidRequestError) -> Response:
    """Answer a request that could not be parsed; echo the readable parts, null for the rest."""
    since, floor, last = (body.get(key) for key in ("since", "floor", "last"))
    return {
        # The floor is read by every device that is served.
        "protocol": served_protocol(body) or limits.PROTOCOL_FLOOR,
        "replicaId": _if_text(body.get("replicaId")),
        "echo": {
            "epoch": _if_text(body.get("epoch")),
            "since": _if_integer(since),
            "floor": _if_integer(floor),
            "last": last if _is_mark(last) else None,
            "nonce": _readable_nonce(body),
            "hash": _if_text(body.get("hash")),
        },
        "epoch": None,
        **_nothing(_if_integer(since) or 0, _if_integer(floor) or 0),
        "refused": "invalid",
        "reason": Problem(error.kind, str(error), error.path).as_json(),
    }


def _frame(ask: Request, epoch: str) -> Response:
    last, mark = ask.last, ask.mark
    return {
        "protocol": ask.protocol,
        "replicaId": ask.replica_id,
        "echo": {
            "epoch": ask.epoch,
            "since": ask.since,
            "floor": ask.floor,
            "last": {"number": last.number, "nonce": last.nonce} if last else None,
            "nonce": mark.nonce if mark else None,
            "hash": ask.batch.hash if ask.batch else None,
        },
        "epoch": epoch,
    }


def _nothing(since: int, floor: int) -> Response:
    return {"reset": False, "start": floor, "changes": [], "upTo": since, "more": False}


def _readable_nonce(body: Mapping[str, Json]) -> str | None:
    """Return the nonce of batch or void: without a nonce the device cannot match the refusal."""
    settles = body.get("void")
    if isinstance(body.get("batch"), str):
        try:
            settles = parse_json(body["batch"])
        except ValueError:
            return None
    return _if_text(settles.get("nonce")) if isinstance(settles, Mapping) else None


def _if_text(value: Json) -> str | None:
    return value if isinstance(value, str) and len(value) <= limits.NAME_LENGTH_MAX else None


def _if_integer(value: Json) -> int | None:
    is_integer = (
        isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= limits.REVISION_MAX
    )
    return cast("int", value) if is_integer else None


def _is_mark(value: Json) -> bool:
    return (
        isinstance(value, Mapping)
        and value.keys() == {"number", "nonce"}
        and _if_integer(value["number"]) is not None
        and _if_text(value["nonce"]) is not None
    )
