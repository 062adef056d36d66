"""fault 66, 67: only the server's own word renews the epoch, and separates lives of the store."""

from __future__ import annotations

import copy
import itertools
import json
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa
from world import NOW, Device, KeptEpoch, World, create, only_verdict, patch

from airflow_updraft.exchange.entry import RECEIPTS_KEPT
from airflow_updraft.exchange.proof import Proofs
from airflow_updraft.store import tables
from airflow_updraft.sync import invariants, run

HUGE = 2**53 - 1


@pytest.fixture
def world(bare_engine: sa.Engine) -> World:
    return World(bare_engine, keeper=KeptEpoch(), proofs=Proofs("outside the store"))


def claims(device: Device) -> list[dict[str, Any]]:
    """Return claims to make everybody read again, with and without a proof of something else."""
    ahead = {"number": 9, "nonce": "n9"}
    lies: list[dict[str, Any]] = [
        {"since": HUGE},
        {"floor": HUGE},
        {"since": device.since + 1},
        {"last": ahead},
        {"last": ahead, "since": 1, "replicaId": "unknown"},
        {"since": 1, "replicaId": "another unknown"},
        {"floor": 1, "replicaId": "a third unknown"},
    ]
    return lies + [
        lie | {"proof": proof}
        for lie in lies
        for proof in (None, "", "9.9.9.x.y", "é", 7, HUGE * "")
    ]


@pytest.mark.parametrize(
    "proofs", [True, False], ids=["case B4: with proofs", "case B4: without a secret"]
)
def test_case_b4_a_false_claim_makes_the_claimant_alone_read_again(
    world: World, proofs: bool
) -> None:
    """case B4: the epoch stays, another device neither re-reads nor waits, after any claim of a
    viewer."""
    world.proofs = world.proofs if proofs else None
    ana, vera = world.device("r1"), world.device("r2", "vera")
    ana.push(create("a", note="n"))
    for step, lie in enumerate(claims(vera)):
        answer = world.exchange(vera.request(**lie), "vera")
        if answer["epoch"] is not None:
            assert answer["epoch"].startswith("e1"), lie
        pushed = ana.push(patch("a", base=ana.since, note=f"{step}"))
        assert (pushed["epoch"], pushed["reset"], only_verdict(pushed)["verdict"]) == (
            "e1",
            False,
            "applied",
        ), lie
    assert world.keeper
    assert (world.keeper.epoch, ana.pull()["reset"]) == ("e1", False)
    assert invariants.verify(world.engine)["violations"] == []


def test_case_b4_the_claimant_goes_on_after_it_has_read_again(world: World) -> None:
    """case B4: unsent work is folded back, not lost: the batch is refused by epoch, and travels
    once more."""
    device = world.device()
    device.push(create("a", note="n"))
    device.since = 99
    refused = device.push(patch("a", base=1, note="m"))
    assert (refused["refused"], refused["reset"], refused["changes"][0]["record"]["note"]) == (
        "epoch",
        True,
        "n",
    )
    again = device.push(patch("a", base=1, note="m"))
    assert (again["reset"], only_verdict(again)["verdict"]) == (False, "applied")
    assert device.pull()["reset"] is False


def test_case_b4_requests_of_before_the_branch_have_no_effect(world: World) -> None:
    """case B4: requests on their way when the claimant read again name an epoch that is over for
    that replica."""
    device = world.device()
    device.push(create("a", note="n"))
    device.since = 99
    on_its_way = device.batch_request(patch("a", base=1, note="stale"))
    device.pull()
    assert world.exchange(on_its_way)["refused"] == "epoch"
    assert only_verdict(device.push(patch("a", base=1, note="m")))["verdict"] == "applied"
    assert world.exchange(on_its_way)["refused"] == "fork"
    assert world.records()["a"] == {"note": "m"}


