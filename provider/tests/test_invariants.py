"""Each broken invariant of the store is found, and no healthy store is accused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from world import World, create, delete, mutation, patch

from airflow_updraft.store.cursors import EXPIRED
from airflow_updraft.store.tables import consumers, meta, records, replicas, revoked_views
from airflow_updraft.sync.invariants import verify


def lived_in(world: World) -> World:
    """A store with everything: edits, removals, tombstones, rejections, a void, a revoked view,
    consumers."""
    ana, bob = world.device("r1", "ana"), world.device("r2", "bob")
    ana.push(create("a", note="n", visits=1), create("b"), create("d", collection="diary"))
    ana.push({**patch("a", base=1, site="A"), "removed": ["note"]}, delete("b", base=2))
    ana.push(mutation("patch", "a", base=4, inc={"visits": 2}), create("x", status="purple"))
    ana.push(create("b", base=5, note="again"))
    world.exchange(bob.request(void={"number": 1, "nonce": "v"}), "bob")
    world.device("r3", "eve")
    world.server({"give": {"collection": "diary", "id": "d", "owner": "bob"}})
    world.server({"put": {"collection": "asks", "record": {"id": "e"}}})
    world.server({"delete": {"collection": "asks", "id": "e"}})
    world.server({"put": {"collection": "asks", "record": {"id": "f", "note": "é"}}})
    rows = [("score", 3), ("target", EXPIRED), ("bell", 0)]
    with world.engine.begin() as conn:
        conn.execute(
            consumers.insert(), [{"name": n, "collection": "asks", "revision": r} for n, r in rows]
        )
    return world


def test_healthy_store_is_not_accused(world: World) -> None:
    assert verify(world.engine)["violations"] == []
    report = verify(lived_in(world).engine)
    assert report["violations"] == []
    assert report["checked"] == {
        "updraft_records": 5,
        "updraft_replicas": 3,
        "updraft_gone": 1,
        "updraft_consumers": 3,
    }
    assert json.loads(json.dumps(report)) == report


def record(record_id: str, **values: Any) -> Callable[[sa.Connection], Any]:
    return lambda conn: conn.execute(
        records.update().where(records.c.id == record_id).values(**values)
    )


def replica(replica_id: str, **values: Any) -> Callable[[sa.Connection], Any]:
    return lambda conn: conn.execute(
        replicas.update().where(replicas.c.replica_id == replica_id).values(**values)
    )


def rows(table: sa.Table, **values: Any) -> Callable[[sa.Connection], Any]:
    return lambda conn: conn.execute(table.update().values(**values))


CORRUPTIONS = {
    "revision above the counter": (record("a", revision=99), "1 to the counter", "'a'"),
    "revision zero": (record("a", revision=0), "1 to the counter", "'a'"),
    "counter set back": (rows(meta, revision=3), "1 to the counter", "'f'"),
    "one revision twice": (record("f", revision=10), "no two records", "'f'"),
    "created later": (record("a", created=90), "created at or before", "'a'"),
    "field revision above": (
        record("a", field_revisions={"visits": 99}),
        "field's revision",
        "'visits'",
    ),
    "field revision before the creation": (
        record("f", field_revisions={"note": 1}),
        "field's revision",
        "'note'",
    ),
    "field revision that is text": (
        record("a", field_revisions={"visits": "x"}),
        "field's revision",
        "'visits'",
    ),
    "field revisions that are a list": (
        record("a", field_revisions=[1]),
        "field's revision",
        "'a'",
    ),
    "tombstone with fields": (record("e", fields={"note": "x"}), "tombstone", "'e'"),
    "tombstone with field revisions": (record("a", deleted=True, fields={}), "tombstone", "'a'"),
    "horizon above the counter": (rows(meta, horizon=99), "horizon", "99"),
    "ledger without a nonce": (replica("r1", nonce=None), "ledger", "'r1'"),
    "ledger without verdicts": (replica("r1", verdicts=None), "ledger", "'r1'"),
    "ledger without a hash": (replica("r1", hash=None), "ledger", "'r1'"),
    "ledger with half a hash": (replica("r1", hash="abc"), "ledger", "'r1'"),
    "ledger with verdicts of another shape": (replica("r1", verdicts={}), "ledger", "'r1'"),
    "ledger with a void that was answered": (replica("r1", is_void=True), "ledger", "'r1'"),
    "ledger with a negative number": (replica("r2", number=-1), "ledger", "'r2'"),
    "ledger with a nonce and no number": (replica("r3", nonce="n"), "ledger", "'r3'"),
    "cursor above the counter": (rows(consumers, revision=99), "cursor", "'score'"),
    "cursor below zero": (rows(consumers, revision=-2), "cursor", "'bell'"),
    "gone from its owner": (rows(revoked_views, user="bob"), "gone", "'d'"),
    "gone and unknown": (rows(revoked_views, id="never"), "gone", "'never'"),
    "gone later than it changed": (rows(revoked_views, revision=11), "gone", "'d'"),
}


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_corruption_is_found_and_named_with_what_to_do(world: World, name: str) -> None:
    corrupt, rule, place = CORRUPTIONS[name]
    with lived_in(world).engine.begin() as conn:
        assert corrupt(conn).rowcount >= 1
    violations = verify(world.engine)["violations"]
    (found,) = [violation for violation in violations if rule in violation["rule"]]
    assert any(place in where for where in found["where"])
    assert found["todo"]


def test_what_to_do_about_a_counter_set_back_puts_it_in_order(world: World) -> None:
    with lived_in(world).engine.begin() as conn:
        conn.execute(meta.update().values(revision=3))
    assert len(verify(world.engine)["violations"]) >= 1
    with world.engine.begin() as conn:
        highest = sa.select(sa.func.max(records.c.revision)).scalar_subquery()
        conn.execute(meta.update().values(revision=highest))
    assert verify(world.engine)["violations"] == []


def test_many_violations_are_shown_by_a_few(world: World) -> None:
    world.device().push(*[create(f"r{number}") for number in range(30)])
    with world.engine.begin() as conn:
        conn.execute(meta.update().values(revision=1))
    (found,) = verify(world.engine)["violations"]
    assert len(found["where"]) == 20


def test_store_is_not_accused_of_what_is_being_written(world: World) -> None:
    """The rules are several statements: a write between two of these must not look like a
    violation."""
    from airflow_updraft.sync import invariants

    device = world.device()
    device.push(create("a"))
    with invariants._snapshot(world.engine) as conn:
        assert conn.scalar(sa.select(meta.c.revision)) == 1
        device.push(create("b"))
        assert conn.scalar(sa.select(sa.func.max(records.c.revision))) == 1
    assert verify(world.engine)["checked"]["updraft_records"] == 2


UNFIT: dict[str, dict[str, Any]] = {
    "proto": {"m": {"a": [{"__proto__": {"x": 1}}]}},
    "unnamed": {"m": {"": 1}},
    "number": {"n": 9007199254740993},
    "number-in-a-list": {"l": [[-123456789012345678]]},
    "deep": {"m": json.loads("[" * 32 + "]" * 32)},
    "large": {"l": [1e20] * 5_000},
    "x" * 801: {"n": 1},
}


@pytest.mark.parametrize("record_id", UNFIT, ids=lambda name: name[:20])
def test_record_that_could_not_be_written_any_more_is_named_without_its_values(
    world: World, record_id: str
) -> None:
    """case A12: records of older versions that a device cannot hold or edit are named by id."""
    sound = create(
        "sound",
        note="n",
        data={"list": [1, 2.5, "€" * 50], "big": 2**53 - 1, "e": 1e300, "t": "1" * 30},
    )
    world.device().push(sound, create("unfit"))
    with world.engine.begin() as conn:
        conn.execute(
            records.update()
            .where(records.c.id == "unfit")
            .values(id=record_id, fields=UNFIT[record_id])
        )
    (violation,) = verify(world.engine)["violations"]
    (place,) = violation["where"]
    assert place.startswith(f"collection='asks' id={record_id!r} revision=2 why=")
    assert "123456789012345678" not in place
    assert "9007199254740993" not in place
