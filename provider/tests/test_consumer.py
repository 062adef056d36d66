"""A DAG's consumer gets changes at least once, never past those of a block that succeeded."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from world import NOW, World, create, delete, patch

from airflow_updraft.dag_api import consumer, token
from airflow_updraft.dag_api.changes import Change, Changes
from airflow_updraft.dag_api.collection_store import CollectionStore
from airflow_updraft.errors import ConsumerError
from airflow_updraft.store import tables


def read(world: World, name: str = "score", limit: int = 100) -> Changes:
    with consumer.changes(world.engine, "asks", name, limit) as changes:
        return changes


def ids(changes: list[Change]) -> list[str]:
    return [change.id for change in changes]


def cursor(world: World, name: str = "score") -> int | None:
    query = sa.select(tables.consumers.c.revision).where(tables.consumers.c.name == name)
    with world.engine.connect() as conn:
        return conn.scalar(query)


def test_changes_come_once_oldest_first_as_they_are_now(world: World) -> None:
    device = world.device()
    device.push(create("a", note="1"), create("b"), create("c"))
    base = device.since
    device.push(patch("a", base=base, note="2"), delete("b", base=base))
    assert read(world) == [
        Change("c", 3, {"id": "c"}, "ana"),
        Change("a", 4, {"id": "a", "note": "2"}, "ana"),
        Change("b", 5, None, "ana"),
    ]
    assert read(world) == []
    device.push(create("d"))
    assert ids(read(world)) == ["d"]
    assert ids(read(world, "another")) == ["c", "a", "b", "d"]


def test_failed_block_is_handed_the_same_again(world: World) -> None:
    world.device().push(create("a"), create("b"))
    seen = []

    def fail() -> None:
        with consumer.changes(world.engine, "asks", "score", 100) as changes:
            seen.append(changes)
            raise ZeroDivisionError

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            fail()
    assert seen[0] == seen[1] == read(world)


def test_cursor_never_passes_what_was_handed_out(world: World) -> None:
    device = world.device()
    device.push(*[create(f"r{number}") for number in range(5)])
    with consumer.changes(world.engine, "asks", "score", 2) as changes:
        device.push(create("late"))
        assert ids(changes) == ["r0", "r1"]
    assert cursor(world) == 2
    assert ids(read(world)) == ["r2", "r3", "r4", "late"]


def test_two_runs_at_once_lose_nothing_and_the_slower_is_told(world: World) -> None:
    device = world.device()
    device.push(create("a"))
    slow = consumer.changes(world.engine, "asks", "score", 100)
    assert ids(slow.__enter__()) == ["a"]
    device.push(create("b"))
    assert ids(read(world)) == ["a", "b"]
    device.push(create("c"))
    with pytest.raises(ConsumerError, match="another run of the same consumer came first"):
        slow.__exit__(None, None, None)
    assert ids(read(world)) == ["c"]


def test_slower_run_with_more_changes_is_told_and_the_rest_is_handed_out_again(
    world: World,
) -> None:
    device = world.device()
    device.push(create("a"), create("b"))
    slow = consumer.changes(world.engine, "asks", "score", 2)
    assert ids(slow.__enter__()) == ["a", "b"]
    assert ids(read(world, limit=1)) == ["a"]
    with pytest.raises(ConsumerError):
        slow.__exit__(None, None, None)
    assert ids(read(world)) == ["b"]


def test_many_runs_at_once_hand_every_change_to_one_that_succeeded(world: World) -> None:
    device = world.device()
    done: list[str] = []
    writing = threading.Event()

    def consume() -> None:
        while True:
            last_round = writing.is_set()
            try:
                with consumer.changes(world.engine, "asks", "score", 7) as changes:
                    found = ids(changes)
            except ConsumerError:
                continue
            done.extend(found)
            if last_round and not found:
                return

    threads = [threading.Thread(target=consume) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(40):
        device.push(create(f"r{number}"))
    writing.set()
    for thread in threads:
        thread.join(60)
    assert set(done) == {f"r{number}" for number in range(40)}
    assert cursor(world) == 40


def test_store_restored_meanwhile_does_not_move_the_cursor_into_a_lost_life(world: World) -> None:
    device = world.device()
    device.push(create("a"))
    backup = world.snapshot()
    device.push(create("b"), create("c"))
    block = consumer.changes(world.engine, "asks", "score", 100)
    assert ids(block.__enter__()) == ["a", "b", "c"]
    world.restore(backup)
    with pytest.raises(ConsumerError, match="the store was restored"):
        block.__exit__(None, None, None)
    CollectionStore(world.engine, world.collections, "asks").put({"id": "new"}, by="airflow")
    assert ids(read(world)) == ["a", "new"]


def test_own_writes_come_back_and_the_pipeline_comes_to_rest(world: World) -> None:
    """Skipping changes by author could hide a device's edit that the same revision carries."""
    world.device().push(create("a", note="n"))
    store = CollectionStore(world.engine, world.collections, "asks")
    rounds = 0
    while changes := read(world):
        rounds += 1
        for change in changes:
            store.patch(
                change.id,
                {"visits": len(change.record["note"] if change.record else "")},
                by="score/r/t",
            )
    assert rounds == 2
    assert world.revision == 2