def test_case_b4_a_users_own_proofs_renew_nothing_in_any_order(world: World) -> None:
    """case B4: every proof ever given to a replica, shown again beside any claim, belongs to this
    life."""
    ana, ben = world.device("r1"), world.device("r2", "ben")
    given: list[str] = []
    for number in range(RECEIPTS_KEPT + 4):
        ben.push(create(f"b{number}"))
        assert ben.proof
        given.append(ben.proof)
        if number % 5 == 0:
            ben.since = HUGE
            ben.pull()
            given.append(str(ben.proof))
    more: list[dict[str, Any]] = [{}, {"since": HUGE}, {"last": {"number": HUGE, "nonce": "n"}}]
    for proof, lie in itertools.product(given, more):
        answer = world.exchange(ben.request(**lie) | {"proof": proof}, "ben")
        assert answer["epoch"].startswith("e1"), (proof, lie)
    assert ana.pull()["epoch"] == "e1"


def test_case_b4_a_replica_whose_row_was_pruned_makes_nobody_else_read_again(world: World) -> None:
    """case B4: rows of replicas that never sent anything may go; their return is no sign of a
    restore."""
    other, reader = world.device("r1"), world.device("r2", "vera")
    other.push(create("a", note="n"))
    for _ in range(3):
        reader.pull()
    with world.engine.begin() as conn:
        conn.execute(tables.replicas.delete().where(tables.replicas.c.replica_id == "r2"))
    again = copy.copy(reader)
    again.since = again.floor = 0
    assert world.exchange(again.request(proof=None), "vera")["epoch"] == "e1"
    assert world.exchange(reader.request(), "vera")["epoch"].startswith("e1.")
    assert other.pull()["epoch"] == "e1"


@pytest.mark.parametrize("part", ["replica_id", "user", "epoch", "told", "key"])
def test_proof_is_of_one_replica_user_and_epoch_and_of_this_secret(world: World, part: str) -> None:
    """case B4: a proof of another replica, or not by the server, is none; a new secret ends all
    proofs."""
    device = world.device()
    device.push(create("a", note="n"))
    proof = str(device.proof)
    backup = world.snapshot()
    device.push(create("b"))
    world.restore(backup)
    lie = device.request()
    match part:
        case "replica_id":
            lie["proof"] = world.device("r2").proof
        case "user":
            other = world.device("r3", "ben")
            other.push(create("c"))
            lie["proof"] = other.proof
        case "epoch":
            world.server({"renew": True})
            device.epoch = "e2"
            lie = device.request(proof=proof)
        case "told":
            lie["proof"] = f"9{proof}"
        case "key":
            world.proofs = Proofs("a new secret")
    epoch = world.snapshot()["updraft_meta"][0]["epoch"]
    assert world.exchange(lie)["epoch"].startswith(f"{epoch}."), part


def test_branch_of_the_epoch_counts_as_the_epoch_to_operators(world: World) -> None:
    """case B4: a liar does not show as a device that has yet to read again after a restore."""
    other, liar = world.device("r1"), world.device("r2", "vera")
    liar.since = HUGE
    liar.pull()
    report = run.report(
        world.engine, world.collections, {name: {} for name in world.collections}, NOW
    )
    assert report["otherEpochCount"] == 0
    world.server({"renew": True})
    other.pull()
    report = run.report(
        world.engine, world.collections, {name: {} for name in world.collections}, NOW
    )
    assert report["otherEpochCount"] == 1


def test_true_proof_renews_the_epoch_for_everybody(world: World) -> None:
    """case B4: the store was restored, and the device shows a later answer's proof."""
    device, other = world.device("r1"), world.device("r2", "ben")
    device.push(create("a", note="n"))
    backup = world.snapshot()
    device.push(create("b"))
    world.restore(backup)
    assert device.pull()["epoch"] == "e2"
    assert other.pull()["epoch"] == "e2"
    assert world.keeper
    assert world.keeper.epoch == "e2"


