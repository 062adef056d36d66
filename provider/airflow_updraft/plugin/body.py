"""Reads a request's body with a limit that holds after decompression too."""

from __future__ import annotations

import gzip
import io
import zlib

from fastapi import Request
from starlette.requests import ClientDisconnect

from airflow_updraft.limits import LIMITS
from airflow_updraft.plugin.problems import RouteError

BODY_BYTES_MAX = LIMITS["plugin"].request_bytes_max


async def read_raw(request: Request) -> bytes:
    """Read the body as it was sent, at most BODY_BYTES_MAX; what is longer is refused while it comes."""
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared) > BODY_BYTES_MAX:
        raise _too_large()
    parts: list[bytes] = []
    size = 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > BODY_BYTES_MAX:
                raise _too_large()
            parts.append(part)
    except ClientDisconnect as gone:
        raise RouteError(400, "encoding", "the body ended early") from gone
    return b"".join(parts)


def read_text(raw: bytes, encoding: str) -> str:
    """Decompress and decode a body; ``encoding`` is the header Content-Encoding, ``''`` where there is none.

    Raises RouteError: ``too_large`` as soon as more than BODY_BYTES_MAX bytes came out, ``encoding`` for what is
    not what its header says.
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
        raise RouteError(400, "encoding", f"the body is not UTF-8 from byte {error.start} on") from error


def _unzip(raw: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as file:
            data = file.read(BODY_BYTES_MAX + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise RouteError(400, "encoding", "the body is not the whole gzip its header says") from error
    if len(data) > BODY_BYTES_MAX:
        raise _too_large()
    return data


def _too_large() -> RouteError:
    return RouteError(413, "too_large", f"the body exceeds {BODY_BYTES_MAX} bytes: void the batch and split it")
