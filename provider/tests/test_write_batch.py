"""Many writes of a DAG in a transaction: all or nothing, in order, equal to single writes."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any, get_args

import pytest
import sqlalchemy as sa
from postgres_proxy import Proxy, When, engine_through
from world import World, create, only_verdict, patch

from airflow_updraft import Collection, write_batch
from airflow_updraft.dag_api import consumer
from airflow_updraft.dag_api.collection_store import CollectionStore
from airflow_updraft.dag_api.write_all import write_all
from airflow_updraft.dag_api.write_batch import WRITES_MAX, WriteBatch
from airflow_updraft.dag_api.writes import Write, delete_of, patch_of, put_of
from airflow_updraft.errors import RecordChangedError, RecordInvalidError, RecordMissingError
from airflow_updraft.store.transaction import Pace

BY = "score/run1/task"


def collection_of(world: World, name: str = "asks") -> Collection:
    collection = Collection(name)
    collection.store = CollectionStore(world.engine, world.collections, name)
    return collection


@pytest.fixture
def asks(world: World) -> Collection:
    return collection_of(world)


def records(world: World) -> dict[tuple[str, str], tuple[int, bool, Any]]:
    """Return revision, deleted and fields of each record, by name."""
    return {
        (row["collection"], row["id"]): (row["revision"], bool(row["deleted"]), row["fields"])
        for row in world.snapshot()["updraft_records"]
    }


def test_score_and_follow_up_of_two_collections_are_written_together_and_reach_a_device(
    world: World,
) -> None:
    asks, clients = collection_of(world), collection_of(world, "clients")
    asks.put({"id": "a", "note": "n"})
    device = world.device()
    with write_batch() as batch:
        batch.patch(asks, "a", {"visits": 1})
        batch.put(clients, {"id": "a", "note": "follow up"})
        batch.delete(clients, "nowhere")
        assert (asks.get("a"), clients.get("a")) == ({"id": "a", "note": "n"}, None), (
            "not before the block ends"
        )
    assert (batch.changed, batch.missing) == (2, frozenset())
    found = {(c["collection"], c["revision"]): c["record"] for c in device.pull()["changes"]}
    assert found == {
        ("asks", 2): {"id": "a", "note": "n", "visits": 1},
        ("clients", 3): {"id": "a", "note": "follow up"},
    }


def test_nothing_is_written_when_the_block_raises(world: World, asks: Collection) -> None:
    before = world.snapshot()
    batches = []

    def work() -> None:
        with write_batch() as batch:
            batches.append(batch)
            batch.put(asks, {"id": "a"})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert world.snapshot() == before
    with pytest.raises(RuntimeError, match="has ended"):
        batches[0].put(asks, {"id": "a"})


def test_empty_batch_opens_no_store() -> None:
    with write_batch() as batch:
        pass
    assert batch.changed == 0


@pytest.mark.parametrize(
    ("add", "field"),
    [
        (lambda b, c: b.put(c, {"id": "b", "status": "purple"}), "status"),
        (lambda b, c: b.put(c, {"id": "b", "data": float("inf")}), "data"),
        (lambda b, c: b.put(c, {"note": "no id"}), "id"),
        (lambda b, c: b.patch(c, "a", {"data": "\x00"}), "data"),
        (lambda b, c: b.patch(c, "a", {"note": "x"}, ["note"]), "note"),
        (lambda b, c: b.delete(c, ""), "id"),
    ],
)
def test_what_can_be_told_without_the_store_is_told_at_the_line_that_is_wrong(
    world: World, asks: Collection, add: Callable[[WriteBatch, Collection], None], field: str
) -> None:
    asks.put({"id": "a"})
    before = world.snapshot()
    with write_batch() as batch:
        with pytest.raises(RecordInvalidError, match="Nothing was written") as caught:
            add(batch, asks)
        assert caught.value.field == field
    assert (batch.changed, world.snapshot()) == (0, before)


@pytest.mark.parametrize(
    ("add", "error", "words"),
    [
        (
            lambda b, c: b.patch(c, "bad", {"status": "purple"}),
            RecordInvalidError,
            "asks 'bad': field 'status'",
        ),
        (
            lambda b, c: b.patch(c, "bad", {"note": "mine"}, base=1),
            RecordChangedError,
            "asks 'bad': note changed",
        ),
        (
            lambda b, c: b.patch(c, "bad", {"note": "mine", "visits": 1}, base=1),
            RecordChangedError,
            "note changed",
        ),
        (
            lambda b, c: b.patch(c, "bad", {"note": "mine"}, base=99),
            RecordInvalidError,
            "base 99 is no revision",
        ),
        (
            lambda b, c: b.patch(c, "none", {"note": "n"}),
            RecordMissingError,
            "asks 'none' does not exist",
        ),
        (
            lambda b, c: b.patch(c, "gone", {"note": "n"}),
            RecordMissingError,
            "asks 'gone' does not exist",
        ),
        (
            lambda b, c: b.patch(c, "bad", {"data": "x" * 66_000}),
            RecordInvalidError,
            "asks 'bad'.*exceeds",
        ),
    ],
)
def test_one_write_that_fails_names_its_record_and_nothing_is_written(
    world: World,
    asks: Collection,
    add: Callable[[WriteBatch, Collection], None],
    error: type[Exception],
    words: str,
) -> None:
    asks.put({"id": "bad", "note": "as it was"})
    asks.patch("bad", {"note": "newer"})
    asks.put({"id": "gone"})
    asks.delete("gone")
    before = world.snapshot()

    def work() -> None:
        with write_batch() as batch:
            batch.put(asks, {"id": "first"})
            add(batch, asks)
            batch.put(asks, {"id": "last"})

    with pytest.raises(error, match=words):
        work()
    assert world.snapshot() == before


def test_patch_of_a_missing_record_is_left_out_where_that_is_ok(
    world: World, asks: Collection
) -> None:
    asks.put({"id": "a"})
    asks.put({"id": "gone"})
    asks.delete("gone")
    with write_batch() as batch:
        for record_id in ("a", "gone", "never"):
            batch.patch(asks, record_id, {"visits": 1}, missing_ok=True)
    assert (batch.changed, batch.missing) == (1, {("asks", "gone"), ("asks", "never")})
    assert asks.get("a") == {"id": "a", "visits": 1}


def test_equal_writes_make_no_revision_and_are_not_counted(world: World, asks: Collection) -> None:
    asks.put({"id": "a", "visits": 1})
    before = world.snapshot()
    with write_batch() as batch:
        batch.put(asks, {"id": "a", "visits": 1.0})
        batch.patch(asks, "a", {"visits": 1}, remove=["note"])
        batch.delete(asks, "never")
    assert (batch.changed, world.snapshot()) == (0, before)


Step = tuple[str, tuple[Any, ...], dict[str, Any]]
STORIES: dict[str, list[Step]] = {
    "patch after patch": [
        ("patch", ("a", {"note": "1"}), {}),
        ("patch", ("a", {"visits": 2}, ["note"]), {}),
    ],
    "put after patch": [
        ("patch", ("a", {"note": "1"}), {}),
        ("put", ({"id": "a", "visits": 2},), {}),
    ],
    "there and back": [
        ("patch", ("a", {"note": "1"}), {}),
        ("put", ({"id": "a", "note": "n"},), {}),
    ],
    "put after delete": [
        ("delete", ("a",), {}),
        ("put", ({"id": "a", "visits": 1},), {"owner": "bob"}),
    ],
    "delete after put": [
        ("put", ({"id": "b"},), {}),
        ("delete", ("b",), {}),
        ("delete", ("b",), {}),
    ],
    "new, patched, put": [
        ("put", ({"id": "b", "note": "1"},), {"owner": "bob"}),
        ("patch", ("b", {"visits": 1}), {}),
        ("put", ({"id": "b", "visits": 2},), {"owner": "cyd"}),
    ],
    "many": [("put", ({"id": f"r{at}", "visits": at},), {}) for at in range(40)]
    + [("patch", (f"r{at}", {"note": "x"}), {}) for at in range(0, 40, 3)]
    + [("delete", (f"r{at}",), {}) for at in range(0, 40, 7)],
}


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("name", ["asks", "diary"])
def test_batch_leaves_what_the_single_writes_would(world: World, name: str, story: str) -> None:
    collection = collection_of(world, name)
    collection.put({"id": "a", "note": "n"}, owner="ana")
    start = world.snapshot()
    changed = [getattr(collection, method)(*args, **more) for method, args, more in STORIES[story]]
    singly = without_time(world)
    world.restore(start)
    with write_batch() as batch:
        for method, args, more in STORIES[story]:
            getattr(batch, method)(collection, *args, **more)
    assert batch.changed == sum(changed)
    assert without_time(world) == singly


def without_time(world: World) -> dict[str, list[dict[str, Any]]]:
    return {
        table: [{name: row[name] for name in row if name != "updated_at"} for row in rows]
        for table, rows in world.snapshot().items()
    }


def test_patch_whose_base_an_earlier_write_of_the_batch_has_passed_is_refused(
    asks: Collection,
) -> None:
    asks.put({"id": "a", "note": "n"})

    def work() -> None:
        with write_batch() as batch:
            batch.patch(asks, "a", {"note": "1"}, base=1)
            batch.patch(asks, "a", {"note": "2"}, base=1)

    with pytest.raises(RecordChangedError, match="note changed after revision 1"):
        work()
    assert asks.get("a") == {"id": "a", "note": "n"}


def test_batch_conflicts_with_an_offline_edit_as_any_write(world: World, asks: Collection) -> None:
    device = world.device()
    device.push(create("a", note="n"), create("b", note="n"))
    base = device.since
    with write_batch() as batch:
        batch.patch(asks, "a", {"note": "by the dag"})
        batch.patch(asks, "b", {"visits": 1})
    assert only_verdict(device.push(patch("a", base=base, note="mine")))["verdict"] == "conflicted"
    assert only_verdict(device.push(patch("b", base=base, note="mine")))["verdict"] == "merged"


def test_a_thousand_writes_take_a_few_statements(world: World, asks: Collection) -> None:
    def statements_of(ids: range) -> int:
        seen: list[str] = []

        def note(*call: Any) -> None:
            seen.append(call[2])

        sa.event.listen(world.engine, "before_cursor_execute", note)
        with write_batch() as batch:
            for record_id in map(str, ids):
                batch.patch(asks, record_id, {"visits": 2})
                batch.put(asks, {"id": f"new {record_id}"})
        sa.event.remove(world.engine, "before_cursor_execute", note)
        assert batch.changed == 2 * len(ids)
        return len(seen)

    with write_batch() as batch:
        for at in range(601):
            batch.put(asks, {"id": str(at), "visits": 1})
    assert batch.changed == 601
    assert statements_of(range(1, 500)) == statements_of(range(500, 502)) < 10


def test_case_c12_record_under_a_tightened_schema_is_set_aside_and_the_others_written(
    world: World,
) -> None:
    """case C12: all writes of a change are made, or none."""
    asks, clients = collection_of(world), collection_of(world, "clients")
    device = world.device()
    device.push(create("a", note="n"), create("old", note="n"), create("c", note="n"))
    with world.engine.begin() as conn:
        long = json.dumps({"note": "n" * 300})
        conn.execute(
            sa.text("UPDATE updraft_records SET fields = :f WHERE id = 'old'"), {"f": long}
        )
    with consumer.changes(world.engine, "asks", "score", 100) as changes:
        with write_batch(changes) as batch:
            for change in changes:
                batch.put(clients, {"id": change.id, "note": "follow up"}, change=change)
                batch.patch(asks, change.id, {"visits": 1}, missing_ok=True, change=change)
        assert batch.changed == 4
    assert [(row[0], row[1][2]) for row in records(world).items() if row[0][0] == "clients"] == [
        (("clients", "a"), {"note": "follow up"}),
        (("clients", "c"), {"note": "follow up"}),
    ]
    ((record_id, (_, words)),) = changes.refusals.items()
    assert record_id == "old"
    assert "field 'note'" in words
    assert "nnn" not in words, "the words hold no values"


def test_batch_refuses_what_does_not_fit_at_its_line_and_only_with_a_page(world: World) -> None:
    asks, clients = collection_of(world), collection_of(world, "clients")
    world.device().push(create("a"), create("b"))
    page = consumer.changes(world.engine, "asks", "score", 100)
    with page as changes, write_batch(changes) as batch:
        batch.delete(asks, "b", change=changes[1])
        batch.refuse(changes[1], "not to be deleted")
        batch.put(clients, {"id": "a", "status": "never heard of"}, change=changes[0])
    assert sorted(changes.refusals) == ["a", "b"]
    assert sorted(world.records()) == ["a", "b"]
    with pytest.raises(ValueError, match=r"write_batch\(changes\)"), write_batch() as batch:
        batch.put(clients, {"id": "a"}, change=changes[0])


def test_batch_is_bounded(asks: Collection) -> None:
    with write_batch() as batch:
        for at in range(WRITES_MAX):
            batch.delete(asks, str(at))
        with pytest.raises(ValueError, match="at most"):
            batch.delete(asks, "one more")


def test_many_records_are_read_at_once(asks: Collection) -> None:
    with write_batch() as batch:
        for record_id in ("a", "é\"'", "gone"):
            batch.put(asks, {"id": record_id, "note": record_id})
        batch.delete(asks, "gone")
    wanted = ["a", "é\"'", "gone", "never", "\x00", "\ud800", "x" * 201, "a"]
    assert asks.get_many(wanted) == {name: {"id": name, "note": name} for name in ("a", "é\"'")}
    assert asks.get_many([]) == {}


@pytest.fixture
def proxy(server_engine: sa.Engine) -> Iterator[Proxy]:
    proxy = Proxy(str(server_engine.url.query["host"]), 5432)
    yield proxy
    proxy.close()


@pytest.mark.parametrize("when", get_args(When))
def test_fault_30_batch_whose_commit_is_unknown_is_written_once(
    server_engine: sa.Engine, proxy: Proxy, when: When
) -> None:
    """fault 30: a second run would meet its own writes: a passed base, a record changed twice."""
    world = World(
        engine_through(proxy, server_engine.url, server_engine.url.drivername.split("+")[1])
    )
    collection_of(world).put({"id": "a", "note": "n"})
    asks = world.collections["asks"]
    writes: list[Write] = [
        patch_of(asks, "a", {"note": "1"}, [], 1),
        patch_of(asks, "a", {"note": "2"}, [], None),
        put_of(asks, {"id": "b"}, None),
        delete_of(asks, "b"),
        patch_of(asks, "never", {"note": "n"}, [], None, missing_ok=True),
    ]
    waits = itertools.count()
    proxy.lose_next_commit(when)
    pace = Pace(sleep=lambda _: next(waits) and None, random=lambda: 1.0)
    written = write_all(world.engine, world.collections, writes, by=BY, pace=pace)
    assert (proxy.lost, next(waits)) == (1, 1), "one COMMIT was lost and one attempt followed"
    assert (written.changed, written.missing) == (4, (("asks", "never"),))
    assert world.revision == 5, "one revision each, once"
    assert records(world) == {
        ("asks", "a"): (3, False, {"note": "2"}),
        ("asks", "b"): (5, True, {}),
    }
    world.engine.dispose()
