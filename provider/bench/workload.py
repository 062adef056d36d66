"""The work of all server benches: inspections by simulated devices, generated from a seed.

A batch is 70 % creates, 20 % patches and 10 % patches by an author who has not seen the latest
change: half of these merge, half conflict. A record has 8 fields and about 300 bytes of JSON, and
is validated by a JSON Schema.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "id": {"type": "string", "minLength": 1},
        "site": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{4}$"},
        "status": {"enum": ["ok", "watch", "fail"]},
        "inspector": {"type": "string", "maxLength": 100},
        "score": {"type": "number", "minimum": 0, "maximum": 100},
        "visits": {"type": "integer", "minimum": 0},
        "note": {"type": "string", "maxLength": 2000},
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 10},
        "place": {
            "type": "object",
            "properties": {"lat": {"type": "number"}, "lon": {"type": "number"}},
            "required": ["lat", "lon"],
        },
    },
    "required": ["id", "site", "status"],
    "additionalProperties": False,
}

COLLECTIONS: dict[str, Any] = {"inspections": {"schema": SCHEMA, "onConflict": "ask"}}
"""The ``collections`` object of collections.json."""

_WORDS = [
    "pump",
    "valve",
    "crack",
    "leak",
    "rust",
    "noise",
    "wet",
    "loose",
    "clean",
    "sealed",
    "tested",
    "worn",
]


def inspection(chance: random.Random) -> dict[str, Any]:
    """Return the fields of a record: 8 fields, about 300 bytes as JSON with the id."""
    return {
        "site": f"{chance.choice('ABCDEF')}{chance.choice('XYZ')}-{chance.randrange(10_000):04}",
        "status": chance.choice(("ok", "watch", "fail")),
        "inspector": f"inspector {chance.randrange(200)}",
        "score": round(chance.uniform(0, 100), 1),
        "visits": chance.randrange(50),
        "note": " ".join(chance.choices(_WORDS, k=16)),
        "tags": chance.sample(_WORDS, 3),
        "place": {"lat": round(chance.uniform(45, 55), 5), "lon": round(chance.uniform(5, 15), 5)},
    }


@dataclass(slots=True)
class _Known:
    """A record as the device knows the record: the revisions before and after the last change."""

    before_revision: int
    revision: int
    changed: str


@dataclass
class Replica:
    """A device's bookkeeping: builds requests and follows answers, without records' content.

    ``user`` is the authenticated user of the requests. Send a single request at a time and
    ``settle`` the answer.
    """

    replica_id: str
    user: str
    seed: int = 0
    epoch: str | None = None
    last: dict[str, Any] | None = None
    since: int = 0
    floor: int = 0
    _known: dict[str, _Known] = field(default_factory=dict)
    _sent: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        self._chance = random.Random(f"{self.seed}/{self.replica_id}")

    def pull_request(self, limit: int = 5_000) -> dict[str, Any]:
        """Return a pull of at most ``limit`` changes, a replica's necessary first request."""
        return self._request(limit)

    def push_request(self, count: int, limit: int = 5_000) -> dict[str, Any]:
        """Return the next batch of ``count`` mutations; creates alone until records exist."""
        number = self.last["number"] + 1 if self.last else 1
        batch = {
            "number": number,
            "nonce": f"{self._chance.getrandbits(80):020x}",
            "mutations": self._mutations(count),
        }
        text = json.dumps(batch, separators=(",", ":"))
        self._sent = batch
        return self._request(limit) | {
            "batch": text,
            "hash": hashlib.sha256(text.encode()).hexdigest(),
        }

    def settle(self, response: Mapping[str, Any]) -> None:
        """Take over an answer; raise ValueError if the answer refuses or rejects anything."""
        if response.get("refused"):
            raise ValueError(
                f"{self.replica_id} was refused: {response['refused']} {response.get('reason')}"
            )
        if self._sent is not None:
            self.last = {"number": self._sent["number"], "nonce": self._sent["nonce"]}
            self._learn(self._sent["mutations"], response["verdicts"])
            self._sent = None
        if response["reset"]:
            self.floor = response["start"]
        self.epoch, self.since = response["epoch"], response["upTo"]

    def _request(self, limit: int) -> dict[str, Any]:
        return {
            "protocol": 1,
            "replicaId": self.replica_id,
            "user": self.user,
            "epoch": self.epoch,
            "last": self.last,
            "since": self.since,
            "floor": self.floor,
            "limit": limit,
        }

    def _mutations(self, count: int) -> list[dict[str, Any]]:
        chance = self._chance
        edits = min(count * 3 // 10, len(self._known)) if self._known else 0
        stale = min(count // 10, edits)
        mutations = [self._create() for _ in range(count - edits)]
        for at, record_id in enumerate(chance.sample(list(self._known), edits)):
            mutations.append(self._patch(record_id, is_stale=at < stale))
        chance.shuffle(mutations)
        return mutations

    def _create(self) -> dict[str, Any]:
        record_id = f"{self._chance.getrandbits(96):024x}"
        return _mutation("create", record_id, 0, inspection(self._chance))

    def _patch(self, record_id: str, *, is_stale: bool) -> dict[str, Any]:
        known, chance = self._known[record_id], self._chance
        if not is_stale:
            return _mutation(
                "patch", record_id, known.revision, {"note": " ".join(chance.choices(_WORDS, k=16))}
            )
        name = known.changed if chance.random() < 0.5 else "inspector"
        value = f"inspector {chance.getrandbits(32)}"
        return _mutation("patch", record_id, known.before_revision, {name: value})

    def _learn(
        self, mutations: Iterable[dict[str, Any]], verdicts: Iterable[Mapping[str, Any]]
    ) -> None:
        for mutation, verdict in zip(mutations, verdicts, strict=True):
            if verdict["verdict"] == "rejected":
                raise ValueError(f"{self.replica_id}: {verdict}")
            if verdict["verdict"] == "conflicted":
                # A person would resolve this conflict; here the record is left alone.
                self._known.pop(mutation["id"])
            else:
                before = mutation["baseRevision"] or verdict["revision"] - 1
                self._known[mutation["id"]] = _Known(before, verdict["revision"], "note")
        while len(self._known) > 5_000:
            self._known.pop(next(iter(self._known)))


def _mutation(op: str, record_id: str, base: int, fields: dict[str, Any]) -> dict[str, Any]:
    head = {"collection": "inspections", "id": record_id, "firstSeq": 1, "lastSeq": 1}
    return head | {"baseRevision": base, "op": op, "set": fields}
