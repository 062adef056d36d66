"""A store under guard: every statement and every row is checked during hostile requests."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from world import COLLECTIONS, NOW, OPEN_SCHEMA, Device, World, create, delete, mutation, patch

from airflow_updraft.exchange.exchange import exchange
from airflow_updraft.limits import Transport

SECRET = "what ben alone may read"
BOX = {"schema": OPEN_SCHEMA, "read": "own"}

REFUSALS = {"user_mismatch", "fork", "epoch", "invalid", "void"}
REASONS = {
    *(
        "malformed",
        "protocol",
        "too_large",
        "hash",
        "unknown_collection",
        "schema",
        "not_writable",
        "needs_plugin",
    ),
    "store",
}
ANSWER_KEYS = {
    "protocol",
    "replicaId",
    "echo",
    "epoch",
    "reset",
    "start",
    "changes",
    "upTo",
    "more",
}


def guarded_world(engine: sa.Engine) -> tuple[World, Device]:
    """Make the server do all that a well-behaved device may ask: these statements are allowed."""
    world = World(engine, COLLECTIONS | {"box": BOX})
    ben = world.device("bens-phone", "ben")
    ben.push(
        create("bens", collection="diary", note=SECRET),
        create("bens", collection="box", note=SECRET, visits=7),
    )
    ben.push(create("shared", note="everybody's", site="A7"))
    world.server({"put": {"collection": "sites", "record": {"id": "bens", "site": "A7"}}})
    ana = world.device("anas-phone", "ana")
    ana.push(create("anas", visits=1))
    return world, ana


def be_good(world: World) -> None:
    """Notes the statements of an engine; ``check`` compares statements, rows and answer with the
    allowed."""
    for transport in ("plugin", "dag"):
        good = world.device(f"good-{transport}", "eve")
        requests = [
            good.request(since=0),
            good.request(since=0, epoch=None),
            good.request(epoch="lost", void={"number": 1, "nonce": "n"}),
        ]
        for request in requests:
            world.exchange(request, "eve", transport=transport)
        mutations = [
            create("good", visits=1),
            create("mine", collection="diary", note="n"),
            create("no", collection="nowhere"),
            patch("shared", base=0, note="conflict"),
            mutation("patch", "good", base=world.revision, inc={"visits": 1}),
            delete("good", base=world.revision + 9),
            delete("good", base=0, collection="anything"),
        ]
        request = good.batch_request(*mutations)
        for _ in range(2):
            good.settle(world.exchange(request, "eve", transport=transport), request)
        void = good.request(void={"number": 2, "nonce": "n"})
        for _ in range(2):
            world.exchange(void, "eve", transport=transport)
        world.exchange(good.batch_request(create("x"), nonce="n"), "eve", transport=transport)


TABLES = ("updraft_records", "updraft_gone", "updraft_meta", "updraft_consumers")


@dataclass
class Guard:
    """Notes an engine's statements; ``check`` compares these, rows and answer with the allowed."""

    world: World
    engine: sa.Engine
    allowed: set[str] = field(default_factory=set)
    seen: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._whole = "t.*" if self.engine.dialect.name == "sqlite" else "CAST(t AS text)"
        self._conn = self.world.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        sa.event.listen(self.engine, "before_cursor_execute", self._note)

    def _note(self, _conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        self.seen.append(statement)

    def learn(self) -> None:
        """From now on only the statements seen so far are allowed, and the rows must stay."""
        self.allowed = set(self.seen)
        self.seen.clear()
        self.rows, self.ledger = self._read()

    def _read(self) -> tuple[list[Any], dict[str, Any]]:
        """Return every row as the database writes rows, and the ledger's rows by replica."""
        cursor = self._conn.connection.cursor()  # past the listener
        rows = []
        for table in TABLES:
            cursor.execute(f"SELECT {self._whole} FROM {table} t")
            rows += cursor.fetchall()
        cursor.execute(f"SELECT t.replica_id, {self._whole} FROM updraft_replicas t")
        ledger = {row[0]: row[1:] for row in cursor.fetchall()}
        cursor.close()
        return rows, ledger

    def check(self, response: dict[str, Any], sender: Any) -> None:
        """Raise AssertionError unless the replica's request had a clear answer and no effect."""
        if self.seen:  # without a statement nothing has changed
            self._check_effects(sender)
        check_answer(response)

    def _check_effects(self, sender: Any) -> None:
        for statement in self.seen:
            assert statement in self.allowed, f"a statement of its own making: {statement}"
        self.seen.clear()
        rows, ledger = self._read()
        assert rows == self.rows, f"an effect: {[row for row in rows if row not in self.rows]}"
        moved = {
            name for name in {*ledger, *self.ledger} if ledger.get(name) != self.ledger.get(name)
        }
        assert all(name == sender for name in moved), (
            f"another's place in the ledger has moved: {moved}"
        )
        self.ledger = ledger

    def check_at_rest(self) -> None:
        """Raise AssertionError if anything else has moved a row meanwhile."""
        assert self._read() == (self.rows, self.ledger)

    def close(self) -> None:
        sa.event.remove(self.engine, "before_cursor_execute", self._note)
        self._conn.close()


def check_answer(response: dict[str, Any]) -> None:
    """Raise AssertionError unless this protocol answer applied nothing and tells no secret."""
    assert response.keys() - {"refused", "reason", "verdicts", "proof", "signature"} == ANSWER_KEYS
    text = json.dumps(response, allow_nan=False)
    assert SECRET not in text, "another user's record"
    assert not any(c["collection"] in ("diary", "box") for c in response["changes"]), (
        "another user's record"
    )
    reasons = [v["reason"] for v in response.get("verdicts", ()) if "reason" in v]
    reasons += [response["reason"]] if "reason" in response else []
    assert all(reason["kind"] in REASONS and reason["message"] for reason in reasons)
    assert response.get("refused") in {None, *REFUSALS}
    assert all(verdict["verdict"] != "applied" for verdict in response.get("verdicts", ()))


def ask(world: World, made: dict[str, Any] | str, transport: Transport) -> dict[str, Any]:
    """Send as ``ana``, whoever the request names; a DAG run carries texts alone."""
    if transport == "dag" and not isinstance(made, str):
        made = json.dumps(made)
    return exchange(
        made,
        "ana",
        world.engine,
        world.collections,
        transport=transport,
        clock=lambda: NOW,
        replicas_max=10**6,
    )
