"""A plan from before the lock is written only if still right; else the batch is planned again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from world import World, create, delete, mutation, patch

from airflow_updraft.exchange import apply, exchange, records
from airflow_updraft.exchange.optimistic import plan_batch
from airflow_updraft.exchange.rights import Author
from airflow_updraft.store.transaction import transaction

Meanwhile = Callable[[World], Any]


def interrupted(world: World, monkeypatch: pytest.MonkeyPatch, meanwhile: Meanwhile) -> list[bool]:
    """Do something once between the next plan and its lock; return whether each plan still held."""
    held: list[bool] = []
    still_holds = exchange.still_holds

    def look(*args: Any) -> Any:
        ahead = plan_batch(*args)
        monkeypatch.setattr(exchange, "plan_batch", plan_batch)
        meanwhile(world)
        monkeypatch.setattr(exchange, "still_holds", listen)
        return ahead

    def listen(*args: Any) -> bool:
        held.append(still_holds(*args))
        return held[-1]

    monkeypatch.setattr(exchange, "plan_batch", look)
    return held


def other_record(world: World) -> None:
    world.device("other", "bob").push(create("z", note="another"))


def other_collection(world: World) -> None:
    world.device("other", "bob").push(create("a", collection="clients", note="of the same name"))


def same_record(world: World) -> None:
    world.device("other", "bob").push(patch("a", base=1, note="bob's"))


def deleted(world: World) -> None:
    world.device("other", "bob").push(delete("a", base=1))


def created(world: World) -> None:
    world.device("other", "bob").push(create("new", note="bob's"))


def pruned(world: World) -> None:
    world.server({"prune": world.revision})


def renewed(world: World) -> None:
    world.server({"renew": True})


MEANWHILE: dict[Meanwhile, tuple[bool, str]] = {
    other_record: (True, "applied"),
    other_collection: (True, "applied"),
    same_record: (False, "conflicted"),
    deleted: (False, "conflicted"),
    created: (False, "applied"),
    pruned: (False, "applied"),
}


@pytest.mark.parametrize("meanwhile", MEANWHILE, ids=lambda one: one.__name__)
def test_batch_is_answered_as_if_it_was_decided_under_the_lock(
    world: World, monkeypatch: pytest.MonkeyPatch, meanwhile: Meanwhile
) -> None:
    device, gone = world.device(), world.device("r3", "cyd")
    device.push(create("a", note="first", visits=1))
    gone.push(create("t"))
    gone.push(delete("t", base=2))
    request = device.batch_request(patch("a", base=1, note="ana's"), create("new", note="ana's"))
    held = interrupted(world, monkeypatch, meanwhile)
    answer = world.exchange(request)
    holds, verdict = MEANWHILE[meanwhile]
    assert (held, answer["verdicts"][0]["verdict"]) == ([holds], verdict)
    rows = world.snapshot()["updraft_records"]
    revisions = [row["revision"] for row in rows]
    assert len(set(revisions)) == len(revisions), "no revision is given out twice"
    assert max(revisions) <= world.revision
    assert world.exchange(request)["verdicts"] == answer["verdicts"], (
        "and a resend is answered the same"
    )
    for verdict in answer["verdicts"]:
        if verdict["verdict"] == "applied":
            assert (verdict["id"], verdict["revision"]) in {
                (row["id"], row["revision"]) for row in rows
            }


def test_new_epoch_is_no_place_for_what_was_decided_before(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = world.device()
    device.push(create("a", note="first"))
    request = device.batch_request(patch("a", base=1, note="ana's"))
    interrupted(world, monkeypatch, renewed)
    assert world.exchange(request)["refused"] == "epoch"


def test_store_that_cannot_be_read_ahead_is_decided_under_the_lock(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = world.device()
    load, calls = records.load_records, []

    def fail_once(conn: sa.Connection, wanted: Any) -> Any:
        calls.append(conn)
        if len(calls) == 1:
            raise sa.exc.OperationalError("SELECT", None, Exception("gone"))
        return load(conn, wanted)

    monkeypatch.setattr(records, "load_records", fail_once)
    assert [v["verdict"] for v in device.push(create("a"))["verdicts"]] == ["applied"]
    assert len(calls) == 2


ids = st.sampled_from("abc")
ones = st.one_of(
    st.builds(lambda i, n: create(i, note=n), ids, st.text("xy", max_size=1)),
    st.builds(
        lambda i, b, n: patch(i, base=b, note=n), ids, st.integers(0, 6), st.text("xy", max_size=1)
    ),
    st.builds(lambda i, b: mutation("patch", i, base=b, inc={"visits": 1}), ids, st.integers(0, 6)),
    st.builds(
        lambda i, b, x: mutation(
            "patch", i, base=b, elements={"data": {"added": [x], "removed": ["z"]}}
        ),
        ids,
        st.integers(0, 6),
        st.sampled_from("xyz"),
    ),
    st.builds(lambda i, b: delete(i, base=b), ids, st.integers(0, 6)),
)


@given(st.lists(ones, max_size=6), st.lists(ones, min_size=1, max_size=6), st.integers(1, 1_000))
@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_is_decided_is_the_same_at_any_later_revision(
    world: World, before: list[dict[str, Any]], batch: list[dict[str, Any]], later: int
) -> None:
    """A batch planned on a young store and moved equals a batch planned on the grown store."""
    with transaction(world.engine) as conn:
        for table in ("updraft_records", "updraft_replicas"):
            conn.exec_driver_sql(f"DELETE FROM {table}")
        conn.exec_driver_sql("UPDATE updraft_meta SET revision = 10")
    device = world.device("r1", "ana")
    if before:
        device.push(*before)
    request = device.batch_request(*batch)
    read = exchange.parse_request(request, exchange.LIMITS["plugin"])
    assert read.batch is not None
    author = Author("ana", "ana")
    ahead = plan_batch(world.engine, read.batch.mutations, author, world.collections)
    assert ahead is not None
    grown = ahead.counter.revision + later
    stored = ahead.applied.before
    assert ahead.applied.after(grown) == apply.decide(
        read.batch.mutations, stored, grown, author, world.collections
    )
