"""fault 40: hostile confs of DAG runs, handed to the task's own function as by Airflow."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa
from guarded import Guard, be_good, guarded_world
from hostile import WORDS, hostile_conf
from world import KeptEpoch

from airflow_updraft import airflow_bridge
from airflow_updraft.dags.exchange import answer

SEEDS, CONFS_A_SEED = range(1, 4), 250


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"fault 40: seed {seed}")
def test_hostile_confs_have_no_effect(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """fault 40: with any conf the run is answered as its triggering user's, and nothing happens."""
    chance, engine = Random(seed), sa.create_engine(f"sqlite:///{tmp_path}/store.db")
    world, device = guarded_world(engine)
    guard = Guard(world, engine)
    be_good(world)
    device.pull()
    guard.learn()
    monkeypatch.setattr(airflow_bridge, "store_engine", lambda **_: engine)
    monkeypatch.setattr(airflow_bridge, "declared_collections", lambda: world.collections)
    monkeypatch.setattr(airflow_bridge, "VariableEpochKeeper", lambda: KeptEpoch(device.epoch))
    monkeypatch.setattr(airflow_bridge, "task_secret", lambda _: "outside the store")
    seen: dict[str, int] = {}
    for index in range(CONFS_A_SEED):
        conf, request = hostile_conf(chance, device)
        response = json.loads(answer("ana", json.loads(json.dumps(conf)), "a run"))
        try:
            guard.check(response, request.get("replicaId") if request else device.replica_id)
        except AssertionError as error:
            raise AssertionError(f"conf {index} of seed {seed}: {error!r}\n{conf!r}") from error
        if request and "verdicts" in response:
            device.settle(response, request)
        elif request and response.get("refused") == "void":
            device.last = request["void"]
        said = response.get("refused") or ("verdicts" if "verdicts" in response else "page")
        seen[said] = seen.get(said, 0) + 1
    guard.check_at_rest()
    assert {"invalid", "user_mismatch", "verdicts"} <= seen.keys(), seen
    assert seen["verdicts"] >= CONFS_A_SEED / 20, "some were read to the end"
    guard.close()


def test_words_of_conf_are_never_rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    """fault 40: a template-like text comes back as sent, as text."""
    device: Any = {
        "protocol": 1,
        "user": "ana",
        "epoch": None,
        "last": None,
        "since": 0,
        "floor": 0,
        "limit": 1,
    }
    engine = sa.create_engine("sqlite://")
    world, _ = guarded_world(engine)
    monkeypatch.setattr(airflow_bridge, "store_engine", lambda **_: engine)
    monkeypatch.setattr(airflow_bridge, "declared_collections", lambda: world.collections)
    monkeypatch.setattr(airflow_bridge, "VariableEpochKeeper", KeptEpoch)
    monkeypatch.setattr(airflow_bridge, "task_secret", lambda _: "outside the store")
    for word in (word for word in WORDS if "{" in word):
        request = json.dumps(device | {"protocol": 3, "replicaId": word})
        assert (
            json.loads(answer("ana", {"updraft": request, word: word}, "a run"))["replicaId"]
            == word
        )
