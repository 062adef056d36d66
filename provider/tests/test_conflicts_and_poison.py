"""fault 36, 37: poison among good mutations, and three devices that change the same record."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa
from guarded import guarded_world
from hostile import hostile_mutation
from world import World, create, delete, mutation, only_verdict, patch


def test_three_devices_change_one_field(world: World) -> None:
    """fault 37: the first is kept, the others see the kept value, and each decision counts once."""
    ana, ben, cyd = (world.device(name, name) for name in ("ana", "ben", "cyd"))
    ana.push(create("a", note="base"))
    for device in (ben, cyd):
        device.pull()
    assert only_verdict(ana.push(patch("a", base=1, note="ana's")))["verdict"] == "applied"
    for device in (ben, cyd):
        verdict = only_verdict(
            device.push(patch("a", base=1, note=f"{device.user}'s", site=device.user))
        )
        assert (verdict["verdict"], verdict["fields"][0], verdict["record"]["note"]) == (
            "conflicted",
            "note",
            "ana's",
        )
    assert world.records() == {"a": {"note": "ana's", "site": "ben"}}, (
        "cyd's site met ben's: a conflict too"
    )
    decided = only_verdict(ben.push(patch("a", base=ben.since, note="ben's, seen ana's")))
    assert decided["verdict"] == "applied"
    assert (
        only_verdict(cyd.push(patch("a", base=1, note="cyd's")))["record"]["note"]
        == "ben's, seen ana's"
    )


def test_edit_delete_and_recreation_meet(world: World) -> None:
    """fault 37: whoever comes second is asked, whichever came first; nothing is half a record."""
    ana, ben, cyd = (world.device(name, name) for name in ("ana", "ben", "cyd"))
    ana.push(create("a", note="base", site="A7"))
    ana.push(patch("a", base=1, note="edited"))
    assert only_verdict(ben.push(delete("a", base=1)))["fields"] == "*"
    ana.push(delete("a", base=2))
    edit = only_verdict(cyd.push(patch("a", base=2, site="B2")))
    assert (edit["verdict"], edit["fields"], edit["record"]) == ("conflicted", "*", None)
    assert only_verdict(ben.push(create("a", base=1, note="again")))["fields"] == "*"
    assert only_verdict(ben.push(create("a", base=3, note="again")))["verdict"] == "applied"
    assert only_verdict(ana.push(delete("a", base=3)))["fields"] == "*"
    assert world.records() == {"a": {"note": "again"}}


@dataclass
class Expected:
    """The expected state of a record, in the words of the contract alone."""

    fields: dict[str, tuple[Any, int]] = field(
        default_factory=dict
    )  # value and revision of each field
    revision: int = 0
    created: int = 0
    live: bool = False

    def verdict(self, made: dict[str, Any], next_revision: int) -> tuple[str, Any]:
        """Return the verdict on a mutation and the conflicting fields; this record moves on."""
        base, moved = made["baseRevision"], self.revision > made["baseRevision"]
        if made["op"] == "delete":
            if not self.live:
                return "merged", None
            if moved:
                return "conflicted", "*"
            self.fields, self.live, self.revision = {}, False, next_revision
            return "applied", None
        ((name, value),) = made["set"].items()
        if not self.live:
            if made["op"] == "patch" or moved:
                return "conflicted", "*"
            self.fields, self.live = {name: (value, next_revision)}, True
            self.revision = self.created = next_revision
            return "applied", None
        held, changed_at = self.fields.get(name, (None, self.created))
        if held == value:
            return "merged", None
        is_free = made["op"] == "create" and name not in self.fields
        if not is_free and changed_at > base:
            return "conflicted", [name]
        self.fields[name] = (value, next_revision)
        self.revision = next_revision
        return ("merged" if moved else "applied"), None


@pytest.mark.parametrize("seed", range(2), ids=lambda seed: f"fault 37: seed {seed}")
def test_three_devices_at_random(world: World, seed: int) -> None:
    """fault 37: edits, deletions and recreations of a record from any last seen state."""
    chance, expected = Random(seed), Expected()
    devices = [world.device(name, name) for name in ("ana", "ben", "cyd")]
    met = set()
    for _ in range(80):
        device = chance.choice(devices)
        if chance.random() < 0.4:
            device.pull()
        seen = device.since if chance.random() < 0.7 else chance.randrange(device.since + 1)
        name, value = chance.choice(["note", "site"]), chance.choice("xyz")
        make: Any = chance.choices((create, patch), (1, 3))[0]
        made = (
            delete("a", base=seen)
            if chance.random() < 0.25
            else make("a", base=seen, **{name: value})
        )
        wanted = expected.verdict(made, world.revision + 1)
        since = device.since
        got = only_verdict(device.push(made))
        device.since = (
            since  # an answered device has not seen the answer's record: another day, another base
        )
        assert (got["verdict"], got.get("fields")) == wanted, made
        met.add((made["op"], got["verdict"]))
        stored = {name: value for name, (value, _) in expected.fields.items()}
        assert world.records() == ({"a": stored} if expected.live else {})
    assert {
        ("patch", "conflicted"),
        ("patch", "applied"),
        ("delete", "applied"),
        ("create", "applied"),
    } <= met


@pytest.mark.parametrize("seed", range(3), ids=lambda seed: f"fault 36: seed {seed}")
def test_poison_at_random_blocks_nothing(bare_engine: sa.Engine, seed: int) -> None:
    """fault 36: every good mutation of a batch is applied beside any other, and every poison has a
    reason."""
    chance = Random(seed)
    world, device = guarded_world(bare_engine)
    before = world.records()
    good: dict[str, Any] = {}
    for number in range(15):
        batch = []
        for place in range(chance.randint(1, 12)):
            if chance.random() < 0.5:
                name = f"good-{number}-{place}"
                good[name] = {"note": f"{chance.random()}"}
                batch.append(create(name, **good[name]))
            else:
                batch.append(poison(chance))
        answer = device.push(*batch)
        for made, verdict in zip(batch, answer["verdicts"], strict=True):
            assert (verdict["verdict"] == "applied") == str(made["id"]).startswith("good-")
            assert (
                verdict["verdict"] in ("applied", "merged", "conflicted")
                or verdict["reason"]["message"]
            )
        assert world.records() == before | good


def poison(chance: Random) -> dict[str, Any]:
    """A hostile mutation that can be written as JSON."""
    while True:
        made = hostile_mutation(chance, "plugin")
        try:
            json.dumps(made, allow_nan=False)
        except ValueError:
            continue
        return made


def test_parent_that_is_missing_is_no_reason_to_lose_the_child(world: World) -> None:
    """fault 37: records know no foreign keys: a child may come before the parent, and is kept."""
    device = world.device()
    assert (
        only_verdict(device.push(create("task", site="site-that-comes-later")))["verdict"]
        == "applied"
    )
    assert (
        only_verdict(device.push(create("site-that-comes-later", note="n")))["verdict"] == "applied"
    )
    assert (
        only_verdict(device.push(mutation("patch", "task", base=1, set={"note": "n"})))["verdict"]
        == "applied"
    )
