"""The shortcut for a batch in which nothing is wrong reads the same as the long way."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hostile import hostile_mutation
from world import create, mutation

from airflow_updraft.exchange.mutation import BadMutation, read_mutation, read_plain_batch
from airflow_updraft.json_values import is_plain, parse_json

PLAIN = [
    create("a", note="n", data={"list": [1, 2.5, True, None, {"deep": "x"}], "big": 2**53 - 1}),
    mutation("patch", "b", base=7, set={"note": "ü €"}, removed=["status"], inc={"visits": -2}),
    mutation("delete", "c", base=2**53 - 1),
    mutation(
        "patch", "d", elements={"tags": {"added": ["é", 1, 2.5, True, None], "removed": [-1]}}
    ),
    mutation("create", "e", elements={"tags": {"added": [], "removed": []}}),
]


def text_of(mutations: list[dict[str, Any]]) -> str:
    batch = {"number": 1, "nonce": "n", "mutations": mutations}
    return json.dumps(batch, ensure_ascii=False, separators=(",", ":"))


def long_way(text: str) -> list[Any]:
    good_names = set[str]()
    plain = is_plain(text)
    return [
        read_mutation(body, at, good_names, plain=plain)
        for at, body in enumerate(parse_json(text)["mutations"])
    ]


def test_plain_batch_takes_the_shortcut() -> None:
    text = text_of(PLAIN)
    batch = read_plain_batch(text.encode())
    assert batch is not None
    assert list(batch.mutations) == long_way(text)
    assert (batch.number, batch.nonce) == (1, "n")


@pytest.mark.parametrize(
    "rare",
    [
        create("a", size=1e20),
        create("a", size=10**20),
        create("a", data={"sizes": [-1e300]}),
        create("a", data=[[[[[["deep"]]]]]]),
        create("a", note="__proto__"),
    ],
)
def test_what_the_parser_cannot_judge_by_itself_is_read_the_long_way(rare: dict[str, Any]) -> None:
    text = text_of([*PLAIN, rare])
    assert read_plain_batch(text.encode()) is None
    assert long_way(text)[-1].set == rare["set"]


@pytest.mark.parametrize(
    "bad",
    [
        create("", note="n"),
        create("a", __proto__=1),
        create("a", data=10**400),
        create("a", data=2**53 + 1),
        create("a", data={"deep": [float(2**53 + 2)]}),
        create("a", data={"": 1}),
        create("a", data=[{"deep": {"__proto__": 1}}]),
        create("a") | {"firstSeq": -1},
        create("a") | {"removed": ["note"]},
        create("a") | {"unknown": 1},
        mutation("delete", "a", base=0, set={"note": "n"}),
        mutation("patch", "a", base=0, set={"note": "n"}, removed=["note"]),
        mutation("patch", "a", base=0, removed=["note", "note"]),
        mutation("patch", "a", base=0, inc={"visits": True}),
        mutation("patch", "a", elements={"tags": {"added": [[]], "removed": []}}),
        mutation("patch", "a", elements={"tags": {"added": ["x"]}}),
        mutation("patch", "a", elements={"tags": {"added": [2**53 + 1], "removed": []}}),
        mutation("patch", "a", elements={"__proto__": {"added": ["x"], "removed": []}}),
        mutation(
            "patch", "a", set={"tags": []}, elements={"tags": {"added": ["x"], "removed": []}}
        ),
        mutation("delete", "a", elements={"tags": {"added": ["x"], "removed": []}}),
    ],
)
def test_bad_mutation_does_not_take_it(bad: dict[str, Any]) -> None:
    text = text_of([*PLAIN, bad])
    assert read_plain_batch(text.encode()) is None
    *good, refused = long_way(text)
    assert isinstance(refused, BadMutation)
    assert not any(isinstance(read, BadMutation) for read in good)


@pytest.mark.parametrize("seed", range(20))
def test_hostile_batches_are_read_alike(seed: int) -> None:
    chance = Random(seed)
    shortcuts = 0
    for _ in range(300):
        made = [hostile_mutation(chance, "plugin") for _ in range(chance.choice((1, 2)))]
        text = text_of(made)
        try:
            data = text.encode()
        except UnicodeEncodeError:
            continue
        batch = read_plain_batch(data) if is_plain(text) else None
        if batch is not None:
            shortcuts += 1
            assert list(batch.mutations) == long_way(text)
    assert shortcuts > 10