def test_restart_hands_out_every_record_once_more(world: World) -> None:
    world.device().push(create("a"), create("b"))
    read(world)
    consumer.restart(world.engine, "asks", "score")
    assert ids(read(world)) == ["a", "b"]


def pages(world: World, limit: int = 2) -> Iterator[Changes]:
    return consumer.change_pages(world.engine, "asks", "score", limit)


def push(world: World, *names: str) -> None:
    world.device("-".join(names)).push(*[create(name) for name in names])


def test_pages_end_at_what_was_there_when_the_loop_began(world: World) -> None:
    """A DAG that writes into its own input must not run for ever."""
    push(world, "a", "b", "c")
    store = CollectionStore(world.engine, world.collections, "asks")
    seen = []
    for page in pages(world):
        seen.append(ids(page))
        for change in page:
            store.patch(change.id, {"visits": change.revision}, by="score/r/t")
    assert seen == [["a", "b"], ["c"]]
    assert ids(read(world)) == ["a", "b", "c"], "its own writes, in the next run"


def test_page_is_acknowledged_by_the_next_and_not_where_the_loop_is_left(world: World) -> None:
    push(world, "a", "b", "c")

    def fail_at_the_second() -> None:
        for number, _ in enumerate(pages(world)):
            if number == 1:
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_at_the_second()
    assert cursor(world) == 2
    assert [ids(page) for page in pages(world)] == [["c"]]


def test_case_c9_changes_are_acknowledged_later_by_their_token(world: World) -> None:
    """case C9: mapped tasks work after ``read`` has ended."""
    push(world, "a", "b")
    with consumer.changes(world.engine, "asks", "score", 1, acknowledge=False) as changes:
        kept = str(json.loads(json.dumps(changes.token)))
    assert (ids(changes), cursor(world)) == (["a"], 0)
    assert ids(read_unacknowledged(world)) == ["a", "b"], "a mapped task failed: once more"
    token.acknowledge(world.engine, "asks", kept)
    token.acknowledge(world.engine, "asks", kept)
    assert ids(read(world)) == ["b"]
    token.acknowledge(world.engine, "asks", kept)  # a task that is repeated late
    assert cursor(world) == 2


def read_unacknowledged(world: World) -> Changes:
    with consumer.changes(world.engine, "asks", "score", 100, acknowledge=False) as changes:
        return changes


def test_case_c9_token_of_a_lost_life_or_of_something_else_moves_nothing(world: World) -> None:
    push(world, "a")
    backup = world.snapshot()
    push(world, "b")
    kept = read_unacknowledged(world).token
    for wrong, words in (("", "no token"), ("[1]", "no token"), (kept, "this token is of asks")):
        with pytest.raises(ConsumerError, match=words):
            token.acknowledge(world.engine, "clients", wrong)
    world.restore(backup)
    with pytest.raises(ConsumerError, match="the store was restored"):
        token.acknowledge(world.engine, "asks", kept)
    assert ids(read(world)) == ["a"]


