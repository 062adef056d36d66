"""fault 28: a task killed at any statement of an exchange. The retry applies the batch once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from world import World, create, mutation

TASK = """
import json, os, signal, sys
import sqlalchemy as sa
from world import COLLECTIONS
from airflow_updraft.collections import compile_collections
from airflow_updraft.exchange.exchange import exchange

engine, left = sa.create_engine(sys.argv[1]), int(sys.argv[3])

def count(*_):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

sa.event.listen(engine, "before_cursor_execute", count)
sa.event.listen(engine, "commit", count)
exchange(json.loads(sys.argv[2]), "ana", engine, compile_collections(COLLECTIONS))
"""
STATEMENTS_MAX = 12
"""An exchange has fewer: a task that is not killed is a case too."""


@pytest.mark.parametrize("seed", range(3), ids=lambda seed: f"fault 28: seed {seed}")
def test_task_killed_at_random_is_retried(world: World, seed: int) -> None:
    """fault 28: SIGKILL at a random statement, again and again, as a worker that runs out of
    memory."""
    chance = Random(seed)
    device = world.device()
    device.push(create("count", visits=0))
    request = device.batch_request(
        mutation("patch", "count", base=1, inc={"visits": 1}), create("a")
    )
    url = world.engine.url.render_as_string(hide_password=False)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    for _ in range(3):
        at = str(chance.randint(1, STATEMENTS_MAX))
        task = [sys.executable, "-c", TASK, url, json.dumps(request), at]
        ended = subprocess.run(task, env=environment, capture_output=True, check=False)
        assert ended.returncode in (0, -signal.SIGKILL), ended.stderr
        assert world.records() in ({"count": {"visits": 0}}, {"count": {"visits": 1}, "a": {}}), (
            "all or nothing"
        )
    answer = world.exchange(request)
    assert [verdict["verdict"] for verdict in answer["verdicts"]] == ["applied", "applied"]
    assert world.records() == {"count": {"visits": 1}, "a": {}}
