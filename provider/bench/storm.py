"""Many devices that were offline come back at the same moment, each with a batch of its own."""

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
from site_line import packed, token
from workload import Replica

MUTATIONS = 50
ATTEMPTS_MAX = 200
USER = "ana"


@dataclass(frozen=True)
class Storm:
    """What a storm came to; seconds from the first request to the last device's settled batch."""

    seconds: float
    ids: list[str]
    attempts: int
    health_p99_s: float


async def by_plugin(url: str, devices: int) -> Storm:
    """Each device pulls and pushes through the plugin; told to come later (503, ``Retry-After``) it does."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    headers = {"Authorization": f"Bearer {token(url, USER)}"}
    chance = random.Random(0)
    async with httpx.AsyncClient(base_url=url, headers=headers, limits=limits, timeout=60, trust_env=False) as client:
        attempts = 0

        async def ask(request: dict[str, Any]) -> dict[str, Any]:
            nonlocal attempts
            body, own = packed(request)
            for attempt in range(ATTEMPTS_MAX):
                attempts += 1
                answer = await client.post("/updraft/v1/exchange", content=body, headers=own)
                if answer.status_code == 200:
                    return dict(answer.json())
                if answer.status_code != 503:
                    raise RuntimeError(f"{answer.status_code} {answer.text[:500]}")
                # As the worker waits: at least what the server asked for, and full jitter.
                await asyncio.sleep(max(float(answer.headers["Retry-After"]), chance.random() * min(300, 2**attempt)))
            raise RuntimeError("a device never came through")

        with _Health(url) as health:
            start = time.perf_counter()
            ids = await asyncio.gather(*(_device(ask) for _ in range(devices)))
            seconds = time.perf_counter() - start
        return Storm(seconds, [one for some in ids for one in some], attempts, health.p99())


async def by_dag(url: str, devices: int) -> Storm:
    """The same through DAG runs, with stock routes alone."""
    headers = {"Authorization": f"Bearer {token(url, USER)}"}
    runs = "/api/v2/dags/updraft_exchange/dagRuns"
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=120, trust_env=False) as client:
        attempts = 0

        async def ask(request: dict[str, Any]) -> dict[str, Any]:
            nonlocal attempts
            attempts += 1
            run_id = f"updraft__bench__{uuid.uuid4().hex}"
            conf = {"updraft": json.dumps(request)}
            await answered(
                client.build_request("POST", runs, json={"dag_run_id": run_id, "logical_date": None, "conf": conf})
            )
            look = client.build_request("GET", f"{runs}/{run_id}")
            while (state := (await answered(look))["state"]) not in ("success", "failed"):
                await asyncio.sleep(1)
            if state == "failed":
                raise RuntimeError(f"the run {run_id} failed")
            result = f"{runs}/{run_id}/taskInstances/exchange/xcomEntries/return_value"
            return dict(json.loads((await answered(client.build_request("GET", result)))["value"]))

        async def answered(request: httpx.Request) -> dict[str, Any]:
            """Sent again while Airflow is in trouble, as the worker does; 409: it had come through."""
            for _ in range(ATTEMPTS_MAX):
                answer = await client.send(request)
                if answer.status_code in (200, 409):
                    return dict(answer.json())
                if answer.status_code < 500:
                    raise RuntimeError(f"{answer.status_code} {answer.text[:500]}")
                await asyncio.sleep(1)
            raise RuntimeError("a device never came through")

        with _Health(url) as health:
            start = time.perf_counter()
            ids = await asyncio.gather(*(_device(ask) for _ in range(devices)))
            seconds = time.perf_counter() - start
        return Storm(seconds, [one for some in ids for one in some], attempts, health.p99())


async def _device(ask: Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]) -> list[str]:
    """A new device: learns the epoch, sends its batch; returns the ids it was told are applied."""
    replica = Replica(uuid.uuid4().hex[:20], USER)
    # One record is enough to learn where the store stands; what others captured is not this device's to wait for.
    replica.settle(await ask(replica.pull_request(limit=1)))
    request = replica.push_request(MUTATIONS, limit=1)
    answer = await ask(request)
    replica.settle(answer)
    return [str(verdict["id"]) for verdict in answer["verdicts"] if verdict["verdict"] == "applied"]


class _Health:
    """Asks for the server's health ten times a second meanwhile, in a process that does nothing else."""

    def __init__(self, url: str) -> None:
        self._ours, theirs = multiprocessing.get_context("spawn").Pipe()
        self._process = multiprocessing.get_context("spawn").Process(target=_ask_health, args=(url, theirs))

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
