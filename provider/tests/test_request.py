"""Requests from anybody: clear answers, no effect, never an error of ours."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from world import World, create, mutation, sealed

from airflow_updraft.limits import LIMITS

HOSTILE = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=[]))
    | st.sampled_from(
        [
            "__proto__",
            "{{ 1 }}",
            "'; DROP TABLE updraft_meta; --",
            2**70,
            10**400,
            -1,
            "\ud800",
            "\0",
        ]
    ),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@pytest.fixture
def sqlite_world(tmp_path: Path) -> World:
    return World(sa.create_engine(f"sqlite:///{tmp_path}/s.db"))


@pytest.mark.parametrize(
    ("request_", "kind"),
    [
        ("not json", "malformed"),
        ("[1]", "malformed"),
        ("null", "malformed"),
        ("{}", "protocol"),
        ('{"protocol": 3}', "protocol"),
        ('{"protocol": true}', "protocol"),
        ('{"protocol": 1}', "malformed"),
        ('{"protocol": NaN}', "malformed"),
        ("[" * 100_000, "malformed"),
        ('{"protocol": 1' + "0" * 5000 + "}", "malformed"),
        (" " * (LIMITS["plugin"].request_bytes_max + 1), "too_large"),
        ("é" * (LIMITS["plugin"].request_bytes_max // 2 + 1), "too_large"),
    ],
    ids=range(12),
)
def test_what_cannot_be_read_is_refused_with_null_for_what_could_not_be_echoed(
    sqlite_world: World, request_: str, kind: str
) -> None:
    answer = sqlite_world.exchange(request_)
    assert answer.pop("reason")["kind"] == kind
    assert answer == {
        "protocol": 1,
        "replicaId": None,
        "echo": {
            "epoch": None,
            "since": None,
            "floor": None,
            "last": None,
            "nonce": None,
            "hash": None,
        },
        "epoch": None,
        "refused": "invalid",
        "reset": False,
        "start": 0,
        "changes": [],
        "upTo": 0,
        "more": False,
    }


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"replicaId": ""}, "/replicaId"),
        ({"replicaId": "x" * 201}, "/replicaId"),
        ({"replicaId": "r\0"}, "/replicaId"),
        ({"user": None}, "/user"),
        ({"epoch": 1}, "/epoch"),
        ({"since": True}, "/since"),
        ({"since": 1.5}, "/since"),
        ({"since": 2**53}, "/since"),
        ({"floor": "0"}, "/floor"),
        ({"limit": 0}, "/limit"),
        ({"last": [1]}, "/last"),
        ({"last": {"number": 0, "nonce": "n"}}, "/last/number"),
        ({"void": {"number": 1}}, "/void/nonce"),
        ({"batch": {}}, "/batch"),
        ({"hash": "x"}, "/hash"),
        (sealed("[]"), "/batch"),
        (sealed({"number": 1, "nonce": "n"}), "/batch"),
        (sealed({"number": 0, "nonce": "n", "mutations": []}), "/batch/number"),
        (sealed({"number": 1, "nonce": "n", "mutations": [1]}), "/batch/mutations/0"),
        (
            sealed({"number": 1, "nonce": "n", "mutations": [{"collection": 1, "id": "a"}]}),
            "/batch/mutations/0",
        ),
        (sealed({"number": 1, "nonce": "n", "mutations": []}) | {"hash": None}, "/hash"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_malformed_part_is_named(sqlite_world: World, change: dict[str, Any], path: str) -> None:
    device = sqlite_world.device()
    before = sqlite_world.snapshot()
    answer = sqlite_world.exchange(device.request() | change)
    assert (answer["refused"], answer["reason"]["path"]) == ("invalid", path)
    assert sqlite_world.snapshot() == before


def test_batch_cut_on_its_way_is_not_taken_for_a_smaller_one(sqlite_world: World) -> None:
    device = sqlite_world.device()
    request = device.batch_request(create("a"))
    answer = sqlite_world.exchange(request | {"batch": request["batch"].replace('"a"', '"b"')})
    assert (answer["refused"], answer["reason"]["kind"]) == ("invalid", "hash")
    assert (answer["echo"]["hash"], answer["echo"]["nonce"]) == (request["hash"], "r1-n1")


@pytest.mark.parametrize(
    "bad",
    [
        {"op": "drop"},
        {"op": ["patch"]},
        {"baseRevision": -1},
        {"baseRevision": None},
        {"firstSeq": "1"},
        {"set": []},
        {"set": {"id": "b"}},
        {"set": {"": 1}},
        {"set": {"x" * 401: 1}},
        {"set": {"__proto__": {}}},
        {"set": {"n\0": 1}},
        {"inc": {"visits": True}},
        {"inc": {"visits": 10**400}},
        {"set": {"visits": 1}, "inc": {"visits": 1}},
        {"removed": "note"},
        {"removed": ["note"]},
        {"op": "patch", "removed": [1]},
        {"op": "patch", "removed": ["note", "note"]},
        {"op": "delete", "set": {"note": "n"}},
        {"addTo": {"tags": 1}},
        {"elements": []},
        {"elements": {"data": ["x"]}},
        {"elements": {"data": {"added": ["x"]}}},
        {"elements": {"data": {"added": ["x"], "removed": [], "more": []}}},
        {"elements": {"data": {"added": "x", "removed": []}}},
        {"elements": {"data": {"added": [["x"]], "removed": []}}},
        {"elements": {"data": {"added": [], "removed": [{}]}}},
        {"elements": {"data": {"added": ["n\0"], "removed": []}}},
        {"elements": {"data": {"added": [2**53 + 1], "removed": []}}},
        {"elements": {"id": {"added": ["x"], "removed": []}}},
        {"elements": {"note": {"added": ["x"], "removed": []}}, "set": {"note": "n"}},
        {"elements": {"visits": {"added": [1], "removed": []}}, "inc": {"visits": 1}},
        {"elements": {"data": {"added": ["x"], "removed": []}}, "op": "delete"},
    ],
    ids=str,
)
def test_bad_mutation_is_rejected_alone(sqlite_world: World, bad: dict[str, Any]) -> None:
    """fault 36, 40: of a batch, the good mutation is applied."""
    answer = sqlite_world.device().push(mutation("create", "a") | bad, create("good"))
    assert [v["verdict"] for v in answer["verdicts"]] == ["rejected", "applied"]
    assert answer["verdicts"][0]["reason"]["kind"] == "malformed"


@pytest.mark.parametrize("plain", [True, False])
def test_protocol_1_knows_no_elements_and_2_does(sqlite_world: World, *, plain: bool) -> None:
    """fault 77: what an older server refuses, a newer one does not take from that version."""
    note = "n" if plain else "half \ud800"
    elements = {"data": {"added": [1], "removed": []}}
    device = sqlite_world.device()
    request = device.batch_request(
        mutation("create", "a", elements=elements),
        create("b", note="n"),
        *([] if plain else [create("c", note=note)]),
    )
    verdicts = [["applied", "applied"], ["rejected", "applied"]]
    for protocol, expected in ((1, verdicts[1]), (1.0, verdicts[1]), (2, verdicts[0])):
        backup = sqlite_world.snapshot()
        answer = sqlite_world.exchange(request | {"protocol": protocol})
        assert [v["verdict"] for v in answer["verdicts"]][:2] == expected
        assert answer["protocol"] == int(protocol)
        sqlite_world.restore(backup)


@pytest.mark.parametrize("protocol", [0, 3, 1.5, True, "2", None, [2], 10**400])
def test_protocol_that_is_not_served_is_refused_in_one_that_every_device_reads(
    sqlite_world: World, protocol: Any
) -> None:
    request = sqlite_world.device().request() | {"protocol": protocol}
    answer = sqlite_world.exchange(request)
    assert (answer["protocol"], answer["refused"], answer["reason"]["kind"]) == (
        1,
        "invalid",
        "protocol",
    )


@given(junk)
@HOSTILE
def test_junk_has_no_effect(sqlite_world: World, request: Any) -> None:
    """fault 40: not even a shape."""
    before = sqlite_world.snapshot()
    assert sqlite_world.exchange(request)["refused"] == "invalid"
    assert sqlite_world.snapshot() == before


@given(st.data())
@HOSTILE
def test_good_request_with_one_part_replaced_by_junk_is_answered(
    sqlite_world: World, data: st.DataObject
) -> None:
    """fault 40: at any depth of request and batch."""
    device = sqlite_world.device("r1")
    batch = {
        "number": 1,
        "nonce": "n",
        "mutations": [create("a", note="n"), mutation("delete", "b")],
    }
    request: dict[str, Any] = device.request(epoch="e1", batch=copy.deepcopy(batch))
    spot: Any = request
    while True:
        key = data.draw(
            st.sampled_from(sorted(spot) if isinstance(spot, dict) else range(len(spot)))
        )
        if not isinstance(spot[key], dict | list) or not spot[key] or data.draw(st.booleans()):
            break
        spot = spot[key]
    spot[key] = data.draw(junk)
    if isinstance(request["batch"], dict):
        request |= sealed(request["batch"])
    answer = sqlite_world.exchange(request)
    assert answer["protocol"] in (1, 2)
    json.dumps(answer, allow_nan=False)
    assert set(sqlite_world.records()) <= {"a"}
