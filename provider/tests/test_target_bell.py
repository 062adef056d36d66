"""fault 78: a target's bell that is missed, or rung while an export is under way."""

from __future__ import annotations

import asyncio
import fcntl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from random import Random
from threading import Event
from typing import Any

import pytest
import sqlalchemy as sa
from target_table import Target
from world import create, delete

from airflow_updraft import airflow_bridge
from airflow_updraft.dag_api.asset import target_bell_asset
from airflow_updraft.errors import TableSyncError
from airflow_updraft.store.cursors import TARGET, UNTOLD, forget_untold, restart_cursor, untold
from airflow_updraft.store.refused_changes import consumer_states
from airflow_updraft.store.tables import consumers, records
from airflow_updraft.store.turns import turn_at
from airflow_updraft.sync import refused_rows, targets
from airflow_updraft.sync.invariants import verify
from airflow_updraft.sync.maintenance import readers_behind
from airflow_updraft.sync.target_bell import PATIENCE_S, PATIENCE_S_MAX, TargetBell
from airflow_updraft.sync.targets import export_target, is_behind, read_cursor
from airflow_updraft.trigger import TargetBehindTrigger

TABLE = "CREATE TABLE things (id VARCHAR(40), v INTEGER)"
"""Without a unique key: nothing but the export itself keeps a row single."""


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def target(bare_engine: sa.Engine, tmp_path: Path) -> Iterator[Target]:
    is_sqlite = bare_engine.dialect.name == "sqlite"
    other = sa.create_engine(f"sqlite:///{tmp_path}/t.db") if is_sqlite else bare_engine
    yield Target(bare_engine, other, TABLE, "v")
    other.dispose()


@pytest.fixture
def server_target(server_engine: sa.Engine) -> Target:
    return Target(server_engine, server_engine, TABLE, "v")


def export(target: Target) -> dict[str, Any]:
    """Export as the DAG that the bell starts."""
    declared = target.world.collections["things"]
    assert declared.target
    return export_target(
        target.world.engine, target.other, declared.target, declared, retry_refused=False
    )


def untold_of(target: Target) -> int:
    with target.world.engine.connect() as conn:
        return untold(conn, "things")


def tell(target: Target) -> int:
    """End the DAG's task: followers are told of what has moved."""
    count = untold_of(target)
    with target.world.engine.begin() as conn:
        forget_untold(conn, "things", count)
    return count


def bell_of(target: Target, clock: Clock) -> TargetBell:
    return TargetBell(target.world.engine, "things", clock)


def cursor(target: Target) -> int:
    return read_cursor(target.world.engine, "things")


def test_rings_for_what_the_table_lacks_and_rests_when_it_lacks_nothing(target: Target) -> None:
    clock = Clock()
    bell = bell_of(target, clock)
    assert bell.ask() is None
    target.put("a", v=1)
    assert [bell.ask(), bell.ask()] == [1, None]
    assert export(target)["written"] == 1
    tell(target)
    for clock.now in (PATIENCE_S, 100 * PATIENCE_S_MAX):
        assert bell.ask() is None
    target.device.push(delete("a", base=target.device.since, collection="things"))
    assert [bell.ask(), bell.ask()] == [2, None]
    assert export(target)["deleted"] == 1
    tell(target)
    assert bell.ask() is None


def test_trigger_of_a_target_is_made_anew_from_what_it_serializes() -> None:
    (watcher,) = target_bell_asset("things").watchers
    path, kwargs = watcher.trigger.serialize()
    assert path == f"{TargetBehindTrigger.__module__}.{TargetBehindTrigger.__name__}"
    assert TargetBehindTrigger(**kwargs).collection == "things"


