"""Pruning: forgotten rows, their time, and the readers that may hold pruning back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from world import NOW, World, create, delete, patch

from airflow_updraft.dag_api import consumer
from airflow_updraft.errors import ConsumerError, TableSyncError
from airflow_updraft.store.cursors import EXPIRED, TARGET
from airflow_updraft.store.tables import consumers, records
from airflow_updraft.sync import maintenance
from airflow_updraft.sync.invariants import verify
from airflow_updraft.sync.maintenance import prune_store


def old(world: World, days: float, *, up_to: int | None = None) -> None:
    """Label everything written so far as that old."""
    some = (
        records.update() if up_to is None else records.update().where(records.c.revision <= up_to)
    )
    with world.engine.begin() as conn:
        conn.execute(some.values(updated_at=NOW - timedelta(days=days)))


def prune(
    world: World, tombstone_days: float = 90, consumer_days: float = 365, now: datetime = NOW
) -> dict[str, Any]:
    report = prune_store(world.engine, now, tombstone_days, consumer_days)
    assert verify(world.engine)["violations"] == []
    return report


def reader(world: World, name: str, revision: int, collection: str = "asks") -> None:
    with world.engine.begin() as conn:
        conn.execute(consumers.insert().values(name=name, collection=collection, revision=revision))


def ids(world: World) -> list[str]:
    return [row["id"] for row in world.snapshot()["updraft_records"]]


def test_old_tombstones_are_forgotten_and_young_ones_kept(world: World) -> None:
    device = world.device()
    device.push(create("a"), create("b"), create("c"))
    device.push(delete("a", base=1))
    old(world, 91)
    device.push(delete("b", base=2))
    assert prune(world) == {
        "horizon": 4,
        "tombstones": 1,
        "gone": 0,
        "heldBackBy": [],
        "expired": [],
    }
    assert ids(world) == ["b", "c"]


def test_device_that_was_away_longer_re_reads_and_keeps_what_it_captured(world: World) -> None:
    ana, bob = world.device("r1", "ana"), world.device("r2", "bob")
    ana.push(create("a"), create("b"))
    bob.pull()
    ana.push(delete("a", base=1))
    old(world, 91)
    prune(world)
    answer = bob.push(patch("b", base=2, note="captured while away"))
    assert answer["reset"] is True
    assert answer["verdicts"][0]["verdict"] == "applied"
    assert {c["id"]: c["record"] for c in answer["changes"]} == {
        "b": {"id": "b", "note": "captured while away"}
    }
    assert ana.pull()["reset"] is False


def test_horizon_does_not_move_for_nothing(world: World) -> None:
    """A moved horizon would make devices read everything again."""
    device = world.device()
    device.push(create("a"), create("b"))
    device.push(delete("a", base=1))
    old(world, 91)
    first = prune(world)
    device.push(patch("b", base=2, note="n"))
    old(world, 91)
    assert prune(world)["horizon"] == first["horizon"] == 3


def test_gone_entries_are_forgotten_with_the_tombstones_of_their_time(world: World) -> None:
    ana = world.device("r1", "ana")
    ana.push(create("d", collection="diary"))
    world.server({"give": {"collection": "diary", "id": "d", "owner": "bob"}})
    assert prune(world)["gone"] == 0
    old(world, 91)
    assert prune(world)["gone"] == 1
    assert ana.pull(since=1)["reset"] is True


def test_recent_change_under_an_old_label_only_makes_devices_re_read(world: World) -> None:
    """A server's clock that was wrong: labels choose the horizon, nothing else."""
    device = world.device()
    device.push(create("a"), create("b"))
    device.push(delete("a", base=1))
    with world.engine.begin() as conn:
        conn.execute(
            records.update()
            .where(records.c.id == "a")
            .values(updated_at=NOW - timedelta(days=5000))
        )
    assert prune(world)["tombstones"] == 0


@pytest.mark.parametrize("name", [TARGET, "score"])
def test_reader_holds_back_what_it_has_not_read_and_is_named(world: World, name: str) -> None:
    device = world.device()
    device.push(create("a"), create("b"), create("c"))
    device.push(delete("a", base=1))
    device.push(delete("b", base=2))
    reader(world, name, 4)
    old(world, 91)
    report = prune(world)
    assert (report["tombstones"], report["horizon"]) == (1, 4)
    assert report["heldBackBy"] == [{"name": name, "collection": "asks", "first_unread": 5}]
    assert ids(world) == ["b", "c"]


def test_reader_of_a_quiet_collection_and_the_bell_hold_nothing_back(world: World) -> None:
    device = world.device()
    device.push(create("q", collection="clients"), create("a"))
    device.push(delete("a", base=2))
    reader(world, "score", 1, "clients")
    reader(world, "bell", 0)
    old(world, 91)
    assert (prune(world)["tombstones"], ids(world)) == (1, ["q"])


def test_reader_that_is_away_too_long_is_told_and_begins_anew(world: World) -> None:
    device = world.device()
    device.push(create("a"), create("b"))
    with consumer.changes(world.engine, "asks", "score", 100):
        pass
    device.push(delete("a", base=1))
    old(world, 366)
    report = prune(world)
    assert (report["tombstones"], report["heldBackBy"]) == (1, [])
    assert report["expired"] == prune(world)["expired"] == [{"name": "score", "collection": "asks"}]
    with (
        pytest.raises(ConsumerError, match="begin anew"),
        consumer.changes(world.engine, "asks", "score", 100),
    ):
        pass
    consumer.restart(world.engine, "asks", "score")
    with consumer.changes(world.engine, "asks", "score", 100) as changes:
        assert [change.id for change in changes] == ["b"]


def test_target_that_is_away_too_long_is_told(world: World) -> None:
    from dataclasses import replace

    from airflow_updraft.collections import TableRef
    from airflow_updraft.sync.targets import export_target

    other = sa.create_engine("sqlite://")
    with other.begin() as conn:
        conn.exec_driver_sql("CREATE TABLE t (id TEXT PRIMARY KEY, note TEXT)")
    reader(world, TARGET, EXPIRED)
    ref = TableRef("somewhere", "t", "id")
    with pytest.raises(TableSyncError, match="deletions are forgotten"):
        export_target(world.engine, other, ref, replace(world.collections["asks"], target=ref))


def test_more_tombstones_than_a_chunk_are_all_forgotten(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "CHUNK_TOMBSTONES", 3)
    device = world.device()
    device.push(*[create(f"r{number}") for number in range(10)])
    device.push(*[delete(f"r{number}", base=number + 1) for number in range(10)])
    old(world, 91)
    assert (prune(world)["tombstones"], ids(world)) == (10, [])


def test_ledger_is_never_pruned_so_a_resend_after_years_has_no_second_effect(world: World) -> None:
    device = world.device()
    request = device.batch_request(create("a", visits=1))
    first = world.exchange(request)
    old(world, 3650)
    with world.engine.begin() as conn:
        conn.execute(sa.text("UPDATE updraft_replicas SET last_seen = '2016-01-01 00:00:00'"))
    prune(world)
    assert world.exchange(request)["verdicts"] == first["verdicts"]
    assert world.revision == 1
