"""fault 40: hostile requests (100,000 in the soak), and the proof that the guard catches success.

A failing seed prints the command that replays the failure: the requests are drawn from the seed
alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random

import pytest
import sqlalchemy as sa
from guarded import Guard, ask, be_good, guarded_world
from hostile import WORDS, hostile_request
from planted_holes import HOLES
from world import Device, World, create

from airflow_updraft.limits import Transport

SQLITE_SEEDS = range(int(os.environ.get("UPDRAFT_HOSTILE_SEEDS", "6")))
REQUESTS_A_SQLITE_SEED = 4_100
POSTGRES_SEEDS, REQUESTS_A_POSTGRES_SEED = range(100, 104), 400


@contextmanager
def guarded(engine: sa.Engine) -> Iterator[tuple[Guard, Device]]:
    world, device = guarded_world(engine)
    guard = Guard(world, engine)
    be_good(world)
    device.pull()
    guard.learn()
    try:
        yield guard, device
    finally:
        guard.close()


def attack(guard: Guard, device: Device, seed: int, count: int, replay: str) -> dict[str, int]:
    """Send ``count`` requests of a seed, over both transports in turn; count each answer."""
    chance = Random(seed)
    answers: dict[str, int] = {}
    for index in range(count):
        transport: Transport = "dag" if index % 2 else "plugin"
        made = hostile_request(chance, device, transport)
        try:
            response = ask(guard.world, made, transport)
            guard.check(
                response, device.replica_id if isinstance(made, str) else made.get("replicaId")
            )
        except Exception as error:
            command = f"python -m pytest '{replay}'"
            raise AssertionError(
                f"request {index} over {transport}: {error!r}\nrequest: {made!r}\nreplay: {command}"
            ) from error
        if isinstance(made, dict) and "verdicts" in response:
            device.settle(response, made)
        elif isinstance(made, dict) and response.get("refused") == "void":
            device.last = made["void"]
        answer = response.get("refused") or ("verdicts" if "verdicts" in response else "page")
        answers[answer] = answers.get(answer, 0) + 1
    guard.check_at_rest()
    return answers


def name_of(test: pytest.FixtureRequest) -> str:
    return test.node.nodeid.encode().decode("unicode_escape")


@pytest.mark.parametrize("seed", SQLITE_SEEDS, ids=lambda seed: f"fault 40: seed {seed}")
def test_hostile_requests_have_no_effect(seed: int, request: pytest.FixtureRequest) -> None:
    """fault 40: SQL, Jinja, prototypes, shapes and other people's records, at every place of a
    request."""
    with guarded(sa.create_engine("sqlite://")) as (guard, device):
        answers = attack(guard, device, seed, REQUESTS_A_SQLITE_SEED, name_of(request))
    assert answers.keys() == {
        "invalid",
        "user_mismatch",
        "fork",
        "epoch",
        "void",
        "verdicts",
        "page",
    }
    assert all(count >= REQUESTS_A_SQLITE_SEED / 400 for count in answers.values()), answers


@pytest.mark.parametrize("seed", POSTGRES_SEEDS, ids=lambda seed: f"fault 40: seed {seed}")
def test_hostile_requests_have_no_effect_on_postgres(
    postgres_world: World, seed: int, request: pytest.FixtureRequest
) -> None:
    """fault 40: the same, where quotes, U+0000 and half surrogates are other dangers."""
    engine = postgres_world.engine
    with engine.begin() as conn:
        conn.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    with guarded(engine) as (guard, device):
        answers = attack(guard, device, seed, REQUESTS_A_POSTGRES_SEED, name_of(request))
    assert {"invalid", "verdicts", "page"} <= answers.keys()


@pytest.mark.parametrize("hole", HOLES, ids=lambda hole: hole.__name__)
def test_planted_hole_is_found(
    monkeypatch: pytest.MonkeyPatch, hole: Callable[[pytest.MonkeyPatch], None]
) -> None:
    """Without this the hundred thousand would prove nothing."""
    hole(monkeypatch)
    with (
        guarded(sa.create_engine("sqlite://")) as (guard, device),
        pytest.raises(AssertionError, match=HOLES[hole]),
    ):
        attack(guard, device, 1, 4_000, "-")


def test_hostile_texts_that_are_valid_are_stored_as_they_are(world: World) -> None:
    """fault 40: storable texts are data, to the letter: no template, no SQL, no prototype."""
    device = world.device()
    guard = Guard(world, world.engine)
    device.push(create("plain", collection="anything", data={"a": ["b"]}))
    device.pull(since=0)
    guard.learn()
    words = [word for word in WORDS if len(word) <= 100 and word != "__proto__"]
    made = [
        create(word, collection="anything", **{word: {"constructor": [word, {word: word}]}})
        for word in words
    ]
    assert {v["verdict"] for v in device.push(*made)["verdicts"]} == {"applied"}
    assert set(guard.seen) <= guard.allowed
    held = {word: {word: {"constructor": [word, {word: word}]}} for word in words}
    assert world.records("anything") == held | {"plain": {"data": {"a": ["b"]}}}
    sent = {change["id"]: change["record"] for change in device.pull(since=0)["changes"]}
    assert sent == {"plain": {"id": "plain", "data": {"a": ["b"]}}} | {
        word: {"id": word, **fields} for word, fields in held.items()
    }
    guard.close()
