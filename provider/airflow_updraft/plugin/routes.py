"""The routes of the transport: hello, exchange, live. docs/protocol.md describes the wire."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial

import sqlalchemy as sa
from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import StreamingResponse

from airflow_updraft import limits
from airflow_updraft.collections import Collection
from airflow_updraft.errors import ForeignStoreError, InvalidRequestError
from airflow_updraft.exchange.exchange import exchange
from airflow_updraft.exchange.request import read_body
from airflow_updraft.exchange.response import Response as ExchangeResponse
from airflow_updraft.json_values import Json, write_json
from airflow_updraft.plugin.access import Caller, may_write, require_runs, who_is
from airflow_updraft.plugin.body import read_raw, read_text
from airflow_updraft.plugin.desk import Desk, TheDesk, require_room
from airflow_updraft.plugin.problems import explained
from airflow_updraft.plugin.store import OpenStore
from airflow_updraft.store.tables import meta

router = APIRouter()

PLUGIN = limits.LIMITS["plugin"]
GZIP_BYTES_MIN = 1_024
GZIP_LEVEL = 1
"""The fastest level: a page of records shrinks to a fifth at any level, and a phone waits for the
server's processor."""


@router.get("/hello")
async def hello(request: Request, caller: Caller, desk: TheDesk) -> Response:
    """Return the server's versions, user and collections; requires the right to read runs."""

    def work() -> bytes:
        with explained():
            is_writer = may_write(request, caller)
            store = desk.store.open()
            with store.engine.connect() as conn:
                epoch = conn.scalar(sa.select(meta.c.epoch).where(meta.c.id == 1))
            collections = {
                c.name: {
                    "schema": c.schema,
                    "read": c.read,
                    "write": c.write,
                    "onConflict": c.on_conflict,
                }
                for c in store.collections.values()
                if is_shown(c, is_writer=is_writer)
            }
            return to_bytes(
                {
                    # The oldest version served: devices of version 1 know no other key.
                    "protocol": limits.PROTOCOL_FLOOR,
                    "newest": limits.PROTOCOL,
                    "epoch": epoch,
                    "user": caller.get_name(),
                    "collections": collections,
                    "limits": {_camel(name): value for name, value in asdict(PLUGIN).items()},
                    "live": True,
                }
            )

    return answer_json(request, await desk.gate.run(work, who_is(caller)))


def is_shown(collection: Collection, *, is_writer: bool) -> bool:
    """Tell whether a user deals with a collection, whose schema tells much of others' records."""
    return collection.read != "none" or (is_writer and collection.write != "none")


@router.post("/exchange", dependencies=[Depends(require_room)])
async def post_exchange(request: Request, caller: Caller, desk: TheDesk) -> Response:
    """Exchange once. Settling requires the right to trigger, a pull only the right to read."""
    raw = await read_raw(request)
    encoding = request.headers.get("content-encoding", "")
    work = partial(_exchange, desk, request, caller, raw, encoding)
    answer, has_written = await desk.gate.run(work, who_is(caller))
    if has_written:
        desk.live.wake()
    return answer


def _exchange(
    desk: Desk, request: Request, caller: Caller, raw: bytes, encoding: str
) -> tuple[Response, bool]:
    """Answer a body, from bytes to bytes; tell also whether the store may have moved."""
    with explained():
        # Rights come before the body: a megabyte of body can be made to take long.
        is_writer = may_write(request, caller)
        text = read_text(raw, encoding)
        body: Mapping[str, Json] | str
        try:
            body = read_body(text, PLUGIN)
            settles = body.get("batch") is not None or body.get("void") is not None
        except InvalidRequestError:
            body, settles = text, False  # refused by the engine, in the protocol's words
        if settles and not is_writer:
            raise HTTPException(403, "Forbidden")
        try:
            response = _exchange_with(desk, desk.store.open(), caller, body)
        except ForeignStoreError:
            # Perhaps an operator has confirmed this store meanwhile: else this raises, in the right
            # words.
            response = _exchange_with(desk, desk.store.look_again(), caller, body)
        return answer_json(request, to_bytes(response)), settles


def _exchange_with(
    desk: Desk, store: OpenStore, caller: Caller, body: Mapping[str, Json] | str
) -> ExchangeResponse:
    return exchange(
        body,
        caller.get_name(),
        store.engine,
        store.collections,
        transport="plugin",
        epoch_keeper=desk.epochs.for_one_exchange(),
        proofs=desk.secrets.proofs(store.engine),
        replicas_max=desk.replicas_per_user_max,
        bond=store.bond,
    )


@router.get("/live")
async def live(request: Request, caller: Caller, desk: TheDesk) -> Response:
    """Stream changes, a JSON object a line. Requires the right to read runs of the exchange."""

    def check() -> None:
        with explained():
            require_runs(request, caller, "GET")

    await desk.gate.run(check, who_is(caller))
    with explained():
        lines = await desk.live.open(who_is(caller))
    headers = {
        "Cache-Control": "no-store",
        # Airflow's compression would hold the lines back (Starlette before 1.10), a proxy might
        # collect lines.
        "Content-Encoding": "identity",
        "X-Accel-Buffering": "no",
    }
    return StreamingResponse(lines, media_type="application/x-ndjson", headers=headers)


def to_bytes(value: Json) -> bytes:
    """Write JSON; ASCII for half a surrogate pair from a refused request, which has no UTF-8."""
    try:
        return write_json(value).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")


def answer_json(request: Request, body: bytes) -> Response:
    """Answer with this JSON, compressed if accepted and worthwhile.

    Called in the gate's thread: Airflow's own compression would run on the event loop, and leaves
    compressed answers alone.
    """
    headers = {"Cache-Control": "no-store", "Vary": "Accept-Encoding"}
    if len(body) >= GZIP_BYTES_MIN and "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        body = gzip.compress(body, GZIP_LEVEL, mtime=0)
    return Response(body, media_type="application/json", headers=headers)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))
