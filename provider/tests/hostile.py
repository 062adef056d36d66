"""Requests that a signed-in user could send to do harm, made from valid requests.

Two families. ``broken_request``: a batch that would be applied, in a request with a single fatal
fault. ``hostile_batch``: a good request whose mutations must all come to nothing. All is drawn from
the given random source, so that a seed gives the same requests again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from random import Random
from typing import Any

from world import Device, create, delete, mutation, sealed

from airflow_updraft.limits import ID_BYTES_MAX, LIMITS, Transport

Made = dict[str, Any] | str

WORDS = [
    "'; DROP TABLE updraft_records; --",
    "x' OR '1'='1",
    '"; DELETE FROM updraft_replicas; --',
    "a') ON CONFLICT DO NOTHING; UPDATE updraft_meta SET revision = 0; --",
    "%s %(id)s :id ? $1 \\",
    "{{ 7 * 7 }}",
    "{% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}",
    "{{ conn.updraft_default.password }}",
    "__proto__",
    "constructor",
    "prototype",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "\u202eright to left",
    "😀" * 40,
    "x" * 5_000,
]
SHORT_WORDS = [word for word in WORDS if len(word) <= ID_BYTES_MAX]
UNSTORABLE = ["nul\0", "\ud800", "half \udfff"]

UNFIT: list[Any] = [
    [UNSTORABLE],
    {"\0": 1},
    [{"__proto__": {}}],
    {"a": {"": 1}},
    2**53,
    [-(2**53) - 1],
    1e20 / 3,
]
"""Unfit values of a field, at any depth."""

NO_TEXT: list[Any] = [None, True, 0, 1.5, [], {}, ["x"], {"$ne": None}, "", "x" * 201, *UNSTORABLE]
NO_COUNT: list[Any] = [
    None,
    True,
    -1,
    1.5,
    2**53,
    2**64,
    10**400,
    float("nan"),
    float("inf"),
    "0",
    "",
    [],
    {},
    [0],
]

BAD_PARTS: dict[str, list[Any]] = {
    "protocol": [None, 0, 3, True, "1", [1], {}, 1.5, 10**400],
    "replicaId": [*NO_TEXT, "bens-phone"],
    "user": [*NO_TEXT, "ben", "ANA", "ana ", *WORDS],
    "epoch": [1, True, [], {}, "", "x" * 201, *UNSTORABLE, *SHORT_WORDS],
    "since": NO_COUNT,
    "floor": NO_COUNT,
    "limit": [*NO_COUNT, 0],
    "last": [
        [],
        7,
        "x",
        {},
        {"number": 1},
        {"nonce": "n"},
        {"number": -1, "nonce": "n"},
        {"number": 1, "nonce": {}},
    ],
    "void": [
        [],
        7,
        "x",
        {"number": 1},
        {"number": 1, "nonce": "n"},
        {"number": 10**400, "nonce": "n"},
    ],
    "hash": [None, 1, "", "0" * 64, [], {}, *WORDS],
    "batch": [1, True, [], {}, "", "[]", "null", "{}", *WORDS],
}


def hostile_request(chance: Random, device: Device, transport: Transport) -> Made:
    """Return a hostile request of the device's user, as an object or text, which may be no JSON."""
    (make,) = chance.choices((broken_request, hostile_batch, hostile_pull), (7, 2, 1))
    made = make(chance, device, transport)
    if isinstance(made, dict) and chance.random() < 0.2:
        made[chance.choice(WORDS)] = junk(chance)
    return made


def hostile_conf(chance: Random, device: Device) -> tuple[Any, dict[str, Any] | None]:
    """Return a hostile conf of a DAG run, and the request inside if readable, else None."""
    made = hostile_request(chance, device, "dag")
    text = made if isinstance(made, str) else json.dumps(made)
    request = made if isinstance(made, dict) else None
    kind = chance.random()
    if kind < 0.8:
        return {"updraft": text}, request
    if kind < 0.9:
        # Other keys count for nothing, a user's name least of all.
        return {
            "updraft": text,
            "user": "ben",
            "triggering_user_name": "ben",
            chance.choice(WORDS): junk(chance),
        }, request
    # No text, or a text in the wrong place.
    return chance.choice(
        [None, {}, {"updraft": made if request else [text]}, {"Updraft": text}, {text: "updraft"}]
    ), None


def junk(chance: Random) -> Any:
    """A value that belongs nowhere."""
    return chance.choice(
        (chance.choice(WORDS), chance.choice(NO_COUNT), nested(chance.choice((5, 40, 400))))
    )


