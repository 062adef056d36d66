"""Hostile HTTP: the requests of hostile.py in wrong bodies, encodings and headers."""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import dataclass, field
from random import Random

from hostile import WORDS, hostile_request
from world import Device

from airflow_updraft.limits import LIMITS

BODY_BYTES_MAX = LIMITS["plugin"].request_bytes_max
BOMB = gzip.compress(b'{"protocol": 1, "x": "' + b"x" * 40 * BODY_BYTES_MAX)
CONTENT_TYPES = [
    "text/html",
    "application/xml",
    "multipart/form-data; boundary=x",
    "application/json; charset=utf-16",
    "",
]
PATHS = [
    "/page.py",
    "/page.%2e%2e%2fapp",
    "/page.js%00",
    "/../hello",
    "/live/../exchange",
    "/exchange/",
    "/hello%0d%0a",
]


@dataclass
class Sent:
    """An HTTP request. ``request`` is the exchange inside if the server can read it, else None."""

    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    method: str = "POST"
    path: str = "/exchange"
    request: dict[str, object] | None = None


def hostile_http(chance: Random, device: Device) -> Sent:
    """Return a hostile HTTP request: the server can read most, but not all."""
    if chance.random() < 0.05:
        method = chance.choice(["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
        return Sent(
            b"", method=method, path=chance.choice(PATHS) + f"?q={chance.randrange(9)}%27%3B--"
        )
    made = hostile_request(chance, device, "plugin")
    text = made if isinstance(made, str) else json.dumps(made)
    body = text.encode("utf-8", "surrogatepass")
    readable = Sent(body, request=made if isinstance(made, dict) else None)
    readable.headers["Content-Type"] = chance.choice(
        CONTENT_TYPES
    )  # which the server need not believe
    spoil = chance.random()
    if spoil < 0.55:
        return readable
    if spoil < 0.75:
        readable.body = gzip.compress(body, 1)
        readable.headers["Content-Encoding"] = chance.choice(["gzip", "GZIP", "x-gzip"])
        return readable
    return chance.choice(_unreadable(chance, body))


def _unreadable(chance: Random, body: bytes) -> list[Sent]:
    packed = gzip.compress(body, 1)
    at = chance.randrange(10, len(packed))
    return [
        Sent(BOMB, {"Content-Encoding": "gzip"}),
        Sent(packed[:at], {"Content-Encoding": "gzip"}),
        Sent(
            packed[:at] + bytes([packed[at] ^ 1]) + packed[at + 1 :], {"Content-Encoding": "gzip"}
        ),
        Sent(packed + b"trailing", {"Content-Encoding": "gzip"}),
        Sent(packed + gzip.compress(b""), {"Content-Encoding": "gzip"}),
        Sent(gzip.compress(packed), {"Content-Encoding": "gzip"}),
        Sent(body, {"Content-Encoding": "gzip"}),
        Sent(zlib.compress(body), {"Content-Encoding": "deflate"}),
        Sent(
            body, {"Content-Encoding": chance.choice(["br", "gzip, gzip", "zstd", *_ascii_words()])}
        ),
        Sent(packed),
        Sent(b"\xff" + body),
        Sent(body.decode("utf-8", "surrogatepass").encode("utf-16", "surrogatepass")),
        Sent(b" " * BODY_BYTES_MAX + body),
        Sent(b""),
        Sent(body + b"\0" * 9),
    ]


def _ascii_words() -> list[str]:
    return [word for word in WORDS if word.isascii() and len(word) < 200]
