"""Properties of merge and ledger under resends, losses, late duplicates, interleaved replicas."""

from __future__ import annotations

import itertools
import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from world import COLLECTIONS, NOW, World, create, mutation

from airflow_updraft.collections import compile_collections
from airflow_updraft.exchange.merge import Stored, merge, with_elements
from airflow_updraft.exchange.mutation import Elements, Mutation
from airflow_updraft.json_values import json_equal

BY_POLICY = compile_collections(COLLECTIONS)
UNIQUE = itertools.count()
ON_A_DATABASE = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    print_blob=True,
)

scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.0, 1.0, 0.5, "", "a"])
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner),
)
names = st.sampled_from(["f", "g", "h", "n"])
revisions = st.integers(0, 6)


@st.composite
def stored_records(draw: st.DrawFn) -> Stored:
    created = draw(st.integers(1, 4))
    fields = draw(st.dictionaries(names, json_values))
    field_revisions = draw(st.dictionaries(names, st.integers(created, 6)))
    return Stored(
        max([created, *field_revisions.values()]), created, fields, field_revisions, False, "ana"
    )


@st.composite
def mutations(draw: st.DrawFn) -> Mutation:
    op = draw(st.sampled_from(["create", "patch"]))
    sets = draw(st.dictionaries(names, json_values))
    removed = draw(st.sets(names)) - sets.keys() if op == "patch" else set()
    steps = draw(st.dictionaries(names, st.integers(-2, 2)))
    inc = {name: step for name, step in steps.items() if name not in sets and name not in removed}
    listed = draw(st.dictionaries(names, st.builds(Elements, st.lists(scalars), st.lists(scalars))))
    elements = {
        name: change for name, change in listed.items() if name not in {*sets, *removed, *inc}
    }
    return Mutation("anything", "a", draw(revisions), op, sets, frozenset(removed), inc, elements)


@given(st.sampled_from(["ask", "client-wins", "server-wins"]), stored_records(), mutations())
@settings(max_examples=400, deadline=None)
def test_no_field_is_replaced_whose_author_had_not_seen_it(
    policy: Any, stored: Stored, edit: Mutation
) -> None:
    collection = compile_collections({"anything": {"schema": {}, "onConflict": policy}})["anything"]
    outcome = merge(edit, stored, collection, "bob", 9)
    after = stored if outcome.record is None else outcome.record
    for name in {*stored.fields, *after.fields}:
        same = (
            name in stored.fields
            and name in after.fields
            and json_equal(stored.fields[name], after.fields[name])
        )
        if same:
            continue
        merged = name in edit.inc or name in edit.elements
        assert name in edit.set or name in edit.removed or merged, (
            "a field nobody named has changed"
        )
        assert after.field_revisions[name] == 9
        seen = not stored.changed(name, edit.base_revision)
        free = edit.op == "create" and name not in stored.fields
        assert seen or free or merged or policy == "client-wins"
    if outcome.verdict == "applied":
        assert stored.revision <= edit.base_revision, (
            "applied promises the device that base + mutation is the content"
        )
        expected = {
            name: value for name, value in stored.fields.items() if name not in edit.removed
        } | dict(edit.set)
        expected |= {name: stored.fields.get(name, 0) + step for name, step in edit.inc.items()}
        for name, change in edit.elements.items():
            if name in stored.fields or change.added:
                expected[name] = with_elements(stored.fields.get(name, []), change)
        assert json_equal(dict(after.fields), expected)
    if outcome.verdict == "conflicted":
        assert policy == "ask"
        assert outcome.fields
    for name in outcome.dropped:
        assert policy == "server-wins"
        assert name in edit.set or name in edit.removed


@given(json_values)
def test_json_equality_is_that_of_the_text_with_sorted_keys(value: Any) -> None:
    assert json_equal(value, json.loads(json.dumps(value)))
    assert not json_equal(value, [value])


@given(json_values, json_values)
def test_json_equality_tells_all_but_number_formats_apart(one: Any, other: Any) -> None:
    def canonical(value: Any) -> str:
        return json.dumps(value, sort_keys=True).replace(".0", "")

    assert json_equal(one, other) == (canonical(one) == canonical(other))


steps = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["push", "lose", "resend", "late"])), max_size=30
)


@given(steps)
@ON_A_DATABASE
def test_effects_happen_once_whatever_is_resent_lost_late_or_interleaved(
    world: World, schedule: Any
) -> None:
    """fault 18, 19: at random, for three replicas that write the same record."""
    run = next(UNIQUE)
    shared = f"shared-{run}"
    owner = world.device(f"owner-{run}")
    owner.push(create(shared, visits=0))
    before = world.revision
    devices = [
        world.device(f"r{index}-{run}", user) for index, user in enumerate(("ana", "bob", "cyd"))
    ]
    sent: list[list[dict[str, Any]]] = [[] for _ in devices]
    unanswered: dict[int, dict[str, Any]] = {}
    accepted = 0
    for index, action in schedule:
        device, history = devices[index], sent[index]
        if action in ("push", "lose"):
            # A sealed batch without an answer is sent again, never a new batch.
            request = unanswered.pop(index, None)
            if request is None:
                new = f"new-{run}-{index}-{len(history)}"
                request = device.batch_request(
                    mutation("patch", shared, base=1, inc={"visits": 1}), create(new)
                )
                history.append(request)
                accepted += 1
            answer = world.exchange(request, device.user)
            assert [v["verdict"] for v in answer["verdicts"]] == [
                "merged",
                "applied",
            ] or action == "push"
            if action == "lose":
                unanswered[index] = request
            else:
                device.settle(answer, request)
        elif history:
            request = history[-1] if action == "resend" else history[0]
            answer = world.exchange(request, device.user)
            is_newest = request is history[-1]
            assert ("verdicts" in answer) == is_newest, "an older one is refused, never applied"
    records = world.records()
    assert records[shared]["visits"] == accepted
    assert sum(name.startswith(f"new-{run}-") for name in records) == accepted
    assert world.revision - before == 2 * accepted, "effects = revisions"


@given(st.lists(st.tuples(st.integers(0, 1), names, st.integers(0, 3)), max_size=12))
@ON_A_DATABASE
def test_feed_page_by_page_equals_the_store(world: World, edits: Any) -> None:
    run = next(UNIQUE)
    writers = [world.device(f"w{index}-{run}", user) for index, user in enumerate(("ana", "bob"))]
    reader = world.device(f"reader-{run}", "cyd")
    held: dict[str, Any] = {}
    for index, name, value in edits:
        record_id = f"{name}-{run}"
        base = writers[index].since
        if value == 0:
            writers[index].push(mutation("delete", record_id, base=base))
        else:
            writers[index].push(create(record_id, base=base, visits=value))
        page = reader.pull(limit=2)
        while True:
            for change in page["changes"]:
                held[change["id"]] = change.get("record")
            if not page["more"]:
                break
            page = reader.pull(limit=2)
    live = {key: fields for key, fields in world.records().items() if key.endswith(f"-{run}")}
    got = {
        key: {k: v for k, v in record.items() if k != "id"}
        for key, record in held.items()
        if record
    }
    assert got == live


def test_clock_is_only_a_label(world: World) -> None:
    """fault 33: a server clock that jumps back changes no verdict and no order."""
    device = world.device()
    world.exchange(device.request(), clock=lambda: NOW.replace(year=2030))
    device.push(create(note="n"))
    answer = world.exchange(device.request(since=0), clock=lambda: NOW.replace(year=1990))
    assert [c["revision"] for c in answer["changes"]] == [1]
