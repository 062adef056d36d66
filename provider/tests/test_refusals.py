"""A refusal tells the truth about the record (cases A4, A17).

Its device would take "nothing" for "deleted there".
"""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from world import COLLECTIONS, World, create, mutation, only_verdict, patch

from airflow_updraft.collections import compile_collections

MALFORMED: list[dict[str, Any]] = [
    {"set": {"": 1}},
    {"set": {"x" * 401: 1}},
    {"set": {"data": {"__proto__": 1}}},
    {"set": {"data": [{"": 1}]}},
    {"set": {"data": 2**53}},
    {"set": {"note": "nul\0"}},
    {"set": {"note": "n"}, "removed": ["note"]},
    {"addTo": {"note": ["n"]}},
    {"inc": {"visits": "1"}},
    {"removed": [1]},
    {"op": "upsert"},
    {"firstSeq": -1},
    {"baseRevision": 99},
    {"baseRevision": None},
]


@pytest.mark.parametrize("part", MALFORMED, ids=repr)
def test_malformed_mutation_tells_how_the_record_stands(world: World, part: dict[str, Any]) -> None:
    """case A4: a malformed mutation was answered with revision 0 and no record."""
    ana, ben = world.device(), world.device("r2", "ben")
    ana.push(create("a", note="n"))
    ben.pull()
    verdict = only_verdict(ben.push(mutation("patch", "a", base=1) | part))
    assert verdict["verdict"] == "rejected"
    assert verdict["reason"]["kind"] == "malformed"
    assert (verdict["revision"], verdict["record"]) == (1, {"id": "a", "note": "n"})


def test_malformed_mutation_tells_nothing_of_what_its_user_may_not_read(world: World) -> None:
    """case A4: neither content nor revision of another's diary."""
    world.device().push(create("a", collection="diary", note="private"))
    ben = world.device("r2", "ben")
    ben.pull()
    verdict = only_verdict(
        ben.push(mutation("patch", "a", base=0, collection="diary", set={"": 1}))
    )
    assert (verdict["revision"], verdict["record"]) == (0, None)


@pytest.mark.parametrize(
    ("user", "transport", "told"),
    [
        ("ana", "plugin", (1, {"id": "a", "note": "n"})),
        ("ben", "plugin", (0, None)),
        ("ana", "dag", (0, None)),
    ],
)
def test_undeclared_collection_tells_its_owner_how_the_record_stands(
    world: World, user: str, transport: str, told: tuple[int, Any]
) -> None:
    """case A4: the former rule is unknown, so nobody but the owner is told, and nothing lies in
    conf and XCom."""
    world.device().push(create("a", collection="anything", note="n"))
    device = world.device(f"{user}s-second", user)
    device.pull()
    world.collections = compile_collections({"asks": COLLECTIONS["asks"]})
    request = device.batch_request(patch("a", base=1, collection="anything", note="m"))
    verdict = only_verdict(world.exchange(request, user, transport=transport))
    assert verdict["reason"]["kind"] == "unknown_collection"
    assert (verdict["revision"], verdict["record"]) == told
    assert world.records("anything") == {"a": {"note": "n"}}


def test_many_undeclared_collections_cost_few_statements(world: World) -> None:
    """case A4: a batch that names hundreds of collections must not make as many statements."""
    device = world.device()
    device.pull()
    statements: list[str] = []
    sa.event.listen(world.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    sent = [create("a", collection=f"nowhere{number}", note="n") for number in range(500)]
    assert {v["verdict"] for v in device.push(*sent)["verdicts"]} == {"rejected"}
    assert len(statements) < 50


@pytest.mark.parametrize(
    "holds", [None, "asks", [1], ["x" * 201], ["a"] * 1_001, {"asks": 1}], ids=repr
)
def test_device_that_does_not_say_what_it_holds_is_not_told(world: World, holds: Any) -> None:
    assert "undeclared" not in world.device().pull(holds=holds)


def test_device_is_told_what_the_answer_does_not_speak_for(world: World) -> None:
    """case A4: a re-read omits such a collection, so the records stay on the device."""
    device = world.device()
    held = ["asks", "diary", "nowhere"]
    assert device.pull(holds=held)["undeclared"] == ["nowhere"]
    over_dag = world.exchange(device.request(holds=held), transport="dag")
    assert over_dag["undeclared"] == ["diary", "nowhere"]


@pytest.mark.parametrize(
    "part",
    [{}, {"set": {}}, {"inc": {"visits": 2}}, {"set": {}, "removed": [], "inc": {}}],
    ids=repr,
)
def test_create_without_set_is_applied(every_engine: sa.Engine, part: dict[str, Any]) -> None:
    """case A17: this was a TypeError, and 503 for ever."""
    a_world = World(every_engine)
    verdict = only_verdict(a_world.device().push(mutation("create", "a") | part))
    assert verdict["verdict"] == "applied"
    assert a_world.records() == {"a": part.get("inc", {})}
