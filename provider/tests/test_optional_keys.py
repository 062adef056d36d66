"""fault 49, case A17: each optional key of an exchange, present, absent or null, is answered.

No exchange ends in an exception.
"""

from __future__ import annotations

import os
from random import Random

import pytest
import sqlalchemy as sa
from optional_keys import fuzzed_request
from world import NOW, World

from airflow_updraft.exchange.exchange import exchange
from airflow_updraft.limits import Transport

SEEDS = range(4)
EXCHANGES_A_SEED = int(os.environ.get("UPDRAFT_FUZZED", "2000")) // len(SEEDS)
"""2,000 in a test run, 100,000 in a soak."""


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"fault 49: seed {seed}")
def test_every_optional_key_present_and_absent_has_an_answer(seed: int) -> None:
    chance = Random(seed)
    world = World(sa.create_engine("sqlite://"))
    devices = [world.device(f"r{number}", chance.choice(["ana", "ben"])) for number in range(3)]
    answers: dict[str, int] = {}
    for _ in range(EXCHANGES_A_SEED):
        device = chance.choice(devices)
        made = fuzzed_request(chance, device, world.revision)
        transport: Transport = chance.choice(["plugin", "plugin", "dag"])
        response = exchange(
            made,
            device.user,
            world.engine,
            world.collections,
            transport=transport,
            clock=lambda: NOW,
        )
        if "verdicts" in response and isinstance(made.get("batch"), str):
            device.settle(response, made)
        elif response.get("refused") == "void" and made.get("void"):
            device.last = made["void"]
        if response.get("epoch"):
            device.epoch = response["epoch"]
        kinds = [verdict["verdict"] for verdict in response.get("verdicts", ())]
        for kind in kinds or [response.get("refused") or "page"]:
            answers[kind] = answers.get(kind, 0) + 1
    assert {"applied", "merged", "conflicted", "rejected", "page", "invalid"} <= answers.keys(), (
        answers
    )
