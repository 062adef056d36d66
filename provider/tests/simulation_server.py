"""The real exchange on throw-away stores, for the worker's simulation: JSON lines in and out.

Run as `python simulation_server.py` from anywhere; stores are SQLite in memory and vanish with the
process.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

sys.path.insert(0, str(Path(__file__).parent))

from world import KeptEpoch, World

from airflow_updraft.collections import compile_collections
from airflow_updraft.dag_api.collection_store import CollectionStore
from airflow_updraft.errors import RecordInvalidError
from airflow_updraft.exchange.proof import Proofs


def open_world(collections: dict[str, Any]) -> World:
    engine = sa.create_engine(
        "sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False}
    )
    return World(engine, collections, KeptEpoch(), Proofs("outside the store"))


def change(world: World, made: dict[str, Any]) -> None:
    """Make Airflow's own change; nobody can change a collection that is not declared."""
    if next(iter(made.values()))["collection"] in world.collections:
        world.server(made)


def judge(world: World, collection: str, text: str) -> str | None:
    """Store a record as a DAG would, given as JSON text; return a refusal's reason, or None."""
    try:
        CollectionStore(world.engine, world.collections, collection).put(json.loads(text), by="dag")
    except RecordInvalidError as error:
        return str(error)
    return None


def main() -> None:
    worlds: dict[str, World] = {}
    backups: dict[str, Any] = {}
    for line in sys.stdin:
        command = json.loads(line)
        name = command["store"]
        match command["do"]:
            case "open":
                worlds[name] = open_world(command["collections"])
                answer: Any = None
            case "exchange":
                answer = worlds[name].exchange(
                    command["request"],
                    command["user"],
                    transport=command.get("transport", "plugin"),
                )
            case "change":
                answer = change(worlds[name], command["change"])
            case "declare":
                worlds[name].collections = compile_collections(command["collections"])
                answer = None
            case "judge":
                answer = [
                    judge(worlds[name], command["collection"], text) for text in command["texts"]
                ]
            case "records":
                answer = worlds[name].snapshot()["updraft_records"]
                for row in answer:
                    row.pop("updated_at")
            case "backup":
                backups[name] = worlds[name].snapshot()
                answer = None
            case "restore":
                worlds[name].restore(backups[name])
                answer = None
            case "close":
                worlds.pop(name).engine.dispose()
                answer = None
            case other:
                raise AssertionError(f"unknown command {other}")
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
