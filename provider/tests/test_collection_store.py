"""Airflow's own reads and writes of a collection, as DAG authors have these."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from world import World, create, only_verdict, patch

from airflow_updraft.dag_api.collection_store import CollectionStore
from airflow_updraft.dag_api.query import query_records
from airflow_updraft.errors import (
    RecordChangedError,
    RecordInvalidError,
    RecordMissingError,
    UnknownCollectionError,
)

BY = "score/run1/task"


def store_of(world: World, name: str = "asks") -> CollectionStore:
    return CollectionStore(world.engine, world.collections, name)


def updated_by(world: World, record_id: str = "a") -> str:
    (label,) = [
        row["updated_by"] for row in world.snapshot()["updraft_records"] if row["id"] == record_id
    ]
    return str(label)


def test_put_reaches_a_device_with_its_author(world: World) -> None:
    device = world.device()
    assert store_of(world).put({"id": "a", "note": "n"}, by=BY) is True
    assert [c["record"] for c in device.pull()["changes"]] == [{"id": "a", "note": "n"}]
    assert store_of(world).get("a") == {"id": "a", "note": "n"}
    assert updated_by(world) == BY


def test_equal_write_makes_no_revision(world: World) -> None:
    store = store_of(world)
    store.put({"id": "a", "visits": 1, "data": {"x": [1, 2]}}, by=BY)
    before = world.snapshot()
    assert store.put({"id": "a", "visits": 1.0, "data": {"x": (1, 2)}}, by="another") is False
    assert store.patch("a", {"visits": 1}, remove=("note",), by="another") is False
    assert store.delete("nowhere", by=BY) is False
    assert world.snapshot() == before


def test_put_removes_what_it_does_not_name_and_patch_leaves_it(world: World) -> None:
    store = store_of(world)
    store.put({"id": "a", "note": "n", "visits": 1}, by=BY)
    assert store.patch("a", {"visits": 2}, by=BY) is True
    assert store.get("a") == {"id": "a", "note": "n", "visits": 2}
    store.patch("a", {}, remove=("visits",), by=BY)
    assert store.get("a") == {"id": "a", "note": "n"}
    store.put({"id": "a", "visits": 3}, by=BY)
    assert store.get("a") == {"id": "a", "visits": 3}


def test_write_by_a_dag_against_an_offline_edit_of_the_same_field_is_a_conflict(
    world: World,
) -> None:
    device = world.device()
    device.push(create(note="n", site="A"))
    base = device.since
    store_of(world).patch("a", {"note": "by the dag"}, by=BY)
    verdict = only_verdict(device.push(patch(base=base, note="by the device")))
    assert (verdict["verdict"], verdict["fields"]) == ("conflicted", ["note"])
    assert verdict["record"]["note"] == "by the dag"


def test_write_by_a_dag_of_another_field_is_no_conflict(world: World) -> None:
    device = world.device()
    device.push(create(note="n"))
    base = device.since
    store_of(world).patch("a", {"visits": 7}, by=BY)
    assert only_verdict(device.push(patch(base=base, note="by the device")))["verdict"] == "merged"
    assert world.records()["a"] == {"note": "by the device", "visits": 7}


@pytest.mark.parametrize("collection", ["asks", "clients", "servers"])
def test_patch_of_what_changed_since_is_refused_whatever_the_policy(
    world: World, collection: str
) -> None:
    device = world.device()
    device.push(create(collection=collection, note="n"))
    seen = device.since
    device.push(patch(base=seen, collection=collection, note="newer"))
    before = world.snapshot()
    with pytest.raises(RecordChangedError, match="note changed after revision") as caught:
        store_of(world, collection).patch("a", {"note": "stale", "visits": 1}, by=BY, base=seen)
    assert caught.value.fields == ("note",)
    assert world.snapshot() == before
    assert store_of(world, collection).patch("a", {"visits": 1}, by=BY, base=seen) is True


@pytest.mark.parametrize(
    ("record", "field"),
    [
        ({"id": "a", "status": "purple"}, "status"),
        ({"id": "a", "note": "x" * 201}, "note"),
        ({"id": "a", "data": float("nan")}, "data"),
        ({"id": "a", "data": datetime(2026, 1, 1, tzinfo=UTC)}, "data"),
        ({"id": "a", "data": "\x00"}, "data"),
        ({"id": "a", "__proto__": 1}, "__proto__"),
        ({"id": ""}, "id"),
        ({"id": 5}, "id"),
        ({"note": "no id"}, "id"),
        ({"id": "a", "colour": 1}, None),
    ],
)
def test_invalid_record_is_refused_naming_its_field(
    world: World, record: dict[str, Any], field: str | None
) -> None:
    before = world.snapshot()
    with pytest.raises(RecordInvalidError, match="Nothing was written") as caught:
        store_of(world).put(record, by=BY)
    assert caught.value.field == field
    assert (field or "declared are id, site, status, note, visits, data") in str(caught.value)
    assert world.snapshot() == before


def test_invalid_patch_is_refused_and_the_record_stays(world: World) -> None:
    store = store_of(world)
    store.put({"id": "a", "note": "n"}, by=BY)
    with pytest.raises(RecordInvalidError) as caught:
        store.patch("a", {"status": "purple", "note": "new"}, by=BY)
    assert caught.value.field == "status"
    with pytest.raises(RecordInvalidError, match="both set and removed"):
        store.patch("a", {"note": "x"}, remove=("note",), by=BY)
    assert store.get("a") == {"id": "a", "note": "n"}


def test_patch_of_a_deleted_or_absent_record_is_an_error(world: World) -> None:
    store = store_of(world)
    store.put({"id": "a"}, by=BY)
    assert store.delete("a", by=BY) is True
    assert store.get("a") is None
    for record_id in ("a", "never"):
        with pytest.raises(RecordMissingError, match=record_id):
            store.patch(record_id, {"note": "n"}, by=BY)


def test_record_for_one_user_is_seen_by_that_user_alone(world: World) -> None:
    store_of(world, "diary").put({"id": "a", "note": "for ana"}, by=BY, owner="ana")
    assert [c["id"] for c in world.device("r1", "ana").pull(since=0)["changes"]] == ["a"]
    assert world.device("r2", "bob").pull(since=0)["changes"] == []


def test_unknown_collection_is_named_with_those_that_exist(world: World) -> None:
    with pytest.raises(UnknownCollectionError, match=r"'task'.*anything, asks"):
        store_of(world, "task")


def query(
    world: World, where: dict[str, Any], limit: int = 100, after: str | None = None
) -> list[str]:
    found = query_records(world.engine, world.collections["anything"], where, limit, after)
    return [record["id"] for record in found]


def test_query_compares_as_json_does(world: World) -> None:
    store = store_of(world, "anything")
    values = {
        "n1": 1,
        "n1.0": 1.0,
        "true": True,
        "text": "1",
        "null": None,
        "list": [1],
        "é": "é\"'",
        "zero": 0,
    }
    for name, value in values.items():
        store.put({"id": name, "v": value}, by=BY)
    store.put({"id": "none"}, by=BY)
    store.put({"id": "gone", "v": 1}, by=BY)
    store.delete("gone", by=BY)
    assert query(world, {"v": 1}) == ["n1", "n1.0"]
    assert query(world, {"v": True}) == ["true"]
    assert query(world, {"v": False}) == []
    assert query(world, {"v": "1"}) == ["text"]
    assert query(world, {"v": None}) == ["null"]
    assert query(world, {"v": "é\"'"}) == ["é"]
    assert query(world, {"v": 1, "id": "n1"}) == ["n1"]
    assert query(world, {"v') OR 1=1 --": 1}) == []


def test_query_pages_give_every_record_once(world: World) -> None:
    store = store_of(world, "anything")
    for number in range(25):
        store.put({"id": f"r{number:02}", "even": number % 2 == 0}, by=BY)
    seen: list[str] = []
    while page := query(world, {"even": True}, limit=4, after=seen[-1] if seen else None):
        seen += page
    assert seen == [f"r{number:02}" for number in range(0, 25, 2)]


@pytest.mark.parametrize(
    "where", [{"colour": 1}, {"note": ["x"]}, {"id": 5}, {"visits": 2**70}, {"note": "\x00"}]
)
def test_query_that_cannot_match_says_why(world: World, where: dict[str, Any]) -> None:
    with pytest.raises(
        ValueError, match=next(iter(where)) if "id" not in where else "id is a text"
    ):
        query_records(world.engine, world.collections["asks"], where, 10, None)


def test_query_limit_is_bounded(world: World) -> None:
    for limit in (0, 10_001):
        with pytest.raises(ValueError, match="limit"):
            query(world, {}, limit)


def test_import_in_a_dag_file_loads_no_store_and_no_validator() -> None:
    """The DAG processor reads every DAG file every few seconds."""
    code = (
        "import sys; from airflow_updraft import Collection, write_batch; c = "
        "Collection('inspections')\n"
        "print(sorted({n.split('.')[0] for n in sys.modules} & {'airflow', 'sqlalchemy', "
        "'jsonschema_rs'}))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


class Column(str):
    """A text of a subclass of str, as NumPy's texts are."""

    __slots__ = ()


@pytest.mark.parametrize(
    "value", [{1: "a", "1": "b"}, [{"x": ({True: 1, "true": 2},)}], {None: 1, "null": 2}]
)
def test_case_a13_keys_that_fall_together_in_json_are_refused(world: World, value: Any) -> None:
    store = store_of(world, "anything")
    with pytest.raises(RecordInvalidError, match="two of its keys are one in JSON") as refused:
        store.put({"id": "a", "v": value}, by=BY)
    assert refused.value.field == "v"
    store.put({"id": "a"}, by=BY)
    with pytest.raises(RecordInvalidError, match="two of its keys are one in JSON"):
        store.patch("a", {"v": value}, by=BY)
    assert store.get("a") == {"id": "a"}


def test_case_a13_texts_of_a_class_of_their_own_are_texts(world: World) -> None:
    store = store_of(world, "anything")
    assert (
        store.put(
            {"id": Column("a"), Column("note"): Column("n"), "v": {1: {Column("k"): (1,)}}}, by=BY
        )
        is True
    )
    assert store.get("a") == {"id": "a", "note": "n", "v": {"1": {"k": [1]}}}


def test_author_outside_a_task_is_airflow() -> None:
    from airflow_updraft.dag_api.collection import author

    assert author() == "airflow"
