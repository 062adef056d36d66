"""The golden exchanges of shared/contract, which the worker's tests run too."""

from __future__ import annotations

import copy
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from world import KeptEpoch, World, sealed

from airflow_updraft import limits
from airflow_updraft.collections import compile_collections
from airflow_updraft.exchange.proof import Proofs

CONTRACT = Path(__file__).parents[2] / "shared" / "contract"
UNPROVEN = ("fork", "invalid", "user_mismatch")
CASES = sorted(CONTRACT.glob("exchange-*.json"))


def test_limits_are_the_ones_the_worker_has() -> None:
    declared = json.loads((CONTRACT / "limits.json").read_text("utf-8"))
    transports = declared.pop("transports")
    assert {name: getattr(limits, name.upper()) for name in declared} == declared
    assert {name: asdict(allowed) for name, allowed in limits.LIMITS.items()} == transports


def test_there_are_golden_cases() -> None:
    assert len(CASES) >= 40


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem.removeprefix("exchange-"))
def test_golden_exchange(path: Path, every_engine: sa.Engine) -> None:
    case = json.loads(path.read_text("utf-8"))
    keeper = KeptEpoch() if case.get("epochKeptOutside") else None
    proofs = Proofs("golden") if case.get("proofs") else None
    world = World(every_engine, declared=case["collections"], keeper=keeper, proofs=proofs)
    backups: list[Any] = []
    given: dict[int, str | None] = {}
    for number, step in enumerate(case["steps"]):
        if "restore" in step:
            world.restore(backups[step["restore"]])
        elif "declare" in step:
            world.collections = compile_collections(step["declare"])
        elif "server" in step:
            world.server(step["server"])
        else:
            request = to_wire(step["request"])
            if isinstance(request.get("proof"), int):
                request = request | {"proof": given[request["proof"]]}
            response = world.exchange(
                request, step["as"], transport=step.get("transport", "plugin")
            )
            given[number] = response.pop("proof", None)
            assert bool(given[number]) is (
                proofs is not None and response.get("refused") not in UNPROVEN
            )
            assert response == filled(step["expect"], request, response), (
                f"step {number}: {case['mishap']}"
            )
        backups.append(world.snapshot())


def to_wire(request: dict[str, Any]) -> dict[str, Any]:
    return (
        request
        if "batch" not in request
        else sealed(request["batch"]) | request | {"batch": sealed(request["batch"])["batch"]}
    )


def filled(
    expected: dict[str, Any], request: dict[str, Any], response: dict[str, Any]
) -> dict[str, Any]:
    """Fill the expectation's open parts from the response."""
    expected = copy.deepcopy(expected)
    if "batch" in request:
        expected["echo"]["hash"] = request["hash"]
    pairs = zip(
        [expected, *expected.get("verdicts", [])],
        [response, *response.get("verdicts", [])],
        strict=False,
    )
    for wanted, got in pairs:
        if "reason" in wanted and "reason" in got:
            assert got["reason"]["message"], "a refusal says why"
            wanted["reason"] = got["reason"] | wanted["reason"]
    return expected
