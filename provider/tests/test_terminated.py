"""A backend terminated at each of Updraft's messages in turn: each effect happens exactly once."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from postgres_terminator import HOWS, How, Terminator
from world import NOW, World, create, delete, mutation, patch

from airflow_updraft.dag_api import consumer
from airflow_updraft.dag_api.write_all import write_all
from airflow_updraft.dag_api.writes import Patch, Put
from airflow_updraft.errors import CommitUnknownError
from airflow_updraft.exchange.exchange import exchange as exchanged
from airflow_updraft.store import tables
from airflow_updraft.store.connection import connected
from airflow_updraft.store.transaction import Pace
from airflow_updraft.sync.invariants import verify
from airflow_updraft.sync.maintenance import prune_store

QUICK = Pace(sleep=lambda _: None)
MESSAGES_MIN = 8
"""No story takes fewer: connecting alone asks for the server's version."""

Story = Callable[[World, sa.Engine, str], None]
"""Prepares on an undisturbed world, acts through the disturbed engine, and asserts; the text tells
rounds apart."""


def exchange(world: World, engine: sa.Engine, tag: str) -> None:
    """A batch with new, merged, conflicted and rejected mutations."""
    device = world.device(tag)
    device.push(create(f"{tag}a", visits=0, note="n"))
    base = device.since
    world.device(f"{tag}other", "bob").push(patch(f"{tag}a", base=base, note="bob's"))
    request = device.batch_request(
        mutation("patch", f"{tag}a", base=base, inc={"visits": 1}),
        patch(f"{tag}a", base=base, note="mine"),
        create(f"{tag}c", visits=-1),
        create(f"{tag}d"),
    )
    before = world.revision
    answer = exchanged(request, "ana", engine, world.collections, clock=lambda: NOW, pace=QUICK)
    assert [v["verdict"] for v in answer["verdicts"]] == [
        "merged",
        "conflicted",
        "rejected",
        "applied",
    ]
    assert world.records()[f"{tag}a"] == {"visits": 1, "note": "bob's"}
    assert world.revision == before + 2, "effects = revisions"
    assert world.exchange(request)["verdicts"] == answer["verdicts"], (
        "and a resend is answered the same"
    )


def write_batch(world: World, engine: sa.Engine, tag: str) -> None:
    """Writes of a DAG: a new record, a changed record."""
    world.device(tag).push(create(f"{tag}a", visits=3))
    before = world.revision
    writes = [
        Put("asks", f"{tag}n", {"note": "new"}, None),
        Patch("asks", f"{tag}a", {"visits": 4}, frozenset(), None, missing_ok=False),
    ]
    assert write_all(engine, world.collections, writes, by="dag", pace=QUICK).changed == 2
    assert (world.records()[f"{tag}a"], world.records()[f"{tag}n"]) == (
        {"visits": 4},
        {"note": "new"},
    )
    assert world.revision == before + 2


def maintenance(world: World, engine: sa.Engine, tag: str) -> None:
    """A tombstone is forgotten; a failed run comes again."""
    device = world.device(tag)
    device.push(create(f"{tag}a"))
    device.push(delete(f"{tag}a", base=device.since))
    again(lambda: prune_store(engine, NOW.replace(year=2030), 1, 1))
    with world.engine.connect() as conn:
        kept = conn.scalars(sa.select(tables.records.c.id)).all()
        assert (kept, conn.scalar(sa.select(tables.meta.c.horizon))) == ([], device.since)


def consuming(world: World, engine: sa.Engine, tag: str) -> None:
    """A consumer gets the change until a block has succeeded, and never again."""
    world.device(tag).push(create(f"{tag}a"))
    handed: list[list[str]] = []

    def work() -> None:
        with consumer.changes(engine, "asks", tag, 10_000) as changes:
            handed.append([change.id for change in changes])

    again(work)
    assert handed[-1].count(f"{tag}a") == 1
    with consumer.changes(world.engine, "asks", tag, 10_000) as changes:
        assert changes == []


def again(act: Callable[[], Any]) -> Any:
    """Run again as a task's next run does. Only these errors may arrive: a driver's error means
    nothing here."""
    try:
        return act()
    except (sa.exc.DBAPIError, CommitUnknownError):
        return act()


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize(
    "story",
    [exchange, write_batch, maintenance, consuming],
    ids=lambda story: f"fault 69: {story.__name__}",
)
def test_fault_69_backend_terminated_at_each_message(
    server_engine: sa.Engine, story: Story, how: How
) -> None:
    """fault 69: BEGIN, COPY and its data, COMMIT, and SQLAlchemy's questions to a new connection,
    each in turn."""
    world = World(server_engine)
    for number in itertools.count(1):
        terminator = Terminator(server_engine, number, how)
        engine = terminator.engine()
        story(world, engine, f"t{number}")
        engine.dispose()
        terminator.close()
        if not terminator.has_struck:
            break
    assert number > MESSAGES_MIN


@pytest.mark.parametrize("level", ["AUTOCOMMIT", "READ COMMITTED", "REPEATABLE READ"])
def test_fault_69_connection_lost_while_it_is_given_back(
    server_engine: sa.Engine, level: Any
) -> None:
    """fault 69: committed work stands, nothing is raised, and the pool has its place again."""
    tables.create_store(server_engine)
    engine = sa.create_engine(server_engine.url, pool_size=1, max_overflow=0, pool_timeout=1)
    with connected(engine, "READ COMMITTED"):
        pass  # psycopg2 now takes a round trip to leave the level

    def work() -> None:
        with connected(engine, level) as conn, server_engine.connect() as other:
            backend = conn.scalar(sa.text("SELECT pg_backend_pid()"))
            assert other.scalar(
                sa.text("SELECT pg_terminate_backend(:backend, 5000)"), {"backend": backend}
            )
            done.append(backend)

    done: list[int] = []
    for _ in range(3):
        again(work)
    assert len(done) == 3
    assert again(lambda: verify(engine))["violations"] == []
    engine.dispose()
