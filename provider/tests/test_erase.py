"""Erasure: no copy of a person's or record's content stays, and devices drop what they hold."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from world import NOW, World, create, delete, mutation, only_verdict, patch

from airflow_updraft import airflow_bridge, cli
from airflow_updraft.dag_api import consumer
from airflow_updraft.erasure import erase as erasing
from airflow_updraft.erasure import records as erased_records
from airflow_updraft.erasure import verdicts as swept_verdicts
from airflow_updraft.erasure.subject import Subject
from airflow_updraft.exchange import exchange as exchange_module
from airflow_updraft.store.tables import refused_changes, refused_rows, replicas
from airflow_updraft.sync.invariants import verify
from airflow_updraft.sync.maintenance import prune_store

SECRET = "planted-4711"
ANA = Subject(user="ana")
RECORD = Subject(record=("asks", "a"))


@pytest.fixture
def full(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "")
    monkeypatch.setattr(airflow_bridge, "server_store_engine", lambda: world.engine)
    return filled(world)


def filled(world: World) -> World:
    """Put Ana's secret into each place that keeps content."""
    ana, ben = world.device("phone", "ana"), world.device("r2", "ben")
    ana.push(
        create("a", note=SECRET),
        create("b", note=SECRET),
        create("d", collection="diary", site=SECRET),
    )
    ben.push(create("bens", note="of Ben"))
    # Ben's row keeps Ana's records, of one that lives, one that is deleted, one that is forgotten.
    ben.push(
        patch("a", base=0, note="mine"),
        patch("b", base=0, note="mine"),
        patch("b", base=0, visits="no number"),
    )
    ana.pull()
    bad = create("bad", status=SECRET, data={SECRET: SECRET})
    ana.send(
        ana.batch_request(bad, patch("a", base=1, site=SECRET), patch("bens", base=4, site="x"))
        | {"device": {"unsent": 1, "app": SECRET}}
    )
    ana_too = world.device("tablet", "ana")
    ana_too.push(delete("b", base=2))
    set_aside(world, "a", 5)
    return world


def set_aside(world: World, record_id: str, revision: int) -> None:
    with world.engine.begin() as conn:
        name = {"collection": "asks", "id": record_id, "revision": revision}
        conn.execute(refused_changes.insert().values(consumer="score", message=SECRET, **name))
        words = {"message": SECRET, "table_shape": "s"}
        conn.execute(refused_rows.insert().values(**name, **words))


def text(world: World) -> str:
    """All tables, as text."""
    return repr(world.snapshot())


def command(*words: str) -> int:
    return cli.main(["erase", *words])


def tombstones(world: World) -> dict[str, int]:
    return {
        row["id"]: row["revision"] for row in world.snapshot()["updraft_records"] if row["deleted"]
    }