def nested(levels: int) -> Any:
    """A list in a list in a list …"""
    value: Any = 0
    for _ in range(levels):
        value = [value]
    return value


def broken_request(chance: Random, device: Device, transport: Transport) -> Made:
    """Return a request whose batch would be applied, but for a single fault."""
    good = device.batch_request(create(f"evil-{chance.random()}", note="must not be stored"))
    fault = chance.choice(
        (
            bad_part,
            bad_part,
            bad_text,
            bad_batch_text,
            bad_batch_text,
            bad_batch,
            bad_batch,
            wrong_turn,
        )
    )
    return fault(chance, good, transport)


def bad_part(chance: Random, good: dict[str, Any], _: Transport) -> Made:
    key = chance.choice(list(BAD_PARTS))
    value = chance.choice(BAD_PARTS[key])
    if key == "batch" and isinstance(value, str) and chance.random() < 0.5:
        return good | sealed(value)
    if (
        key in ("replicaId", "user", "since", "floor", "limit", "protocol", "hash")
        and chance.random() < 0.1
    ):
        return {name: part for name, part in good.items() if name != key}
    return good | {key: value}


def bad_text(chance: Random, good: dict[str, Any], _: Transport) -> Made:
    """No JSON, or JSON that repeats a key: the last value counts."""
    text = json.dumps(good)
    cuts: list[Callable[[], str]] = [
        lambda: text[: chance.randrange(len(text))],
        lambda: text + chance.choice(["}", "{}", ",", "\0", "x"]),
        lambda: text[:-1] + ', "user": "ben"}',
        lambda: text[:-1] + ', "hash": "' + "0" * 64 + '"}',
        lambda: text[:-1] + ', "since": 1e400}',
        lambda: text[:-1] + ', "limit": -0}',
        lambda: text[:-1] + ', "x": NaN}',
        lambda: text[:-1] + ', "x": ' + "[" * chance.choice((10, 100_000)) + "}",
        lambda: text[:-1] + ', "x": 1' + "0" * 5_000 + "}",
        lambda: "\ufeff" + text,
        lambda: f"[{text}]",
        lambda: json.dumps(text),
        lambda: text.replace('"', "'"),
    ]
    return chance.choice(cuts)()


def bad_batch_text(chance: Random, good: dict[str, Any], _: Transport) -> Made:
    """The batch's own text is broken, but has the right hash: somebody meant this."""
    text: str = good["batch"]
    broken = chance.choice(
        (
            text[: chance.randrange(len(text))],
            text + "]",
            text[:-1] + ',"mutations":"x"}',
            text[:-1] + ',"number":0}',
            text[:-1] + ',"__proto__":{}}',
            text[:-1] + ',"mutations":[' + "[" * 2_000 + "}",
            text.replace('"set":{', '"set":{"x":NaN,'),
            text.replace("must", "nul\0"),
            f"[{text}]",
            "\ufeff" + text,
        )
    )
    return good | {"batch": broken, "hash": hashlib.sha256(broken.encode()).hexdigest()}


def bad_batch(chance: Random, good: dict[str, Any], transport: Transport) -> Made:
    """The batch is JSON of the wrong shape, or over the limits."""
    batch = json.loads(good["batch"])
    if chance.random() < 0.02:
        limits = LIMITS[transport]
        batch["mutations"] = batch["mutations"] * (limits.batch_mutations_max + 1)
        if chance.random() < 0.5:
            batch["mutations"] = [create("evil-large", data="x" * limits.batch_bytes_max)]
        return good | sealed(batch)
    key, values = chance.choice(
        (
            (
                "number",
                [*NO_COUNT, 0, batch["number"] + 1, batch["number"] - 1, batch["number"] + 10**6],
            ),
            ("nonce", NO_TEXT),
            (
                "mutations",
                [
                    None,
                    {},
                    "x",
                    1,
                    [1],
                    [[]],
                    [None],
                    [{}],
                    [{"collection": "asks"}],
                    [{"id": "a"}],
                ],
            ),
            (chance.choice(WORDS), [1]),
        )
    )
    return good | sealed(batch | {key: chance.choice(values)})


def wrong_turn(chance: Random, good: dict[str, Any], _: Transport) -> Made:
    """Well-formed, but of somebody else, of a clone, or void and batch at once."""
    number = json.loads(good["batch"])["number"]
    return good | chance.choice(
        (
            {"replicaId": "bens-phone"},
            {"replicaId": "bens-phone", "user": "ben"},
            {"user": "ben"},
            {"last": {"number": 1, "nonce": chance.choice(WORDS)[:200]}},
            {"void": {"number": number, "nonce": "n"}},
            {"batch": None},
            {"epoch": None},
        )
    )


