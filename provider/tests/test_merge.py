"""The merge is pure: each rule by itself, without a database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from world import COLLECTIONS

from airflow_updraft.collections import Collection, compile_collections
from airflow_updraft.exchange.merge import Stored, merge
from airflow_updraft.exchange.mutation import Elements, Mutation

CONTRACT = Path(__file__).parents[2] / "shared" / "contract"
GOLDEN_LISTS = json.loads((CONTRACT / "elements.json").read_text("utf-8"))["cases"]
BY_POLICY = compile_collections(COLLECTIONS)
ASK, CLIENT, SERVER = (BY_POLICY[name] for name in ("asks", "clients", "servers"))
POLICIES = pytest.mark.parametrize("collection", [ASK, CLIENT, SERVER], ids=lambda c: c.on_conflict)


def stored(revision: int = 5, created: int = 1, deleted: bool = False, **fields: Any) -> Stored:
    """Return a record whose fields were all last changed at its revision."""
    return Stored(revision, created, fields, dict.fromkeys(fields, revision), deleted, "ana")


def edit(
    op: Any = "patch",
    base: int = 5,
    inc: Any = None,
    removed: Any = (),
    elements: Any = None,
    **fields: Any,
) -> Mutation:
    return Mutation("asks", "a", base, op, fields, frozenset(removed), inc or {}, elements or {})


def lists(added: Any = (), removed: Any = (), field: str = "data") -> dict[str, Elements]:
    return {field: Elements([*added], [*removed])}


def run(mutation: Mutation, record: Stored | None, collection: Collection = ASK) -> Any:
    return merge(mutation, record, collection, "bob", 6)


def test_put_of_whole_document_does_not_remove_fields_its_author_never_saw() -> None:
    outcome = run(edit("create", base=0, status="ok"), stored(status="ok", note="never seen"))
    assert outcome.record is None
    outcome = run(edit(base=4, site="x"), stored(note="never seen"))
    assert outcome.record.fields == {"note": "never seen", "site": "x"}


def test_value_the_author_never_saw_is_not_replaced() -> None:
    record = stored(status="watch")
    assert run(edit(base=4, status="fail"), record).verdict == "conflicted"
    assert run(edit(base=4, status="fail"), record).fields == ("status",)
    assert run(edit(base=4, status="fail"), record).record is None


def test_conflict_in_one_field_does_not_keep_back_the_free_ones() -> None:
    record = Stored(
        5, 1, {"status": "watch", "note": "n"}, {"status": 5}, deleted=False, owner="ana"
    )
    outcome = run(edit(base=4, status="fail", note="mine"), record)
    assert outcome.verdict == "conflicted"
    assert outcome.record.fields == {"status": "watch", "note": "mine"}
    assert outcome.record.field_revisions == {"status": 5, "note": 6}


def test_client_wins_writes_and_says_merged() -> None:
    outcome = run(edit(base=4, status="fail"), stored(status="watch"), CLIENT)
    assert (outcome.verdict, outcome.record.fields) == ("merged", {"status": "fail"})


def test_value_dropped_by_server_wins_is_reported() -> None:
    outcome = run(edit(base=4, status="fail"), stored(status="watch"), SERVER)
    assert (outcome.verdict, outcome.dropped, outcome.record) == ("merged", ("status",), None)


@POLICIES
def test_two_people_who_agree_are_not_asked(collection: Collection) -> None:
    outcome = run(edit(base=4, status="watch"), stored(status="watch"), collection)
    assert (outcome.verdict, outcome.record, outcome.dropped) == ("merged", None, ())


def test_true_is_not_taken_for_1() -> None:
    assert run(edit(data=True), stored(data=1)).record.fields == {"data": True}
    assert run(edit(data={"x": [1]}), stored(data={"x": [True]})).verdict == "applied"
    assert run(edit(data={"b": 1.0, "a": [0]}), stored(data={"a": [0], "b": 1})).record is None


@POLICIES
def test_increment_does_not_become_a_set(collection: Collection) -> None:
    outcome = run(edit(base=1, inc={"visits": 2}), stored(visits=40), collection)
    assert (outcome.verdict, outcome.record.fields) == ("merged", {"visits": 42})


def test_increment_counts_absent_as_0() -> None:
    assert run(edit(inc={"visits": 2}), stored()).record.fields == {"visits": 2}
    assert run(edit("create", base=0, inc={"visits": 2}), None).record.fields == {"visits": 2}


def test_increments_sum_as_the_device_predicts() -> None:
    assert run(edit(inc={"data": 0.2}), stored(data=0.1)).record.fields == {"data": 0.1 + 0.2}
    total = run(edit(inc={"data": 0.5}), stored(data=1.5)).record.fields["data"]
    assert (total, type(total)) == (2, int)


@pytest.mark.parametrize("before", ["text", True, [1], {}, None])
def test_increment_of_what_is_no_number_is_rejected(before: Any) -> None:
    outcome = run(edit(inc={"data": 1}), stored(data=before))
    assert (outcome.verdict, outcome.record, outcome.problem.path) == ("rejected", None, "/data")


def test_increment_beyond_all_numbers_is_rejected() -> None:
    assert run(edit(inc={"data": 1.7e308}), stored(data=1.7e308)).verdict == "rejected"


@pytest.mark.parametrize("case", GOLDEN_LISTS, ids=lambda case: case["name"])
def test_list_is_changed_as_the_device_changes_it(case: dict[str, Any]) -> None:
    before = {"data": case["list"]} if "list" in case else {}
    after = {"data": case["result"]} if "result" in case else {}
    outcome = run(edit(elements=lists(case["added"], case["removed"])), stored(**before))
    if json.dumps(before) == json.dumps(after) or case["name"] == "1 is 1.0":
        assert (outcome.verdict, outcome.record) == ("merged", None), "no change, no revision"
    else:
        assert outcome.verdict == "applied"
        assert json.dumps(outcome.record.fields) == json.dumps(after)


@POLICIES
def test_elements_do_not_become_a_set(collection: Collection) -> None:
    """fault 76: whatever the policy, and whatever became of the list meanwhile."""
    change = edit(base=1, elements=lists(["x"], ["y"]))
    for before, after in (
        ({"data": ["theirs", "y"]}, ["theirs", "x"]),
        ({"data": []}, ["x"]),
        ({}, ["x"]),
    ):
        outcome = run(change, stored(**before), collection)
        assert (outcome.verdict, outcome.record.fields) == ("merged", {"data": after})
        assert outcome.record.field_revisions["data"] == 6


def test_create_has_the_elements_it_adds_and_no_list_without() -> None:
    made = edit("create", base=0, elements={**lists(["x"]), **lists([], ["y"], "site")})
    assert run(made, None).record.fields == {"data": ["x"]}
    assert run(made, stored(data=["y"])).record.fields == {"data": ["y", "x"]}


@pytest.mark.parametrize("before", ["text", True, 1, {}, None, [["x"]], ["x", {}]])
@pytest.mark.parametrize("change", [lists(["y"]), lists([], ["x"])])
def test_elements_of_what_is_no_list_of_scalars_are_rejected(before: Any, change: Any) -> None:
    outcome = run(edit(elements=change), stored(data=before))
    assert (outcome.verdict, outcome.record, outcome.problem.path) == ("rejected", None, "/data")


@POLICIES
def test_lists_that_fit_alone_and_not_together_are_a_conflict(collection: Collection) -> None:
    held = [f"{number:060}" for number in range(1_000)]
    more = edit(base=4, elements=lists(f"x{number:059}" for number in range(50)))
    outcome = run(more, stored(data=held), collection)
    assert (outcome.verdict, outcome.fields, outcome.problem.kind) == (
        "conflicted",
        "*",
        "too_large",
    )
    assert run(edit(elements=more.elements), stored(data=held)).verdict == "rejected"


def test_many_elements_are_changed_in_time() -> None:
    """No list is searched once for each element."""
    held = [*range(10_000)]
    change = lists(range(5_000, 12_000), range(5_000))
    assert run(edit(elements=change), stored(data=held)).record.fields == {
        "data": [*range(5_000, 12_000)]
    }


def test_removed_field_keeps_its_revision() -> None:
    outcome = run(edit(removed=["note"]), stored(note="n", site="x"))
    assert outcome.record.fields == {"site": "x"}
    assert outcome.record.field_revisions["note"] == 6
    late = merge(edit(base=5, note="edited"), outcome.record, ASK, "bob", 7)
    assert (late.verdict, late.fields) == ("conflicted", ("note",))


def test_removal_of_an_edited_field_conflicts() -> None:
    assert run(edit(base=4, removed=["note"]), stored(note="n")).fields == ("note",)
    assert run(edit(base=4, removed=["note"]), stored(note="n"), SERVER).dropped == ("note",)
    assert run(
        edit(base=4, removed=["note"]), stored(note="n", site="x"), CLIENT
    ).record.fields == {"site": "x"}


def test_create_may_set_a_field_another_removed() -> None:
    record = Stored(5, 1, {}, {"note": 5}, deleted=False, owner="ana")
    assert run(edit("create", base=0, note="n"), record).record.fields == {"note": "n"}
    assert run(edit("patch", base=4, note="n"), record).verdict == "conflicted"


@POLICIES
@pytest.mark.parametrize("record", [None, stored(deleted=True)], ids=["absent", "tombstone"])
def test_patch_never_makes_a_partial_record(collection: Collection, record: Stored | None) -> None:
    outcome = run(edit(note="part"), record, collection)
    assert (outcome.verdict, outcome.fields, outcome.record) == ("conflicted", "*", None)


@POLICIES
@pytest.mark.parametrize("record", [None, stored(deleted=True)], ids=["absent", "tombstone"])
def test_delete_of_what_is_gone_has_no_effect(
    collection: Collection, record: Stored | None
) -> None:
    outcome = run(edit("delete", base=0), record, collection)
    assert (outcome.verdict, outcome.record) == ("merged", None)


@pytest.mark.parametrize(
    ("collection", "verdict", "deleted"),
    [(ASK, "conflicted", False), (CLIENT, "merged", True), (SERVER, "merged", False)],
)
def test_delete_does_not_remove_an_edit_its_author_never_saw(
    collection: Collection, verdict: str, deleted: bool
) -> None:
    outcome = run(edit("delete", base=4), stored(note="new"), collection)
    assert outcome.verdict == verdict
    assert (outcome.record is not None and outcome.record.deleted) == deleted


def test_tombstone_keeps_its_owner_and_no_content() -> None:
    tombstone = run(edit("delete"), stored(note="private")).record
    assert (tombstone.owner, tombstone.fields, tombstone.field_revisions) == ("ana", {}, {})


@pytest.mark.parametrize(
    ("collection", "verdict"), [(ASK, "conflicted"), (CLIENT, "merged"), (SERVER, "merged")]
)
def test_create_does_not_undo_a_delete_nobody_was_asked_about(
    collection: Collection, verdict: str
) -> None:
    assert (
        run(edit("create", base=4, note="n"), stored(deleted=True), collection).verdict == verdict
    )


@POLICIES
def test_create_over_a_known_tombstone_is_a_plain_create(collection: Collection) -> None:
    outcome = run(edit("create", base=5, note="n"), stored(deleted=True), collection)
    assert (outcome.verdict, outcome.record.created, outcome.record.owner) == ("applied", 6, "bob")


def test_recreated_record_is_new_in_every_field() -> None:
    record = run(edit("create", base=5, note="n"), stored(deleted=True)).record
    assert record.changed("note", 5)
    assert not record.changed("note", 6)


@POLICIES
def test_author_is_not_told_off_for_a_merge_that_came_out_invalid(collection: Collection) -> None:
    outcome = run(edit(base=4, inc={"visits": -3}), stored(visits=1), collection)
    assert (outcome.verdict, outcome.fields, outcome.problem.kind) == ("conflicted", "*", "schema")
    assert outcome.record is None


def test_invalid_edit_of_an_unmoved_record_is_rejected() -> None:
    outcome = run(edit(inc={"visits": -3}), stored(visits=1))
    assert (outcome.verdict, outcome.record) == ("rejected", None)
    assert "minimum" in outcome.problem.message


@pytest.mark.parametrize(
    "value",
    ["nul \0", "half \ud800", {"k\0": 1}, [["\udfff"]], float("inf"), float("nan"), 10**400],
    ids=["nul", "surrogate", "key", "nested", "inf", "nan", "huge"],
)
def test_value_no_database_can_hold_is_rejected(value: Any) -> None:
    for mutation in (edit("create", base=0, data=value), edit(data=value)):
        outcome = run(mutation, stored(data=0) if mutation.op == "patch" else None)
        assert (outcome.verdict, outcome.problem.kind) == ("rejected", "malformed")


def test_record_nested_too_deeply_is_rejected() -> None:
    def nested(levels: int) -> Any:
        return [nested(levels - 1)] if levels else 0

    assert run(edit("create", base=0, data=nested(31)), None).verdict == "applied"
    assert run(edit("create", base=0, data=nested(32)), None).verdict == "rejected"


def test_record_that_is_too_large_is_rejected_and_a_merge_that_is_conflicts() -> None:
    half = "é" * 16_000
    assert (
        run(edit("create", base=0, data=half + half + "x" * 2000), None).problem.kind == "too_large"
    )
    assert run(edit("create", base=0, data=half), None).verdict == "applied"
    record = Stored(5, 1, {"data": half}, {"data": 5}, deleted=False, owner="ana")
    outcome = merge(
        Mutation("anything", "a", 4, "patch", {"more": half + "x" * 2000}),
        record,
        ANYTHING,
        "bob",
        6,
    )
    assert (outcome.verdict, outcome.fields, outcome.problem.kind) == (
        "conflicted",
        "*",
        "too_large",
    )


ANYTHING = BY_POLICY["anything"]
