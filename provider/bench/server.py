"""The server's speed over HTTP, on a running Airflow.

Prints a JSON line {figure, value, unit} for each figure. ``npm run bench -- server`` starts an
Airflow for each database and runs this; the store is empty at the start.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
import uuid
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil
import sqlalchemy as sa
from fill import grow
from site_line import Line, packed, token
from storm import MUTATIONS, PAGE_WITH_BATCH, Storm, by_dag, by_plugin
from workload import Replica

CLIENTS = 4
ROUNDS = 20
STREAMS = 1_000
LIVE_SECONDS = 20
OPEN_SECONDS_MAX = 60


def say(figure: str, value: float, unit: str) -> None:
    """Print a figure."""
    print(
        json.dumps({"figure": f"server.{figure}", "value": round(value, 3), "unit": unit}),
        flush=True,
    )


class Bench:
    """An Airflow and its store."""

    def __init__(self, url: str, store: sa.Engine) -> None:
        self.url = url
        self.store = store

    def push(self, line: Line, device: Replica, count: int, batches: int) -> list[float]:
        """Push batches in sequence; return the seconds of each."""
        seconds = []
        for _ in range(batches):
            answer, took = line.exchange(device.push_request(count))
            device.settle(answer)
            seconds.append(took)
        return seconds

    def exchange100(self) -> float:
        """Return the median seconds of an exchange of 100 mutations by a single client."""
        line = Line(self.url, "ana")
        device = line.up_to_date()
        self.push(line, device, 100, 20)
        return statistics.median(self.push(line, device, 100, 100))

    def push_rate(self) -> float:
        """Return the mutations a second of CLIENTS that send batches of 1,000 at once, in rounds.

        Timed from the first byte sent to the last answer's last byte. Between rounds, not timed,
        the clients read the others' writes, and make and pack the next batches.
        """
        lines = [Line(self.url, "ana") for _ in range(CLIENTS)]
        devices = [line.up_to_date() for line in lines]
        with ThreadPoolExecutor(CLIENTS) as threads:
            seconds = [self._round(threads, lines, devices) for _ in range(ROUNDS)]
        return CLIENTS * 1_000 / statistics.median(seconds[2:])

    def _round(
        self, threads: ThreadPoolExecutor, lines: list[Line], devices: list[Replica]
    ) -> float:
        bodies = [packed(device.push_request(1_000, limit=PAGE_WITH_BATCH)) for device in devices]
        start = time.perf_counter()
        sent = [threads.submit(line.send, *body) for line, body in zip(lines, bodies, strict=True)]
        answers = [one.result() for one in sent]
        seconds = time.perf_counter() - start
        for line, device, answer in zip(lines, devices, answers, strict=True):
            device.settle(json.loads(answer()))
            while (pulled := line.exchange(device.pull_request())[0])["more"]:
                device.settle(pulled)
            device.settle(pulled)
        return seconds

    def pull_rate(self, count: int) -> float:
        """Records a second of a first sync of ``count`` records."""
        line, reader, got, spent, more = (
            Line(self.url, "ben"),
            Replica(uuid.uuid4().hex[:20], "ben"),
            0,
            0.0,
            True,
        )
        while more:
            answer, seconds = line.exchange(reader.pull_request())
            reader.settle(answer)
            got, spent, more = got + len(answer["changes"]), spent + seconds, answer["more"]
        if got < count:
            raise RuntimeError(f"{got} records came, {count} were stored")
        return got / spent

    def scalar(self, query: str) -> int:
        """Return a number of the store."""
        with self.store.connect() as conn:
            return int(conn.scalar(sa.text(query)) or 0)

    def storm(self, name: str, storm: Storm, revision_before: int, devices: int) -> None:
        """Report a storm by the records in the store and the counter's moves."""
        stored = set()
        with self.store.connect() as conn:
            for at in range(0, len(storm.ids), 10_000):
                some = sa.text("SELECT id FROM updraft_records WHERE id = ANY(:ids)")
                stored |= set(conn.scalars(some, {"ids": storm.ids[at : at + 10_000]}))
        captured = devices * MUTATIONS
        say(f"{name}.s", storm.seconds, "s")
        say(f"{name}.lost", captured - len(stored), "records")
        moved = self.scalar("SELECT revision FROM updraft_meta") - revision_before
        say(f"{name}.doubled", moved - len(stored), "changes")
        say(f"{name}.attempts", storm.attempts, "requests")
        say(f"{name}.health_p99_ms", storm.health_p99_s * 1_000, "ms")


