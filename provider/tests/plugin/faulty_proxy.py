"""A reverse proxy before a server, with a fault as real ones have them."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)
from starlette.routing import Route

Fault = Literal[
    "html",
    "sign-in",
    "authorization",
    "buffering",
    "size",
    "gateway",
    "no-plugin",
    "path",
    "strange",
    "open",
    "store",
]
BUFFERED_SECONDS = 3.0


def faulty_proxy(origin: str, fault: Fault) -> Starlette:
    """The proxy's app; ``origin`` is the server's, without a path."""

    async def answer(request: Request) -> Response:
        canned = _canned(fault)
        if canned is not None:
            return canned
        if fault == "size" and int(request.headers.get("content-length", 0)) > 100_000:
            return PlainTextResponse("Request Entity Too Large", 413)
        if fault == "buffering" and request.url.path.endswith("/live"):
            await asyncio.sleep(BUFFERED_SECONDS)
        if fault == "store" and len(request.headers.get("authorization", "")) > 50:
            return JSONResponse({"detail": {"kind": "store", "message": "no store here"}}, 503)
        return await _passed_on(
            request, origin, without="authorization" if fault == "authorization" else ""
        )

    return Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])


def _canned(fault: Fault) -> Response | None:
    answers: dict[str, Any] = {
        "html": lambda: HTMLResponse("<h1>Welcome to the guest network</h1>"),
        "no-plugin": lambda: HTMLResponse("<title>Airflow</title>"),
        "sign-in": lambda: RedirectResponse("https://sso.example/login?token=hidden", 302),
        "gateway": lambda: PlainTextResponse("Bad Gateway", 502),
        "path": lambda: JSONResponse({"detail": "Not Found"}, 404),
        "strange": lambda: PlainTextResponse("hm", 418),
        "open": lambda: JSONResponse({"protocol": 1, "epoch": "e1"}),
    }
    return answers[fault]() if fault in answers else None


async def _passed_on(request: Request, origin: str, without: str) -> Response:
    headers = {k: v for k, v in request.headers.items() if k not in ("host", without)}
    async with httpx.AsyncClient(base_url=origin, trust_env=False, timeout=2) as client:
        try:
            found = await client.request(
                request.method, request.url.path, headers=headers, content=await request.body()
            )
        except httpx.ReadTimeout:
            return PlainTextResponse("Gateway Timeout", 504)
        return Response(
            found.content, found.status_code, media_type=found.headers.get("content-type")
        )