def test_trigger_of_a_target_asks_its_bell(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(airflow_bridge, "store_engine", lambda **_: target.world.engine)
    target.put("a", v=1)

    async def first_event() -> Any:
        events = TargetBehindTrigger(collection="things").run()
        try:
            return await anext(events)
        finally:
            await events.aclose()  # type: ignore[attr-defined]

    assert asyncio.run(first_event()).payload == {"collection": "things", "revision": 1}


def test_fault_78_captures_in_a_row_are_one_ring_until_the_export_has_passed_it(
    target: Target,
) -> None:
    """fault 78: no storm: what is captured before the run begins is exported by that run."""
    bell = bell_of(target, Clock())
    target.put("a", v=1)
    rings = [bell.ask()]
    for number in range(10):
        target.put(f"b{number}", v=number)
        rings.append(bell.ask())
    assert rings == [1] + [None] * 10
    assert export(target)["written"] == 11
    tell(target)
    assert bell.ask() is None


def test_fault_78_news_after_the_exports_last_look_rings_at_once(target: Target) -> None:
    bell = bell_of(target, Clock())
    target.put("a", v=1)
    assert bell.ask() == 1
    export(target)
    target.put("b", v=1)
    assert [bell.ask(), bell.ask()] == [2, None]


def test_fault_78_missed_ring_is_rung_again_and_ever_more_rarely(target: Target) -> None:
    clock = Clock()
    bell = bell_of(target, clock)
    target.put("a", v=1)
    rings = []
    for clock.now in range(0, 1_800, 10):
        if clock.now == 50:
            target.put("b", v=1)  # a failing export is not tried more often for news
        if bell.ask() is not None:
            rings.append(clock.now)
    pauses = [later - earlier for earlier, later in pairwise(rings)]
    assert pauses[:5] == [20, 40, 80, 160, 300]
    assert set(pauses[4:]) == {PATIENCE_S_MAX}
    assert export(target)["written"] == 2
    tell(target)
    assert bell.ask() is None


def test_fault_78_new_triggerer_rings_for_what_its_predecessor_may_have_lost(
    target: Target,
) -> None:
    target.put("a", v=1)
    assert bell_of(target, Clock()).ask() == 1
    assert bell_of(target, Clock()).ask() == 1
    export(target)
    tell(target)
    assert bell_of(target, Clock()).ask() is None


def test_fault_78_long_export_is_not_rung_for_while_its_cursor_moves(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(targets, "CHUNK_ROWS", 1)
    clock = Clock()
    bell = bell_of(target, clock)
    for number in range(5):
        target.put(f"a{number}", v=number)
    assert bell.ask() == 5
    rings = []
    write = targets.write_rows

    def slowly(*args: Any) -> Any:
        clock.now += PATIENCE_S - 1
        rings.append(bell.ask())
        return write(*args)

    monkeypatch.setattr(targets, "write_rows", slowly)
    export(target)
    assert rings == [None] * 5
    tell(target)
    assert bell.ask() is None


def test_fault_78_refused_rows_are_no_reason_to_ring(target: Target) -> None:
    """fault 70, fault 78: they wait for their record, the table, or the schedule."""
    clock = Clock()
    bell = bell_of(target, clock)
    target.put("good", v=1)
    target.put("bad", v="no number")
    assert bell.ask() == 2
    assert export(target)["refused"] == 1
    tell(target)
    assert not is_behind(target.world.engine, "things")
    for clock.now in range(0, 7_200, 240):
        assert bell.ask() is None
    assert bell_of(target, clock).ask() is None
    target.change("bad", v=2)
    assert bell.ask() == 3
    assert "refused" not in export(target)
    assert target.sql("SELECT id, v FROM things ORDER BY id") == [("bad", 2), ("good", 1)]


def test_fault_78_run_of_the_bell_leaves_the_refused_rows_to_the_schedule(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """fault 78: 500 rows that are refused for others' sake cost 1,000 statements a try."""
    target.put("bad", v="no number")
    export(target)
    tried = []
    due = refused_rows.due_again
    monkeypatch.setattr(refused_rows, "due_again", lambda *args: tried.append(args) or due(*args))
    target.put("good", v=1)
    export(target)
    assert tried == []
    target.sync()
    assert len(tried) == 1


def test_fault_78_followers_of_a_killed_export_are_told_by_a_later_one(target: Target) -> None:
    """fault 78: rows have moved, the task was killed before Airflow noted its event."""
    clock = Clock()
    bell = bell_of(target, clock)
    target.put("a", v=1)
    assert bell.ask() == 1
    export(target)
    rings = []
    for clock.now in (1, PATIENCE_S, PATIENCE_S + 1):
        rings.append(bell.ask())
    assert rings == [None, None, 1]
    assert bell_of(target, clock).ask() == 1, (
        "a new triggerer does not know whether one is under way"
    )
    assert export(target)["written"] == 0
    assert tell(target) == 1
    assert bell.ask() is None


def test_fault_78_followers_are_told_of_what_the_schedule_has_written(target: Target) -> None:
    bell = bell_of(target, Clock())
    target.put("a", v=1)
    target.sync()
    assert [bell.ask(), bell.ask()] == [1, None]
    assert tell(target) == 1
    assert bell.ask() is None


def test_followers_are_told_of_no_rows_that_were_refused(target: Target) -> None:
    bell = bell_of(target, Clock())
    target.put("bad", v="no number")
    assert bell.ask() == 1
    export(target)
    assert (untold_of(target), bell.ask()) == (0, None)


def test_fault_78_write_after_the_event_was_made_is_told_by_the_next(target: Target) -> None:
    """fault 78: the schedule's export between the event and its note in the store."""
    target.put("a", v=1)
    export(target)
    told = untold_of(target)
    target.put("b", v=1)
    target.sync()
    with target.world.engine.begin() as conn:
        forget_untold(conn, "things", told)
    assert untold_of(target) == 2


def test_count_of_untold_writes_is_no_reader(target: Target) -> None:
    """The count holds no deletion back, is no broken rule, and nobody's consumer."""
    target.put("a", v=1)
    for _ in range(3):
        target.change("a", v=2)
        export(target)
    with target.world.engine.begin() as conn:
        conn.execute(consumers.update().where(consumers.c.name == UNTOLD).values(revision=1_000))
    assert verify(target.world.engine)["violations"] == []
    with target.world.engine.begin() as conn:
        conn.execute(consumers.update().where(consumers.c.name == UNTOLD).values(revision=1))
    target.device.push(delete("a", base=target.device.since, collection="things"))
    export(target)
    with target.world.engine.connect() as conn:
        assert readers_behind(conn) == []
        assert consumer_states(conn) == []


def test_target_that_must_begin_anew_is_not_rung_for(target: Target) -> None:
    target.put("a", v=1)
    with target.world.engine.begin() as conn:
        expired = {"name": TARGET, "collection": "things", "revision": -1}
        conn.execute(consumers.insert(), [expired])
    assert bell_of(target, Clock()).ask() is None


def test_restored_store_rings_for_its_new_life(target: Target) -> None:
    bell = bell_of(target, Clock())
    target.put("a", v=1)
    backup = target.world.snapshot()
    for number in range(3):
        target.put(f"b{number}", v=1)
    assert bell.ask() == 4
    target.world.restore(backup)
    assert [bell.ask(), bell.ask()] == [1, None]


def test_fault_78_two_exports_at_once_write_each_row_once(server_target: Target) -> None:
    """fault 78: the schedule's run and the bell's, in a table whose key is not unique.

    The first waits before it inserts until the second waits for its turn, or has ended.
    """
    target, may_go_on, ended = server_target, Event(), Event()
    for number in range(20):
        target.put(f"a{number}", v=number)
    first_is_there = Event()

    @sa.event.listens_for(target.other, "before_cursor_execute")
    def hold(_: Any, __: Any, statement: str, *___: Any) -> None:
        if statement.startswith("INSERT INTO things") and not first_is_there.is_set():
            first_is_there.set()
            may_go_on.wait()

    def second() -> dict[str, Any]:
        try:
            return export(target)
        finally:
            ended.set()

    waiting = sa.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(export, target)
        first_is_there.wait()
        other = pool.submit(second)
        with target.world.engine.connect() as conn:
            while not ended.is_set() and not conn.scalar(waiting):
                conn.rollback()
        may_go_on.set()
        assert one.result()["written"] + other.result()["written"] == 20
    sa.event.remove(target.other, "before_cursor_execute", hold)
    assert untold_of(target) > 0
    rows = target.sql("SELECT id, count(*) FROM things GROUP BY id")
    assert (len(rows), {count for _, count in rows}) == (20, {1})
    assert cursor(target) == 20


def test_fault_78_turn_of_a_sqlite_store_excludes_another_process(tmp_path: Path) -> None:
    store = sa.create_engine(f"sqlite:///{tmp_path}/s.db")
    with (
        turn_at(store, "a target"),
        open(f"{tmp_path}/s.db.turn", "w") as other,
        pytest.raises(BlockingIOError),
    ):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with turn_at(store, "a target"):
        pass


def test_fault_78_cursor_that_an_operator_moved_meanwhile_is_not_moved_back(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """fault 78: `consumers restart` while an export is under way was forgotten."""
    target.put("a", v=1)
    export(target)
    target.put("b", v=2)
    write = targets.write_rows

    def restarted(*args: Any) -> Any:
        monkeypatch.setattr(targets, "write_rows", write)
        with target.world.engine.begin() as conn:
            restart_cursor(conn, TARGET, "things")
        return write(*args)

    monkeypatch.setattr(targets, "write_rows", restarted)
    target.sql("DELETE FROM things")
    export(target)
    assert target.sql("SELECT id, v FROM things ORDER BY id") == [("a", 1), ("b", 2)]
    assert cursor(target) == 2


def test_fault_78_store_that_is_not_in_order_ends_the_export_instead_of_going_on_for_ever(
    target: Target,
) -> None:
    """fault 78: a revision above the counter, as an edit by hand leaves it."""
    target.put("a", v=1)
    with target.world.engine.begin() as conn:
        conn.execute(records.update().values(revision=100))
    with pytest.raises(TableSyncError, match="above the store's counter"):
        export(target)
    assert cursor(target) == 0


class KilledError(Exception):
    """Ends an export in the midst of its work."""


@pytest.mark.parametrize("seed", range(12), ids=lambda seed: f"fault 78: seed {seed}")
def test_fault_78_drawn_story_ends_with_all_rows_once_and_a_bell_at_rest(
    target: Target, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """fault 78: rings are lost, triggerers and exports killed, while people go on capturing."""
    chance, clock = Random(seed), Clock()
    bell, is_queued, captured = bell_of(target, clock), False, 0
    write = targets.write_rows
    monkeypatch.setattr(targets, "CHUNK_ROWS", 3)

    def killed_at_times(*args: Any) -> Any:
        fate = chance.random()
        if fate < 0.15:
            raise KilledError
        done = write(*args)
        if fate < 0.3:
            raise KilledError
        return done

    def poll(lost: float) -> None:
        nonlocal is_queued
        clock.now += 1
        if bell.ask() is not None and chance.random() >= lost:
            is_queued = True

    def capture() -> None:
        nonlocal captured
        captured += 1
        value: Any = "no number" if chance.random() < 0.2 else captured
        device = target.device
        device.push(create(f"r{captured}", collection="things", v=value))

    def run_if_queued() -> None:
        nonlocal is_queued
        if is_queued:
            is_queued = False
            with suppress(KilledError):
                export(target)
                if chance.random() < 0.8:  # else killed before Airflow has noted the event
                    tell(target)

    monkeypatch.setattr(targets, "write_rows", killed_at_times)
    for _ in range(60):
        poll(lost=0.3)
        step = chance.random()
        if step < 0.5:
            capture()
        elif step < 0.8:
            run_if_queued()
        elif step < 0.9:
            bell = bell_of(target, clock)
    monkeypatch.setattr(targets, "write_rows", write)
    while is_behind(target.world.engine, "things") or untold_of(target):
        poll(lost=0)
        run_if_queued()
    fit = {
        (record_id, fields["v"])
        for record_id, fields in target.world.records("things").items()
        if isinstance(fields["v"], int)
    }
    rows = target.sql("SELECT id, v FROM things")
    assert (set(rows), len(rows)) == (fit, len(fit))
    for _ in range(20):
        clock.now += PATIENCE_S_MAX
        poll(lost=0)
    assert not is_queued
