"""Many devices that were offline come back at the same moment, each with a batch."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import random
import statistics
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import httpx
from site_line import Line, packed, token
from workload import Replica

MUTATIONS = 50
PAGE_WITH_BATCH = 200  # as the worker asks: the batch is settled first, and the rest read later
ATTEMPTS_MAX = 200
USER = "ana"


@dataclass(frozen=True)
class Storm:
    """The result of a storm; seconds from the first request to the last device's settled batch."""

    seconds: float
    ids: list[str]
    attempts: int
    health_p99_s: float


async def by_plugin(url: str, devices: int) -> Storm:
    """Push each device's captures through the plugin; come later on 503 with ``Retry-After``."""
    headers = {"Authorization": f"Bearer {token(url, USER)}"}

    async def ask(request: dict[str, Any], counts: _Counts) -> dict[str, Any]:
        body, own = packed(request)
        # Each device has a client: a shared client looks through all connections for each request,
        # and is then slower than the server. ``verify``: there is no TLS here, and setting TLS up
        # takes longest.
        async with httpx.AsyncClient(
            headers=headers,
            timeout=60,
            trust_env=False,
            verify=False,  # noqa: S501
        ) as client:

            async def send() -> Answer:
                return Answer.of(
                    await client.post(f"{url}/updraft/v1/exchange", content=body, headers=own)
                )

            return dict(json.loads((await _until_answered(send, counts)).content))

    return await _break_loose(url, devices, ask)


async def by_dag(url: str, devices: int) -> Storm:
    """Push each device's captures through DAG runs, with stock routes alone."""
    headers = {"Authorization": f"Bearer {token(url, USER)}"}
    runs = "/api/v2/dags/updraft_exchange/dagRuns"
    async with httpx.AsyncClient(
        base_url=url, headers=headers, timeout=20, trust_env=False
    ) as client:

        async def send(method: str, path: str, **more: Any) -> Answer:
            return Answer.of(await client.request(method, path, **more))

        async def ask(request: dict[str, Any], counts: _Counts) -> dict[str, Any]:
            run_id = f"updraft__bench__{uuid.uuid4().hex}"
            conf = {"updraft": json.dumps(request)}
            run = {"dag_run_id": run_id, "logical_date": None, "conf": conf}
            await _until_answered(lambda: send("POST", runs, json=run), counts)
            look = f"{runs}/{run_id}"
            while (
                state := json.loads(
                    (await _until_answered(lambda: send("GET", look), counts)).content
                )["state"]
            ) != "success":
                if state == "failed":
                    raise RuntimeError(f"the run {run_id} failed")
                await asyncio.sleep(1)
            result = f"{look}/taskInstances/exchange/xcomEntries/return_value"
            found = await _until_answered(lambda: send("GET", result), counts)
            return dict(json.loads(json.loads(found.content)["value"]))

        return await _break_loose(url, devices, ask)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the server."""

    status: int
    content: bytes
    retry_after: str | None

    @classmethod
    def of(cls, answer: httpx.Response) -> Answer:
        """Return the answer that httpx read."""
        return cls(answer.status_code, answer.content, answer.headers.get("Retry-After"))


def _state_of(run: Answer) -> str:
    return str(json.loads(run.content)["state"])


@dataclass
class _Counts:
    attempts: int = 0


async def _until_answered(send: Callable[[], Awaitable[Answer]], counts: _Counts) -> Answer:
    """Send until answered; wait as the worker waits: the server's time, or full jitter."""
    chance = random.Random()
    for failures in range(ATTEMPTS_MAX):
        counts.attempts += 1
        wait = chance.random() * min(300, 2**failures)
        try:
            answer = await send()
        except httpx.TransportError:
            pass
        else:
            if answer.status in (200, 409):  # 409: this run is known already
                return answer
            if answer.status < 500:
                raise RuntimeError(f"{answer.status} {answer.content[:500]!r}")
            if answer.retry_after:
                wait = float(answer.retry_after) * (1 + chance.random() / 5)
        await asyncio.sleep(wait)
    raise RuntimeError("a device never came through")


Ask = Callable[[dict[str, Any], _Counts], Awaitable[dict[str, Any]]]


async def _break_loose(url: str, devices: int, ask: Ask) -> Storm:
    """Let all devices send at once, knowing the store as of just before the network was lost."""
    line = Line(url, USER)
    fleet = [line.up_to_date() for _ in range(devices)]
    counts = _Counts()

    async def come_back(device: Replica) -> list[str]:
        answer = await ask(device.push_request(MUTATIONS, limit=PAGE_WITH_BATCH), counts)
        device.settle(answer)
        return [
            str(verdict["id"]) for verdict in answer["verdicts"] if verdict["verdict"] == "applied"
        ]

    with _Health(url) as health:
        start = time.perf_counter()
        ids = await asyncio.gather(*map(come_back, fleet))
        seconds = time.perf_counter() - start
    return Storm(seconds, [one for some in ids for one in some], counts.attempts, health.p99())


class _Health:
    """Asks for the server's health ten times a second, in a process of its own."""

    def __init__(self, url: str) -> None:
        self._ours, theirs = multiprocessing.get_context("spawn").Pipe()
        self._process = multiprocessing.get_context("spawn").Process(
            target=_ask_health, args=(url, theirs)
        )

    def __enter__(self) -> _Health:
        self._process.start()
        self._ours.recv()
        return self

    def __exit__(self, *_: object) -> None:
        self._ours.send("stop")
        self._seconds: list[float] = self._ours.recv()
        self._process.join()

    def p99(self) -> float:
        """The 99th percentile of the answers' times, in seconds."""
        return statistics.quantiles(self._seconds, n=100)[98]


def _ask_health(url: str, line: Connection) -> None:
    seconds = []
    with httpx.Client(base_url=url, timeout=120, trust_env=False) as client:
        line.send("ready")
        while not line.poll(0.1):
            start = time.perf_counter()
            client.get("/api/v2/monitor/health").raise_for_status()
            seconds.append(time.perf_counter() - start)
    line.send(seconds)
