"""Exchanges with every optional key present, absent or null (case A17), drawn from a seed.

Most are valid.
"""

from __future__ import annotations

from random import Random
from typing import Any

from world import Device, sealed

VALUES: list[Any] = [
    None,
    True,
    0,
    -0.0,
    1.5,
    2**53,
    1e20,
    "",
    "n",
    "é",
    "nul\0",
    [],
    {},
    [1, [2]],
    {"k": {}},
]
VALUES += [{"__proto__": 1}, {"": 1}, ["\ud800"], "x" * 300]
NAMES = [
    "note",
    "status",
    "visits",
    "site",
    "data",
    "",
    "id",
    "__proto__",
    "é" * 201,
    "constructor",
]
COLLECTIONS = ["asks", "clients", "servers", "diary", "sites", "anything", "nowhere", ""]
ABSENT = object()


def some(chance: Random, parts: dict[str, list[Any]]) -> dict[str, Any]:
    """Return each of the keys with a value, or without the key."""
    drawn = {name: chance.choice([ABSENT, *values]) for name, values in parts.items()}
    return {name: value for name, value in drawn.items() if value is not ABSENT}


def fields(chance: Random) -> dict[str, Any]:
    return {
        name: chance.choice(VALUES) for name in chance.sample(NAMES, chance.choice((0, 0, 1, 2)))
    }


def lists(chance: Random) -> dict[str, Any]:
    def some_values() -> list[Any]:
        return chance.sample(VALUES, chance.choice((0, 1, 2)))

    return {
        name: chance.choice([{"added": some_values(), "removed": some_values()}, some_values()])
        for name in chance.sample(NAMES, 1)
    }


def mutation(chance: Random, revision: int) -> dict[str, Any]:
    named = {
        "collection": chance.choice(COLLECTIONS),
        "id": chance.choice(["a", "b", "c", f"r{chance.random()}"]),
    }
    counted = {
        "firstSeq": 1,
        "lastSeq": 1,
        "baseRevision": chance.choice([0, revision, max(0, revision - 3)]),
    }
    made = named | counted | {"op": chance.choice(["create", "patch", "delete"])}
    steps = {
        name: chance.choice([1, -2.5, 1e308, True, "1", None]) for name in chance.sample(NAMES, 1)
    }
    removed = chance.sample(NAMES, chance.choice((0, 1, 2)))
    made |= some(
        chance,
        {
            "set": [{}, fields(chance), None],
            "removed": [[], removed, None],
            "inc": [{}, steps, None],
            "elements": [{}, lists(chance), None],
        },
    )
    if chance.random() < 0.1:
        made.pop(chance.choice(list(made)))
    return made


def fuzzed_request(chance: Random, device: Device, revision: int) -> dict[str, Any]:
    number = device.last["number"] + 1 if device.last else 1
    nonce = f"n{chance.random()}"
    batch = {
        "number": number,
        "nonce": nonce,
        "mutations": [mutation(chance, revision) for _ in range(chance.choice((0, 1, 3)))],
    }
    carried = chance.choice(
        [
            {},
            sealed(batch),
            sealed(batch),
            sealed(batch),
            {"void": {"number": number, "nonce": nonce}},
        ]
    )
    device_parts = {
        "unsent": [0, 3],
        "failures": [0, None],
        "oldestSeconds": [1],
        "keptOut": [2],
        "wake": ["sync"],
        "app": ["1", 7],
    }
    optional = {
        "device": [some(chance, device_parts), None, 7],
        "holds": [["asks", "nowhere"], [], None, [1]],
        "protocol": [1, 2],
        "last": [device.last, None],
        "epoch": [device.epoch, None, "other"],
        "batch": [None],
        "hash": [None],
        "void": [None],
    }
    good = device.request(
        since=chance.choice([0, device.since]), floor=0, limit=chance.choice([1, 3, 1_000])
    )
    if chance.random() < 0.7:
        return (
            good
            | carried
            | some(chance, {name: optional[name] for name in ("device", "holds", "protocol")})
        )
    drawn = {**good, **carried, **some(chance, optional)}
    if chance.random() < 0.2:
        drawn.pop(chance.choice(list(drawn)))
    return drawn
