"""The routes of the transport: hello, exchange, live. docs/protocol.md says what travels."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse

from airflow_updraft import limits
from airflow_updraft.errors import InvalidRequestError
from airflow_updraft.exchange import exchange
from airflow_updraft.json_values import Json, write_json
from airflow_updraft.plugin.access import Caller, require_runs
from airflow_updraft.plugin.body import read_raw, read_text
from airflow_updraft.plugin.desk import Desk, TheDesk, require_room
from airflow_updraft.plugin.problems import explained
from airflow_updraft.request import read_body
from airflow_updraft.tables import meta

router = APIRouter()

PLUGIN = limits.LIMITS["plugin"]
GZIP_BYTES_MIN = 1_024
GZIP_LEVEL = 1
"""The fastest: a page of records shrinks to a fifth at any level, and a phone waits for the server's processor."""


@router.get("/hello")
async def hello(request: Request, caller: Caller, desk: TheDesk) -> Response:
    """Say what this server speaks and holds. Needs the right to read runs of ``updraft_exchange``."""

    def work() -> bytes:
        with explained():
            require_runs(request, caller, "GET")
            store = desk.store.open()
            with store.engine.connect() as conn:
                epoch = conn.scalar(sa.select(meta.c.epoch).where(meta.c.id == 1))
            collections = {
                c.name: {"schema": c.schema, "read": c.read, "write": c.write, "onConflict": c.on_conflict}
                for c in store.collections.values()
            }
            return to_bytes(
                {
                    "protocol": limits.PROTOCOL,
                    "epoch": epoch,
                    "user": caller.get_name(),
                    "collections": collections,
                    "limits": {_camel(name): value for name, value in asdict(PLUGIN).items()},
                    "live": True,
                }
            )

    return answer_json(request, await desk.gate.run(work))


@router.post("/exchange", dependencies=[Depends(require_room)])
async def post_exchange(request: Request, caller: Caller, desk: TheDesk) -> Response:
    """Exchange once. A request that settles something needs the right to trigger, a pull only that to read."""
    raw = await read_raw(request)
    encoding = request.headers.get("content-encoding", "")
    answer, has_written = await desk.gate.run(partial(_exchange, desk, request, caller, raw, encoding))
    if has_written:
        desk.live.wake()
    return answer


def _exchange(desk: Desk, request: Request, caller: Caller, raw: bytes, encoding: str) -> tuple[Response, bool]:
    """Answer a body, from its bytes to the answer's bytes; tell also whether the store may have moved."""
    with explained():
        text = read_text(raw, encoding)
        body: Mapping[str, Json] | str
        try:
            body = read_body(text, PLUGIN)
            settles = body.get("batch") is not None or body.get("void") is not None
        except InvalidRequestError:
            body, settles = text, False  # refused by the engine, in the protocol's words
        require_runs(request, caller, "POST" if settles else "GET")
        store = desk.store.open()
        keeper = desk.epochs.for_one_exchange()
        response = exchange(
            body, caller.get_name(), store.engine, store.collections, transport="plugin", epoch_keeper=keeper
        )
        return answer_json(request, to_bytes(response)), settles


@router.get("/live")
async def live(request: Request, caller: Caller, desk: TheDesk) -> Response:
    """Stream what changes, a JSON object a line. Needs the right to read runs of ``updraft_exchange``."""

    def check() -> None:
        with explained():
            require_runs(request, caller, "GET")

    await desk.gate.run(check)
    with explained():
        lines = await desk.live.open()
    headers = {
        "Cache-Control": "no-store",
        # Airflow's compression would hold the lines back (Starlette before 1.10), a proxy might collect them.
        "Content-Encoding": "identity",
        "X-Accel-Buffering": "no",
    }
    return StreamingResponse(lines, media_type="application/x-ndjson", headers=headers)


def to_bytes(value: Json) -> bytes:
    """Write JSON; in ASCII where half a surrogate pair, which a refused request brought along, has no UTF-8."""
    try:
        return write_json(value).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")


def answer_json(request: Request, body: bytes) -> Response:
    """Answer with this JSON, compressed where that is accepted and worth it.

    Called in the gate's thread: Airflow's own compression would do it on the event loop, and leaves alone what is
    compressed already.
    """
    headers = {"Cache-Control": "no-store", "Vary": "Accept-Encoding"}
    if len(body) >= GZIP_BYTES_MIN and "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        body = gzip.compress(body, GZIP_LEVEL, mtime=0)
    return Response(body, media_type="application/json", headers=headers)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))
