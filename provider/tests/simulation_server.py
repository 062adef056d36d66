"""The real exchange on throw-away stores, for the worker's simulation: a JSON command a line in, an answer a line out.

Run as `python simulation_server.py` from anywhere; stores are SQLite in memory and vanish with the process.
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


def open_world(collections: dict[str, Any]) -> World:
    engine = sa.create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    return World(engine, collections, KeptEpoch())


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
                    command["request"], command["user"], transport=command.get("transport", "plugin")
                )
            case "change":
                answer = worlds[name].server(command["change"])
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
