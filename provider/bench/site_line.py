"""A running Airflow for the benches: a kept connection, bodies compressed as by the worker."""

from __future__ import annotations

import gzip
import http.client
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import httpx
from workload import Replica

COMPRESSED_FROM = 2_000
GZIP_LEVEL = 6


def token(url: str, user: str) -> str:
    """Sign in as a demo user, whose password is the name."""
    answer = httpx.post(
        f"{url}/auth/token", json={"username": user, "password": user}, trust_env=False
    )
    answer.raise_for_status()
    return str(answer.json()["access_token"])


def packed(request: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
    """Return a request's body and headers, as sent by the worker's ``fetch``."""
    body = json.dumps(request, separators=(",", ":")).encode()
    headers = {"Content-Type": "application/json", "X-Updraft": "1", "Accept-Encoding": "gzip"}
    if len(body) < COMPRESSED_FROM:
        return body, headers
    return gzip.compress(body, GZIP_LEVEL), headers | {"Content-Encoding": "gzip"}


@dataclass
class Line:
    """A client's connection to the plugin. Raises RuntimeError for anything but 200."""

    url: str
    user: str
    _http: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        at = urlsplit(self.url)
        self._path = at.path
        self._http = http.client.HTTPConnection(at.hostname or "", at.port, timeout=120)
        self._authorization = f"Bearer {token(self.url, self.user)}"

    def exchange(self, request: dict[str, Any]) -> tuple[dict[str, Any], float]:
        """Exchange once; return answer and seconds, from packed request to the last byte."""
        body, headers = packed(request)
        start = time.perf_counter()
        answer = self.send(body, headers)
        seconds = time.perf_counter() - start
        return json.loads(answer()), seconds

    def send(self, body: bytes, headers: dict[str, str]) -> Callable[[], bytes]:
        """Send a packed request and read the whole answer; return a function that unpacks."""
        path = f"{self._path}/updraft/v1/exchange"
        self._http.request("POST", path, body, headers | {"Authorization": self._authorization})
        answer = self._http.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{answer.status} {content[:500]!r}")
        is_packed = answer.headers.get("Content-Encoding") == "gzip"
        return partial(gzip.decompress, content) if is_packed else lambda: content

    def up_to_date(self) -> Replica:
        """Return a new device at the store's revision: unpulled changes would count as work."""
        device = Replica(uuid.uuid4().hex[:20], self.user)
        device.settle(self.exchange(device.pull_request(1))[0])
        device.since = device.floor
        return device
