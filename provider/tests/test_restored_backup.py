"""fault 27, 31: profiles and stores that go back in time, the store by pg_dump and psql."""

from __future__ import annotations

import copy
import itertools
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import postgres
import pytest
import sqlalchemy as sa
from world import Device, KeptEpoch, World, create, mutation, patch

from airflow_updraft.exchange.new_epoch import begin_epoch
from airflow_updraft.exchange.proof import Proofs
from airflow_updraft.sync import invariants

Restore = Callable[[], None]
UNIQUE = itertools.count(1)
TOOLS = postgres.bin_folder()


@pytest.fixture
def world(bare_engine: sa.Engine) -> World:
    return World(bare_engine, keeper=KeptEpoch(), proofs=Proofs("outside the store"))


def backup(world: World, folder: Path) -> Restore:
    """Back the store up as an operator does; return a function that restores the backup."""
    if world.engine.dialect.name == "sqlite":
        kept = folder / "backup.db"
        kept.unlink(missing_ok=True)
        with world.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.execute(sa.text("VACUUM INTO :path"), {"path": str(kept)})

        def restore_file() -> None:
            world.engine.dispose()
            store = Path(str(world.engine.url.database))
            for part in store.parent.glob(f"{store.name}*"):
                part.unlink()
            kept.rename(store)

        return restore_file

    dump = tool("pg_dump", world, "--clean", "--if-exists")

    def restore_dump() -> None:
        world.engine.dispose()
        tool("psql", world, "--set=ON_ERROR_STOP=1", "--quiet", "--single-transaction", text=dump)

    return restore_dump