@dataclass
class Wired(Device):
    """A device with the contents of a few records, and a wire on which answers wait."""

    held: dict[str, tuple[int, dict[str, Any] | None]] = field(default_factory=dict)
    sealed: dict[str, Any] | None = None
    wire: list[tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=list)
    unverified: set[str] = field(default_factory=set)

    def ask(self, chance: Random) -> None:
        """Send the batch, or make another, or pull; the answer waits on the wire."""
        if (
            self.sealed is None
            and self.epoch is not None
            and not self.unverified
            and chance.random() < 0.6
        ):
            record_id = chance.choice("ab")
            revision, record = self.held.get(record_id, (0, None))
            note = f"{self.replica_id}{chance.randrange(10**6)}"
            edit = (
                patch(record_id, base=revision, note=note)
                if record
                else create(record_id, base=revision, note=note)
            )
            # Only the part of a request that is frozen with the batch.
            self.sealed = {
                key: value
                for key, value in self.batch_request(edit, nonce=note).items()
                if key in FROZEN
            }
        request = self.request(**(self.sealed or {}))
        self.wire.append((request, self.world.exchange(request, self.user)))

    def hear(self, index: int) -> None:
        """Take an answer from the wire, if meant for the device's state, as in sw/settle/."""
        _, answer = self.wire.pop(index)
        echo = answer["echo"]
        batch = (self.sealed or {}).get("hash")
        if echo["epoch"] != self.epoch or echo["last"] != self.last or echo["hash"] != batch:
            return
        self.proof = answer.get("proof")
        if answer.get("refused") == "fork":
            # A backup may hold a batch that was folded back since, and sealed anew.
            self.replica_id, self.epoch, self.last, self.since, self.floor = (
                f"{self.replica_id}f",
                None,
                None,
                0,
                0,
            )
            self.sealed, self.proof = None, None
            return
        if self.sealed:
            self._settle(answer, self.sealed)
            self.sealed = None
        if echo["since"] != self.since or echo["floor"] != self.floor:
            return
        if answer["reset"]:
            self.epoch, self.floor, self.unverified = (
                answer["epoch"],
                answer["start"],
                set(self.held),
            )
        for change in answer["changes"]:
            self.held[change["id"]] = (change["revision"], change.get("record"))
            self.unverified.discard(change["id"])
        self.since = answer["upTo"]
        for record_id in self.unverified:
            del self.held[record_id]
        self.unverified = set()

    def _settle(self, answer: dict[str, Any], sealed: dict[str, Any]) -> None:
        if answer.get("refused") == "epoch":
            return  # a person might do this again
        batch = json.loads(sealed["batch"])
        self.last = {"number": batch["number"], "nonce": batch["nonce"]}
        for verdict, mutation in zip(answer["verdicts"], batch["mutations"], strict=True):
            record = verdict.get("record", {"id": verdict["id"]} | mutation["set"])
            self.held[verdict["id"]] = (verdict["revision"], record)


FROZEN = {"batch", "hash"}


@pytest.mark.parametrize("seed", range(30), ids=lambda seed: f"case A18: seed {seed}")
def test_case_a18_answers_of_a_lost_life_are_noticed(world: World, seed: int) -> None:
    """case A18: three devices, late or lost answers, a store that goes back: all agree at last."""
    chance = Random(seed)
    devices = [Wired(world, f"r{index}", f"user{index}") for index in range(3)]
    backup = None
    for _ in range(120):
        one = chance.choice(devices)
        match chance.choices(("ask", "hear", "backup", "restore"), (8, 6, 1, 1))[0]:
            case "ask":
                one.ask(chance)
            case "hear" if one.wire:
                one.hear(chance.randrange(len(one.wire)))
            case "backup":
                backup = world.snapshot()
            case "restore" if backup:
                world.restore(backup)
    for one in devices:
        for _ in range(4):
            one.wire.clear()
            quiet = Random(0)
            quiet.random = lambda: 1.0  # type: ignore[method-assign]
            one.ask(quiet)
            one.hear(0)
    shown = {i: {"id": i} | fields for i, fields in world.records().items()}
    for one in devices:
        assert {i: record for i, (_, record) in one.held.items() if record} == shown, one.replica_id