@pytest.mark.parametrize("chunk", [1, 500])
def test_secret_of_a_user_is_nowhere_afterwards(
    full: World, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(erased_records, "CHUNK_ROWS", chunk)
    monkeypatch.setattr(swept_verdicts, "CHUNK_ROWS", chunk)
    assert SECRET in text(full)
    assert command("--user", "ana", "--yes") == 0
    assert SECRET not in text(full)
    assert full.records()["bens"] == {"note": "of Ben", "site": "x"}
    assert verify(full.engine)["violations"] == []
    assert {row["updated_by"] for row in full.snapshot()["updraft_records"]} == {"erased"}


def test_each_driver_writes_it(every_engine: sa.Engine) -> None:
    world = filled(World(every_engine))
    erasing.erase(world.engine, ANA, NOW)
    assert SECRET not in text(world)
    assert verify(world.engine)["violations"] == []


def test_fault_81_batch_decided_before_the_erasure_and_written_after_it(
    full: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its verdict would bring the content back into the ledger."""
    ben = full.device("r9", "ben")
    plan_batch = exchange_module.plan_batch

    def plan_then_erase(*args: Any) -> Any:
        plan = plan_batch(*args)
        erasing.erase(full.engine, ANA, NOW)
        return plan

    monkeypatch.setattr(exchange_module, "plan_batch", plan_then_erase)
    answer = ben.push(patch("a", base=0, note="mine"))
    assert (only_verdict(answer)["verdict"], only_verdict(answer)["record"]) == ("conflicted", None)
    assert SECRET not in text(full) + repr(answer)


def test_secret_of_a_record_is_nowhere_and_other_records_stay(full: World) -> None:
    erasing.erase(full.engine, ANA, NOW)
    full.device("r3", "ben").push(create("x", note=SECRET), create("y", note="stays"))
    full.device("r4", "eve").push(patch("x", base=0, note="mine"))
    full.device("r5", "eve").push(patch("y", base=0, note="mine"))
    set_aside(full, "x", full.revision)
    assert SECRET in text(full)
    assert command("--record", "asks", "x", "--yes") == 0
    assert SECRET not in text(full)
    assert full.records()["y"] == {"note": "stays"}
    assert "'note': 'stays'" in repr(kept(full, "r5"))
    assert verify(full.engine)["violations"] == []


def kept(world: World, replica_id: str) -> Any:
    (row,) = [
        row for row in world.snapshot()["updraft_replicas"] if row["replica_id"] == replica_id
    ]
    return row["verdicts"]


def test_content_of_forgotten_records_leaves_the_ledger(full: World) -> None:
    """A tombstone that was pruned: nobody knows its owner, and the ledger may hold its content."""
    full.server({"delete": {"collection": "asks", "id": "a"}})
    full.server({"prune": full.revision})
    assert SECRET in repr(kept(full, "r2"))
    erasing.erase(full.engine, ANA, NOW)
    assert SECRET not in text(full)


def test_device_learns_of_the_deletion_with_its_next_pull(full: World) -> None:
    ben = full.device("r9", "ben")
    assert "a" in full.records()
    before = full.revision
    erasing.erase(full.engine, ANA, NOW)
    told = {change["id"]: change for change in ben.pull()["changes"]}
    assert told["a"] == {
        "collection": "asks",
        "id": "a",
        "revision": tombstones(full)["a"],
        "deleted": True,
    }
    assert tombstones(full)["a"] > before


def test_private_record_leaves_its_owners_device(full: World) -> None:
    ana = full.device("phone 2", "ana")
    erasing.erase(full.engine, ANA, NOW)
    assert {c["id"] for c in ana.pull()["changes"] if c.get("deleted")} >= {"a", "d"}


@pytest.mark.parametrize(
    ("edit", "verdict"),
    [
        (patch("a", base=5, note="unsent"), "conflicted"),
        (mutation("patch", "a", base=5, inc={"visits": 1}), "conflicted"),
        (delete("a", base=5), "merged"),
    ],
)
def test_fault_81_unsent_edit_meets_a_deletion(
    full: World, edit: dict[str, Any], verdict: str
) -> None:
    ben = full.device("r9", "ben")
    erasing.erase(full.engine, RECORD, NOW)
    answer = only_verdict(ben.push(edit))
    told = (answer["verdict"], answer["revision"], answer["record"])
    assert told == (verdict, tombstones(full)["a"], None)


def test_fault_81_resent_batch_is_answered_as_for_a_deleted_record(world: World) -> None:
    """The answer was lost, then erased: no second effect, no content, and a sound verdict."""
    ana, ben = world.device("phone", "ana"), world.device("r2", "ben")
    ana.push(create("a", note=SECRET, visits=1), create("c", note=SECRET), create("e", note=SECRET))
    ben.pull()
    ana.push(patch("a", base=1, note=f"{SECRET} again"), patch("c", base=2, site="x"))
    lost = ben.batch_request(
        patch("a", base=1, note="mine"),
        mutation("patch", "c", base=2, inc={"visits": 1}),
        mutation("patch", "e", base=3, inc={"note": 1}),
        create("new", note="of Ben"),
    )
    first = world.exchange(lost, "ben")
    assert [v["verdict"] for v in first["verdicts"]] == [
        "conflicted", "merged", "rejected", "applied"
    ]  # fmt: skip
    erasing.erase(world.engine, ANA, NOW)
    revision = world.revision
    again = ben.send(lost)
    at = tombstones(world)
    conflicted, merged, rejected, applied = again["verdicts"]
    assert conflicted == {
        "collection": "asks",
        "id": "a",
        "verdict": "conflicted",
        "revision": at["a"],
        "record": None,
        "fields": "*",
    }
    assert (merged["verdict"], merged["revision"], merged["record"]) == ("merged", at["c"], None)
    assert (rejected["revision"], rejected["record"]) == (at["e"], None)
    kind = first["verdicts"][2]["reason"]["kind"]
    assert rejected["reason"] == {"kind": kind, "message": swept_verdicts.WORDS}
    assert applied == first["verdicts"][3]
    assert world.revision == revision
    assert SECRET not in repr(again)
    assert {c["id"] for c in again["changes"] if c.get("deleted")} == {"a", "c", "e"}


def test_record_made_anew_keeps_its_later_verdicts(full: World) -> None:
    """A second erasure leaves nothing, too, and what is written after an erasure is no error."""
    erasing.erase(full.engine, RECORD, NOW)
    eve = full.device("r7", "eve")
    eve.push(create("a", base=full.revision, note="anew"))
    full.device("r8", "ben").push(patch("a", base=0, note="mine"))
    assert "anew" in repr(kept(full, "r8"))
    erasing.erase(full.engine, RECORD, NOW)
    assert "anew" not in text(full)


def test_consumer_and_target_learn_of_it_once_more_where_they_had_set_it_aside(
    full: World,
) -> None:
    with consumer.changes(full.engine, "asks", "score", 100) as changes:
        assert changes
    set_aside(full, "b", tombstones(full)["b"])
    found = erasing.find(full.engine, ANA)
    assert (found.refused_rows, found.refused_changes, found.tombstones) == (2, 2, 1)
    erasing.erase(full.engine, ANA, NOW)
    with consumer.changes(full.engine, "asks", "score", 100) as changes:
        assert [(change.id, change.record) for change in changes] == [("a", None), ("b", None)]


def test_dry_run_and_missing_yes_change_nothing_and_count(
    full: World, capsys: pytest.CaptureFixture[str]
) -> None:
    before = full.snapshot()
    assert command("--user", "ana", "--dry-run") == 0
    out = capsys.readouterr().out
    for line in (
        "Records: 2 (asks 1, diary 1)",
        "Verdicts in the ledger, also of forgotten records: 4",
        "Reports of devices: 1",
        "Rows refused by targets: 1",
        "Changes set aside by consumers: 1",
        "Records of others that the user wrote last: 1.",
    ):
        assert line in out
    assert command("--user", "ana") == 2
    out, err = capsys.readouterr()
    assert "XComs" in out
    assert "add --yes" in err
    assert full.snapshot() == before


def test_second_erasure_finds_nothing(full: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("--user", "ana", "--yes") == 0
    assert "conf of runs of updraft_exchange" in capsys.readouterr().out
    before = full.snapshot()
    assert command("--user", "ana", "--yes") == 0
    assert "The store holds nothing of 'ana'." in capsys.readouterr().out
    assert full.snapshot() == before


@pytest.mark.parametrize("at", range(1, 7))
def test_fault_81_erasure_killed_anywhere_goes_on(
    full: World, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """fault 81, at each transaction."""
    monkeypatch.setattr(erased_records, "CHUNK_ROWS", 1)
    run, count = erased_records.run_transaction, 0

    def killed(*args: Any, **kwargs: Any) -> Any:
        nonlocal count
        count += 1
        if count == at:
            raise KeyboardInterrupt
        return run(*args, **kwargs)

    with monkeypatch.context() as until_killed:
        for module in (erased_records, swept_verdicts):
            until_killed.setattr(module, "run_transaction", killed)
        with pytest.raises(KeyboardInterrupt):
            erasing.erase(full.engine, ANA, NOW)
    assert verify(full.engine)["violations"] == []
    erasing.erase(full.engine, ANA, NOW)
    assert SECRET not in text(full)


def test_tombstones_of_an_erasure_are_pruned_as_any(full: World) -> None:
    erasing.erase(full.engine, ANA, NOW)
    with full.engine.begin() as conn:
        conn.execute(sa.text("DELETE FROM updraft_consumers"))
    assert prune_store(full.engine, NOW, -1, -1)["tombstones"] == 3
    assert verify(full.engine)["violations"] == []


def test_devices_stay_known(full: World) -> None:
    """The row is what tells a resend from a new batch: its number, nonce and hash stay."""
    names = ("replica_id", "user", "number", "nonce", "hash", "told")
    query = sa.select(*(replicas.c[name] for name in names)).order_by(replicas.c.replica_id)
    with full.engine.connect() as conn:
        before = conn.execute(query).all()
    erasing.erase(full.engine, ANA, NOW)
    with full.engine.connect() as conn:
        assert conn.execute(query).all() == before


@pytest.mark.parametrize(
    "words", [(), ("--user", "ana", "--record", "asks", "a"), ("--yes",)], ids=repr
)
def test_wrong_words_erase_nothing(
    full: World, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    before = full.snapshot()
    assert command(*words) == 2
    assert "one of both" in capsys.readouterr().err
    assert full.snapshot() == before


def test_airflows_own_command_line_has_it() -> None:
    (group,) = cli.airflow_commands()
    assert "erase" in [getattr(one, "name", "") for one in group.subcommands]
