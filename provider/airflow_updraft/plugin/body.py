"""Reads a request's body with a limit that holds after decompression too."""

from __future__ import annotations

import asyncio
import zlib

from fastapi import Request
from starlette.requests import ClientDisconnect

from airflow_updraft.limits import LIMITS
from airflow_updraft.plugin.problems import RouteError

BODY_BYTES_MAX = LIMITS["plugin"].request_bytes_max

BODY_SECONDS_MAX = 30.0
"""A device's own timeout (``EXCHANGE_TIMEOUT_MS``): a slower sender has left by then."""
PART_SECONDS_MAX = 10.0
GZIP = 16 + zlib.MAX_WBITS


async def read_raw(request: Request) -> bytes:
    """Read the body as sent; refuse more than BODY_BYTES_MAX during the upload."""
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared) > BODY_BYTES_MAX:
        raise _too_large()
    clock = asyncio.get_running_loop().time
    ends = clock() + BODY_SECONDS_MAX
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(PART_SECONDS_MAX) as patience:
            async for part in request.stream():
                patience.reschedule(min(ends, clock() + PART_SECONDS_MAX))
                size += len(part)
                if size > BODY_BYTES_MAX:
                    raise _too_large()
                parts.append(part)
    except ClientDisconnect as gone:
        raise RouteError(400, "encoding", "the body ended early") from gone
    except TimeoutError:
        raise RouteError(408, "slow", "the body did not come in time: send it again") from None
    return b"".join(parts)


def read_text(raw: bytes, encoding: str) -> str:
    """Decompress and decode a body; ``encoding`` is the header Content-Encoding or ``''``.

    Raises RouteError: ``too_large`` as soon as more than BODY_BYTES_MAX bytes came out,
    ``encoding`` for a body that contradicts the header.
    """
    match encoding.strip().lower():
        case "" | "identity":
            data = raw
        case "gzip" | "x-gzip":
            data = _unzip(raw)
        case _:
            raise RouteError(415, "encoding", "Content-Encoding must be gzip, or absent")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        start = error.start
    raise RouteError(400, "encoding", f"the body is not UTF-8 from byte {start} on")


def _unzip(raw: bytes) -> bytes:
    """Unpack a single gzip member with nothing after: a megabyte of empty members has no limit."""
    member = zlib.decompressobj(GZIP)
    try:
        data = member.decompress(raw, BODY_BYTES_MAX + 1)
    except zlib.error:
        raise _no_gzip() from None
    if len(data) > BODY_BYTES_MAX:
        raise _too_large()
    if not member.eof or member.unused_data:
        raise _no_gzip()
    return data


def _no_gzip() -> RouteError:
    return RouteError(
        400, "encoding", "the body is not one whole gzip member with nothing after it"
    )


def _too_large() -> RouteError:
    return RouteError(
        413, "too_large", f"the body exceeds {BODY_BYTES_MAX} bytes: void the batch and split it"
    )
