"""The exchange's speed in a process, without HTTP, on both databases.

Prints a JSON line {figure, value, unit} for each figure. Run as ``python bench/engine.py`` in the
provider's environment; ``--quick`` leaves out the million records.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from fill import grow
from workload import COLLECTIONS, Replica

from airflow_updraft.collections import compile_collections
from airflow_updraft.exchange.exchange import exchange
from airflow_updraft.store.tables import create_store

sys.path.append(str(Path(__file__).parents[2] / "scripts" / "lib"))
import postgres

REPLICAS_MAX = 10**6
SERVER_COLLECTIONS = compile_collections(COLLECTIONS)


def say(figure: str, value: float, unit: str) -> None:
    """Print a figure."""
    print(json.dumps({"figure": figure, "value": round(value, 3), "unit": unit}), flush=True)


class Bench:
    """A fresh store, and devices that exchange texts with the store, as over HTTP."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        with engine.begin() as conn:
            names = sa.inspect(conn).get_table_names()
            for name in names:
                conn.exec_driver_sql(f"DROP TABLE {name}")
        create_store(engine)

    def device(self, name: str) -> Replica:
        """A device that has pulled everything."""
        device = Replica(name, f"user of {name}")
        more = True
        while more:
            more = self.send(device, device.pull_request())[0]["more"]
        return device

    def send(self, device: Replica, request: dict[str, Any]) -> tuple[dict[str, Any], float]:
        """Exchange once; return answer and seconds, with the parsing of the request's text."""
        text = json.dumps(request)
        start = time.perf_counter()
        answer = exchange(
            text, device.user, self.engine, SERVER_COLLECTIONS, replicas_max=REPLICAS_MAX
        )
        seconds = time.perf_counter() - start
        device.settle(answer)
        return answer, seconds

    def push(self, device: Replica, count: int, batches: int) -> list[float]:
        """Push batches and return the seconds of each."""
        return [self.send(device, device.push_request(count))[1] for _ in range(batches)]


def measure(engine: sa.Engine, name: str, *, quick: bool) -> None:
    """Measure all figures of a database."""
    bench = Bench(engine)
    device = bench.device("pusher")
    bench.push(device, 1_000, 2)
    seconds = bench.push(device, 1_000, 10)
    say(f"engine.push1000.per_s.{name}", 1_000 / statistics.median(seconds), "mutations/s")
    bench.push(device, 100, 5)
    seconds = bench.push(device, 100, 40)
    say(f"engine.exchange100.p50_ms.{name}", statistics.median(seconds) * 1_000, "ms")
    say(f"engine.pull.per_s.{name}", pull_rate(bench, 100_000), "records/s")
    if not quick:
        say(f"engine.growth_1k_1m.ratio.{name}", growth(engine), "ratio")


def pull_rate(bench: Bench, count: int) -> float:
    """Records a second of a first sync of ``count`` records, a page after the other."""
    grow(bench.engine, count)
    reader, got, spent, more = Replica("reader", "reader"), 0, 0.0, True
    while more:
        answer, seconds = bench.send(reader, reader.pull_request())
        got, spent, more = got + len(answer["changes"]), spent + seconds, answer["more"]
    return got / spent


def growth(engine: sa.Engine) -> float:
    """Return how much slower 100 mutations are with 1,000,000 records stored than with 1,000."""

    def p50(stored: int) -> float:
        bench = Bench(engine)
        grow(bench.engine, stored)
        device = Replica("pusher", "ana")
        device.settle(
            exchange(
                device.pull_request(1),
                device.user,
                engine,
                SERVER_COLLECTIONS,
                replicas_max=REPLICAS_MAX,
            )
        )
        # A device that is up to date: unpulled changes would count as work of the page.
        device.since = device.floor = stored
        bench.push(device, 100, 15)
        return statistics.median(bench.push(device, 100, 60))

    small = p50(1_000)
    return p50(1_000_000) / small


@contextmanager
def databases(folder: Path) -> Iterator[dict[str, Callable[[], sa.Engine]]]:
    """Yield the databases by name: a SQLite file, and an embedded PostgreSQL as shipped."""
    with postgres.running(folder / "postgres") as sockets:
        url = sa.URL.create(
            "postgresql+psycopg2", "postgres", database="postgres", query={"host": str(sockets)}
        )
        yield {
            "sqlite": lambda: sa.create_engine(f"sqlite:///{folder}/store.db"),
            "postgres": lambda: sa.create_engine(url),
        }


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="without the store of a million records"
    )
    parser.add_argument("--only", choices=["sqlite", "postgres"])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, databases(Path(folder)) as engines:
        for name, make in engines.items():
            if arguments.only in (None, name):
                engine = make()
                measure(engine, name, quick=arguments.quick)
                engine.dispose()


if __name__ == "__main__":
    sys.exit(main())
