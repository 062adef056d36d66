"""A transaction is run again if the database asks, boundedly often, with a single effect."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from world import World, create

from airflow_updraft.errors import CommitUnknownError
from airflow_updraft.store import tables, transaction
from airflow_updraft.store.transaction import ATTEMPTS_MAX, Pace, run_transaction

meta = tables.meta


def grow(conn: sa.Connection) -> str:
    """A body whose second effect would show."""
    conn.execute(meta.update().values(horizon=meta.c.horizon + 1))
    return "grown"


def size(world: World) -> int:
    return int(world.snapshot()["updraft_meta"][0]["horizon"])


class Waits(list[float]):
    """Records the waits instead of waiting; each has the full length."""

    @property
    def pace(self) -> Pace:
        return Pace(sleep=self.append, random=lambda: 1.0)


@pytest.fixture
def sqlite_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(transaction, "SQLITE_WAIT_MS", 20)
    return World(sa.create_engine(f"sqlite:///{tmp_path}/s.db"))


def other_process(world: World) -> sqlite3.Connection:
    """A separate connection that holds the writer's lock."""
    holder = sqlite3.connect(str(world.engine.url.database), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    return holder


def test_fault_30_database_that_is_locked_is_asked_again(sqlite_world: World) -> None:
    """fault 30: the holder lets go before the third attempt; the exchange has a single effect."""
    device = sqlite_world.device()
    request = device.batch_request(create("a", visits=1))
    holder = other_process(sqlite_world)
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            holder.rollback()

    answer = sqlite_world.exchange(request, pace=Pace(sleep, lambda: 1.0))
    assert ([v["verdict"] for v in answer["verdicts"]], waits) == (["applied"], [0.5, 1.0])
    assert (sqlite_world.records(), sqlite_world.revision) == ({"a": {"visits": 1}}, 1)


def test_fault_30_database_that_stays_locked_is_told_after_bounded_attempts(
    sqlite_world: World,
) -> None:
    """fault 30: about 10 s in all, and nothing written."""
    holder, waits = other_process(sqlite_world), Waits()
    with pytest.raises(sa.exc.OperationalError, match="locked"):
        run_transaction(sqlite_world.engine, grow, pace=waits.pace)
    holder.rollback()
    assert len(waits) == ATTEMPTS_MAX - 1
    assert sum(waits) < 10
    assert size(sqlite_world) == 0


def test_fault_30_deadlock_is_resolved_by_running_one_again(postgres_world: World) -> None:
    """fault 30: two transactions that lock two rows in opposite order; PostgreSQL ends either.

    The one that was ended runs again after the other's commit. At once, it could lock its first
    row before the other wakes, and both would wait for each other a second time.
    """
    world, waits = postgres_world, Waits()
    world.device().push(create("a"), create("b"))
    both_hold_one = threading.Barrier(2)
    other_committed = threading.Event()
    runs: list[str] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        assert other_committed.wait(30)

    def lock_both(first: str, second: str) -> None:
        def body(conn: sa.Connection) -> None:
            runs.append(first)
            for name in (first, second):
                conn.execute(
                    sa.select(tables.records).where(tables.records.c.id == name).with_for_update()
                )
                if len(runs) <= 2 and name == first:
                    both_hold_one.wait(30)
            grow(conn)

        run_transaction(world.engine, body, pace=Pace(sleep, lambda: 1.0))
        other_committed.set()

    other = threading.Thread(target=lock_both, args=("b", "a"))
    other.start()
    lock_both("a", "b")
    other.join(30)
    assert (size(world), len(runs), len(waits)) == (2, 3, 1)


def test_fault_30_serialization_failure_is_run_again(postgres_world: World) -> None:
    """fault 30: 40001, as raised by a server with a stricter default."""
    world, waits = postgres_world, Waits()

    def body(conn: sa.Connection) -> None:
        conn.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
        size_before = conn.scalar(sa.select(meta.c.horizon))
        if not waits:
            run_transaction(world.engine, grow)
        conn.execute(meta.update().values(horizon=size_before + 1))

    run_transaction(world.engine, body, pace=waits.pace)
    assert (size(world), len(waits)) == (2, 1)


@pytest.mark.parametrize("moment", ["read", "written"])
def test_fault_30_connection_lost_before_commit_is_replaced(
    server_engine: sa.Engine, moment: str
) -> None:
    """fault 30: the backend is terminated under a transaction that has read, or written, and not
    committed."""
    world, waits = World(server_engine), Waits()

    def body(conn: sa.Connection) -> str:
        backend = conn.scalar(sa.text("SELECT pg_backend_pid()"))
        if moment == "written":
            grow(conn)
        if not waits:
            with world.engine.connect() as other:
                assert other.scalar(
                    sa.text("SELECT pg_terminate_backend(:backend, 5000)"), {"backend": backend}
                )
        conn.scalar(sa.select(meta.c.revision))
        return "read" if moment == "read" else grow(conn) + " twice"

    assert run_transaction(world.engine, body, pace=waits.pace) in ("read", "grown twice")
    assert (size(world), len(waits)) == (2 if moment == "written" else 0, 1)


BLOCK_COMMIT = """
CREATE FUNCTION block() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN PERFORM pg_advisory_lock(42); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER block AFTER UPDATE ON updraft_meta DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION block();
"""
WAITS_IN_COMMIT = (
    "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = 42 AND NOT granted"
)


def terminate_in_commit(world: World, act: Any) -> None:
    """Run ``act`` beside a lock that makes COMMIT wait, and terminate the backend there."""
    with world.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.exec_driver_sql(BLOCK_COMMIT)
        conn.exec_driver_sql("SELECT pg_advisory_lock(42)")
        acting = threading.Thread(target=act)
        acting.start()
        while (backend := conn.scalar(sa.text(WAITS_IN_COMMIT))) is None:
            assert acting.is_alive()
        conn.execute(sa.text("SELECT pg_terminate_backend(:backend, 5000)"), {"backend": backend})
        conn.exec_driver_sql("SELECT pg_advisory_unlock(42)")
        acting.join(30)
        # A lock of the session, taken by the run that went through, goes with the connection.
        world.engine.dispose()


def test_fault_30_backend_terminated_in_commit_is_told_to_who_cannot_repeat(
    postgres_world: World,
) -> None:
    """fault 30: nobody may guess; the caller is told the next step."""
    waits, told = Waits(), []

    def act() -> None:
        with pytest.raises(CommitUnknownError, match="Read what was to be written") as caught:
            run_transaction(postgres_world.engine, grow, pace=waits.pace)
        told.append(caught.value.kind)

    terminate_in_commit(postgres_world, act)
    assert (told, waits, size(postgres_world)) == (["commit_unknown"], [], 0)


def test_fault_30_backend_terminated_in_commit_of_an_exchange(postgres_world: World) -> None:
    """fault 30: the exchange is run again and answers; the effect is single."""
    world, answers, waits = postgres_world, [], Waits()
    request = world.device().batch_request(create("a", visits=1))
    terminate_in_commit(world, lambda: answers.append(world.exchange(request, pace=waits.pace)))
    assert [v["verdict"] for v in answers[0]["verdicts"]] == ["applied"]
    assert (world.revision, world.records(), len(waits)) == (1, {"a": {"visits": 1}}, 1)


@pytest.mark.parametrize(
    "error", [ValueError("a bug"), KeyboardInterrupt()], ids=["bug", "interrupt"]
)
def test_any_other_error_rises_at_once_and_writes_nothing(
    world: World, error: BaseException
) -> None:
    waits = Waits()

    def body(conn: sa.Connection) -> None:
        grow(conn)
        raise error

    with pytest.raises(type(error)):
        run_transaction(world.engine, body, pace=waits.pace)
    with pytest.raises(sa.exc.DatabaseError):
        run_transaction(
            world.engine,
            lambda conn: conn.exec_driver_sql("SELECT * FROM nowhere"),
            pace=waits.pace,
        )
    assert (waits, size(world)) == ([], 0)


def test_threads_of_one_process_take_turns_without_polling(tmp_path: Path) -> None:
    """SQLite's own waiting asks every 100 ms; a thread waiting for its turn does not ask at all."""
    world = World(sa.create_engine(f"sqlite:///{tmp_path}/s.db"))
    statements: list[str] = []
    sa.event.listen(
        world.engine, "before_cursor_execute", lambda *event: statements.append(event[2])
    )
    with transaction.transaction(world.engine):
        other = threading.Thread(target=run_transaction, args=(world.engine, grow))
        other.start()
        other.join(0.3)
        assert statements.count("BEGIN IMMEDIATE") == 1
    other.join(30)
    assert (statements.count("BEGIN IMMEDIATE"), size(world)) == (2, 1)


def test_sqlite_connection_keeps_what_it_committed_through_a_power_cut(tmp_path: Path) -> None:
    world = World(sa.create_engine(f"sqlite:///{tmp_path}/s.db"))
    with transaction.transaction(world.engine) as conn:
        pragmas = [
            conn.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("synchronous", "journal_mode")
        ]
    assert pragmas == [2, "wal"]