def hostile_pull(chance: Random, device: Device, _: Transport) -> Made:
    """Ask for too much: another's name, another's replica, everything at once; or void a batch that
    never was."""
    word = chance.choice(SHORT_WORDS)
    next_number = device.last["number"] + 1 if device.last else 1
    parts = chance.choice(
        (
            {"replicaId": "bens-phone"},
            {"user": "ben"},
            {"replicaId": word, "last": None, "since": 0, "floor": 0},
            {"replicaId": word, "last": None, "epoch": word},
            {"since": 0, "floor": 0, "limit": 2**53 - 1},
            {"epoch": word},
            {"void": {"number": next_number, "nonce": word}},
            {"void": {"number": 1, "nonce": word}, "last": {"number": 1, "nonce": word}},
        )
    )
    return device.request() | parts


def hostile_batch(chance: Random, device: Device, transport: Transport) -> Made:
    """Return a good request without any mutation that may have an effect."""
    return device.batch_request(
        *(hostile_mutation(chance, transport) for _ in range(chance.choice((1, 2, 8))))
    )


def hostile_mutation(chance: Random, transport: Transport) -> dict[str, Any]:
    word, name = chance.choice(WORDS), chance.choice(WORDS)[:100]
    new = f"evil-{chance.random()}"
    good = create(new, note="must not be stored")
    made: list[Callable[[], dict[str, Any]]] = [
        lambda: create(new, collection=word, note=word),
        lambda: create(chance.choice(["", "x" * 801, "é" * 401, *UNSTORABLE]), note=word),
        lambda: good | {"op": chance.choice([None, 1, [], {}, "", "upsert", "CREATE", word])},
        lambda: good | {word: junk(chance)},
        lambda: good | {"baseRevision": chance.choice([*NO_COUNT, 2**53 - 1, 10**6])},
        lambda: good | {chance.choice(["firstSeq", "lastSeq"]): chance.choice(NO_COUNT)},
        lambda: (
            good
            | {
                "set": {
                    chance.choice(
                        ["", "id", "__proto__", "x" * 401, "é" * 201, *UNSTORABLE, name]
                    ): word
                }
            }
        ),
        lambda: (
            good
            | {
                "set": chance.choice(
                    [[], "x", 1, {"note": word * 100}, {"status": word}, {"visits": word}]
                )
            }
        ),
        lambda: (
            good
            | {"set": {"visits": chance.choice([-1, 0.5, 10**400, float("inf"), True, None, []])}}
        ),
        lambda: good | {"set": {"data": chance.choice([nested(40), *UNSTORABLE, *UNFIT])}},
        lambda: (
            good
            | {
                "inc": chance.choice(
                    [[], {"visits": True}, {"visits": "1"}, {"note": 1}, {name: 1}]
                )
            }
        ),
        lambda: mutation(
            "patch",
            "shared",
            base=0,
            removed=chance.choice(["note", [1], [["note"]], [name], ["id"]]),
        ),
        lambda: mutation("patch", "shared", base=0, set={"note": word[:200]}),
        lambda: mutation("patch", "shared", base=0, inc={"note": 1}),
        lambda: (
            good
            | {
                "elements": chance.choice(
                    [
                        [],
                        {"data": [word]},
                        {"data": {"added": [[word]], "removed": []}},
                        {"data": {"added": [word], "removed": [], word: []}},
                        {"data": {"added": [chance.choice(UNSTORABLE)], "removed": []}},
                        {"data": {"added": [], "removed": [chance.choice(UNSTORABLE)]}},
                        {"note": {"added": [word], "removed": []}},
                    ]
                )
            }
        ),
        lambda: mutation(
            "patch", "shared", elements={"note": {"added": [word], "removed": [word]}}
        ),
        lambda: delete("shared", base=0),
        lambda: delete(word[:200], base=0) | {"set": {"note": word}},
        lambda: delete(word[:200], base=0),
        lambda: mutation("patch", word[:200], base=0, set={"note": word[:200]}),
        lambda: create(word[:200], collection="sites", note="n"),
        lambda: mutation(
            chance.choice(["patch", "create"]), "bens", collection="diary", set={"note": word[:200]}
        ),
        lambda: delete("bens", base=1, collection=chance.choice(["diary", "sites"])),
        lambda: mutation("patch", "bens", base=0, collection="box", set={"note": word[:200]}),
        lambda: mutation("patch", "bens", base=1, collection="box", inc={"visits": -1_000}),
    ]
    if transport == "dag":
        made.append(lambda: create(new, collection="diary", note=word[:200]))
    return chance.choice(made)()