def refused(world: World) -> dict[str, tuple[int, str]]:
    with world.engine.connect() as conn:
        rows = conn.execute(sa.select(tables.refused_changes)).all()
    return {row.id: (row.revision, row.message) for row in rows}


def test_case_c12_change_that_cannot_be_processed_is_set_aside_until_it_changes(
    world: World,
) -> None:
    """case C12: the loop would raise at it for ever, and no later record was handled."""
    device = world.device()
    device.push(create("old"), create("b"))
    with consumer.changes(world.engine, "asks", "score", 100) as changes:
        changes.refuse(changes[0], "it names no site\0")
    assert refused(world) == {"old": (1, "it names no site")}
    device.push(create("c"))
    assert ids(read(world)) == ["c"]
    device.push(patch("old", base=1, site="A7"))
    with consumer.changes(world.engine, "asks", "score", 100) as changes:
        assert ids(changes) == ["old"]
        assert list(refused(world)) == ["old"], "until it is handled"
    assert refused(world) == {}


def test_failed_block_has_refused_nothing_and_a_restart_forgets_all(world: World) -> None:
    push(world, "a", "b")

    def fail() -> None:
        with consumer.changes(world.engine, "asks", "score", 100) as changes:
            changes.refuse(changes[0], "no")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert refused(world) == {}
    with consumer.changes(world.engine, "asks", "score", 100) as changes:
        changes.refuse(changes[0], "x" * 10_000)
    assert len(refused(world)["a"][1]) == 500
    consumer.restart(world.engine, "asks", "score")
    assert refused(world) == {}
    assert ids(read(world)) == ["a", "b"]


def test_refused_of_a_page_without_acknowledgement_is_not_handed_out_again(world: World) -> None:
    push(world, "a", "b", "c")
    with consumer.changes(world.engine, "asks", "score", 2, acknowledge=False) as changes:
        changes.refuse(changes[0], "no")
    token.refuse(world.engine, "asks", changes.token, "b", "its mapped task failed")
    assert refused(world) == {"a": (1, "no"), "b": (2, "its mapped task failed")}
    assert ids(read_unacknowledged(world)) == ["c"]
    assert [ids(page) for page in pages(world)] == [["c"]], "a page of refused ones is passed"
    assert cursor(world) == 3
    with pytest.raises(ConsumerError, match="no record 'never'"):
        token.refuse(world.engine, "asks", changes.token, "never", "no")


def test_refusal_needs_words_and_a_change_of_the_page(world: World) -> None:
    push(world, "a", "b")
    with consumer.changes(world.engine, "asks", "score", 1) as changes:
        with pytest.raises(ValueError, match="no change of this page"):
            changes.refuse(Change("b", 2, {"id": "b"}, "ana"), "no")
        for empty in ("", " ", None):
            with pytest.raises(ValueError, match="needs words"):
                changes.refuse(changes[0], empty)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["target", "bell", "", "x" * 201])
def test_reserved_and_impossible_names_are_refused(world: World, name: str) -> None:
    with pytest.raises(ConsumerError):
        read(world, name)


def test_limit_is_bounded(world: World) -> None:
    for limit in (0, 10_001):
        with pytest.raises(ValueError, match="limit"):
            read(world, limit=limit)


def test_clock_decides_nothing(world: World) -> None:
    """Revisions order the changes, with any labels in the rows."""
    device = world.device()
    device.push(create("a"), create("b"))
    with world.engine.begin() as conn:
        conn.execute(
            tables.records.update()
            .where(tables.records.c.id == "a")
            .values(updated_at=NOW.replace(year=2999))
        )
    assert ids(read(world)) == ["a", "b"]