def tool(name: str, world: World, *options: str, text: str | None = None) -> str:
    url = world.engine.url
    where = {
        "PGHOST": str(url.query["host"]),
        "PGUSER": str(url.username),
        "PGDATABASE": str(url.database),
    }
    done = subprocess.run(
        [str(TOOLS / name), *options],
        env=os.environ | where,
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@dataclass
class Phone(Device):
    """A device that keeps received records; each batch makes a record and counts in a shared
    record."""

    held: dict[str, Any] = field(default_factory=dict)
    unanswered: dict[str, Any] | None = None

    def work(self, *, is_answer_lost: bool = False) -> dict[str, Any]:
        if self.unanswered is None:
            name = f"{self.replica_id}-{next(UNIQUE)}"  # a clone's is another
            made = create(name), mutation("patch", "count", inc={"visits": 1})
            self.unanswered = self.batch_request(*made, nonce=name)
        answer = self.world.exchange(self.unanswered, self.user)
        if not is_answer_lost:
            self.hear(answer, self.unanswered)
        return answer

    def hear(self, answer: dict[str, Any], request: dict[str, Any] | None = None) -> None:
        """Settle; give up a refused batch, as a person might: unapplied records stay away."""
        if request is not None and answer.get("refused") not in ("fork",):
            self.unanswered = None
        if answer["reset"]:
            self.held = {}
        for verdict in answer.get("verdicts", ()):
            if verdict["verdict"] == "applied":
                self.held[verdict["id"]] = None  # the device has the content
        self.held |= {change["id"]: change.get("record") for change in answer["changes"]}
        self.settle(answer, request)

    def catch_up(self) -> None:
        """Pull; a batch without an answer comes first, as on every device."""
        if self.unanswered is not None:
            self.work()
        self.hear(self.world.exchange(self.request(), self.user))


def phone(world: World, name: str) -> Phone:
    made = Phone(world, name, name)
    made.catch_up()
    return made


def assert_nothing_doubled(world: World) -> None:
    """Each batch is whole or absent, and counts once."""
    held = world.records()
    assert held.pop("count", {"visits": 0})["visits"] == len(held)
    assert invariants.verify(world.engine)["violations"] == []


def test_store_restored_from_a_dump_is_read_again_by_every_device(
    world: World, tmp_path: Path
) -> None:
    """fault 31: a device is ahead of the backup, another has a batch in the backup, a third was
    away."""
    ahead, unheard, away = (phone(world, name) for name in ("ahead", "unheard", "away"))
    ahead.push(create("count", visits=0), nonce="first")
    unheard.catch_up()
    unheard.work(is_answer_lost=True)
    restore = backup(world, tmp_path)
    ahead.work()
    assert len(world.records()) == 3
    restore()
    left = sorted(world.records())
    assert [name.split("-")[0] for name in left] == ["count", "unheard"]

    resent = ahead.world.exchange(
        ahead.batch_request(patch("count", base=ahead.since, note="stale")), "ahead"
    )
    assert (resent["refused"], resent["reset"]) == ("epoch", True)
    ahead.hear(resent)
    assert sorted(ahead.held) == left, "what the backup never had is not taken for stored"
    assert [v["verdict"] for v in unheard.work()["verdicts"]] == ["applied", "merged"], (
        "replayed, in any epoch"
    )
    away.catch_up()
    assert sorted(away.held) == sorted(unheard.held) == left
    assert {ahead.epoch, unheard.epoch, away.epoch} == {resent["epoch"]}, "one new epoch for all"
    assert ahead.work()["verdicts"][0]["verdict"] == "applied"
    assert_nothing_doubled(world)


def test_restore_from_before_its_first_pull_is_found_by_who_only_read(
    world: World, tmp_path: Path
) -> None:
    """fault 31: the backup does not even know the reader."""
    other = phone(world, "other")
    other.push(create("count", visits=0), nonce="first")
    restore = backup(world, tmp_path)
    phone(world, "writer").work()
    reader = phone(world, "reader")
    restore()
    for _ in range(3):
        other.work()
    reader.catch_up()
    assert reader.held.keys() == world.records().keys()


@pytest.mark.parametrize("seed", range(2), ids=lambda seed: f"fault 31: seed {seed}")
@pytest.mark.parametrize("of_today", [4, 2, 0], ids=lambda count: f"{count} of 4 show proofs")
def test_stores_restored_at_random(world: World, tmp_path: Path, seed: int, of_today: int) -> None:
    """fault 31: devices work, lose answers and stay away while the store goes back, again and
    again."""
    chance = Random(seed)
    phones = [phone(world, f"p{index}") for index in range(4)]
    for one in phones[of_today:]:
        one.shows_proofs = False
    phones[0].push(create("count", visits=0), nonce="first")
    restore: Restore | None = None
    for _ in range(50):
        one = chance.choice(phones)
        match chance.choices(("work", "lose", "look", "backup", "restore"), (6, 3, 3, 1, 1))[0]:
            case "work":
                one.work()
            case "lose":
                one.work(is_answer_lost=True)
            case "look":
                one.catch_up()
            case "backup":
                restore = backup(world, tmp_path)
            case "restore" if restore:
                restore()
                if (
                    chance.random() < 0.5
                ):  # the run-book's last step; without this the devices must find out
                    begin_epoch(world.engine, world.keeper)
                restore = None
                assert_nothing_doubled(world)
    assert_nothing_doubled(world)
    for one in phones:
        one.catch_up()
        one.catch_up()
        assert one.held.keys() == world.records().keys(), "no silent divergence"


def test_restore_that_others_have_written_over_is_found_by_who_only_read(
    world: World, tmp_path: Path
) -> None:
    """fault 31: nobody ran the new-epoch command, and revisions the reader knows were given out
    again."""
    writer, other, reader = (phone(world, name) for name in ("writer", "other", "reader"))
    writer.push(create("count", visits=0), nonce="first")
    restore = backup(world, tmp_path)
    writer.work()
    reader.catch_up()
    restore()
    for _ in range(3):
        other.work()
    reader.catch_up()
    assert reader.held.keys() == world.records().keys(), (
        "it would keep what is lost, and never see what came instead"
    )


def test_clone_is_found_out_by_its_first_word(world: World) -> None:
    """fault 27: a profile is copied with a sealed batch; both copies send this, both work on."""
    original = phone(world, "phone")
    original.push(create("count", visits=0), nonce="first")
    original.work(is_answer_lost=True)
    clone = copy.copy(original)
    assert original.work()["verdicts"] == clone.work()["verdicts"], "the same bytes: one effect"
    original.work()
    refused = clone.work()
    assert (refused["refused"], refused["changes"]) == ("fork", [])
    assert_nothing_doubled(world)


@pytest.mark.parametrize("seed", range(3), ids=lambda seed: f"fault 27: seed {seed}")
def test_clones_at_random(world: World, seed: int) -> None:
    """fault 27: copies of copies; each told clone takes a new id, and nothing is doubled."""
    chance = Random(seed)
    phones = [phone(world, "phone")]
    phones[0].push(create("count", visits=0), nonce="first")
    forks = 0
    for step in range(60):
        one = chance.choice(phones)
        if len(phones) < 5 and chance.random() < 0.2:
            phones.append(copy.copy(one))
        elif one.work(is_answer_lost=chance.random() < 0.3).get("refused") == "fork":
            forks += 1
            phones.remove(one)
            phones.append(Phone(world, f"new-{step}", one.user))
            phones[-1].catch_up()
    assert forks
    assert_nothing_doubled(world)