def api_server(url: str) -> psutil.Process:
    """The process that listens at the URL's port."""
    port = httpx.URL(url).port
    listening = [
        c.pid
        for c in psutil.net_connections("tcp")
        if c.status == "LISTEN" and c.laddr.port == port and c.pid
    ]
    return psutil.Process(listening[0])


def live_load(url: str) -> float:
    """Return the API server's processor time with 1,000 idle streams, in percent of a core."""

    async def listen() -> float:
        limits = httpx.Limits(max_connections=None)
        headers = {"Authorization": f"Bearer {token(url, 'ana')}"}
        async with httpx.AsyncClient(
            base_url=url, headers=headers, limits=limits, timeout=60, trust_env=False
        ) as client:

            async def stream(opened: asyncio.Future[None]) -> None:
                while True:
                    async with client.stream("GET", "/updraft/v1/live") as answer:
                        if answer.status_code == 200:
                            async for _ in answer.aiter_lines():
                                if not opened.done():
                                    opened.set_result(None)
                            return
                        if answer.status_code != 503:
                            answer.raise_for_status()
                    # Not so many at once, the server says.
                    await asyncio.sleep(float(answer.headers["Retry-After"]))

            loop = asyncio.get_running_loop()
            first_lines = [loop.create_future() for _ in range(STREAMS)]
            streams = [asyncio.create_task(stream(opened)) for opened in first_lines]
            _, waiting = await asyncio.wait(first_lines, timeout=OPEN_SECONDS_MAX)
            if waiting:
                failed = next((task.exception() for task in streams if task.done()), None)
                raise RuntimeError(f"{len(waiting)} of {STREAMS} streams did not open") from failed
            await asyncio.sleep(2)
            server = api_server(url)
            before, start = server.cpu_times(), time.perf_counter()
            await asyncio.sleep(LIVE_SECONDS)
            after, spent = server.cpu_times(), time.perf_counter() - start
            for task in streams:
                if task.done():
                    task.result()
                task.cancel()
            return 100 * (after.user + after.system - before.user - before.system) / spent

    return asyncio.run(listen())


PARTS = ("exchange100", "push", "storm", "storm_dag", "pull", "live", "growth")


def measure(bench: Bench, parts: Collection[str], devices: int, dag_devices: int) -> None:
    """Measure these parts in the order of PARTS: each part works on the earlier parts' store."""
    small = 0.0
    if bench.store.dialect.name == "sqlite":
        parts = [part for part in parts if part == "push"]
    else:
        grow(bench.store, 1_000)
    if {"exchange100", "growth"}.intersection(parts):
        small = bench.exchange100()
        say("exchange100.p50_ms", small * 1_000, "ms")
    if "push" in parts:
        database = {"postgresql": "postgres"}.get(
            bench.store.dialect.name, bench.store.dialect.name
        )
        say(f"push1000.per_s.{database}", bench.push_rate(), "mutations/s")
    storms = {
        "storm": (f"storm{devices}", by_plugin, devices),
        "storm_dag": (f"storm{dag_devices}_dag", by_dag, dag_devices),
    }
    for part, (name, storm, count) in storms.items():
        if part in parts:
            before = bench.scalar("SELECT revision FROM updraft_meta")
            bench.storm(name, asyncio.run(storm(bench.url, count)), before, count)
    if "pull" in parts:
        grow(bench.store, 100_000)
        say("pull.per_s", bench.pull_rate(100_000), "records/s")
    if "live" in parts:
        say("live1000.core_percent", live_load(bench.url), "%")
    if "growth" in parts:
        grow(bench.store, 1_000_000)
        say("growth_1k_1m.ratio", bench.exchange100() / small, "ratio")


def main() -> None:
    """Measure the requested parts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True, help="with /airflow, without a trailing slash")
    parser.add_argument("--store", required=True, help="SQLAlchemy URL of the store")
    parser.add_argument("--devices", type=int, default=1_000)
    parser.add_argument("--dag-devices", type=int, default=50)
    parser.add_argument("--only", default=",".join(PARTS), help=f"some of {','.join(PARTS)}")
    given = parser.parse_args()
    parts = given.only.split(",")
    if unknown := set(parts).difference(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    bench = Bench(given.url, sa.create_engine(given.store))
    Line(given.url, "ana").up_to_date()  # the first exchange makes the store
    measure(bench, parts, given.devices, given.dag_devices)


if __name__ == "__main__":
    main()
