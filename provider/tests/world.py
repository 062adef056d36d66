"""A store with collections and injected epochs, and devices that speak the contract by hand."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from airflow_updraft.collections import compile_collections
from airflow_updraft.exchange import epoch, server_changes
from airflow_updraft.exchange.exchange import exchange
from airflow_updraft.exchange.proof import Proofs
from airflow_updraft.store import revision, tables
from airflow_updraft.store.own_index import index_own
from airflow_updraft.store.transaction import transaction
from airflow_updraft.sync import maintenance

NOW = datetime(2026, 1, 1, tzinfo=UTC)
REPLICAS_MAX = 10**6
"""A property's user has as many replicas as the property has examples."""

OPEN_SCHEMA = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "site": {"type": "string"},
        "status": {"enum": ["ok", "watch", "fail"]},
        "note": {"type": "string", "maxLength": 200},
        "visits": {"type": "integer", "minimum": 0},
        "data": {},
    },
    "required": ["id"],
    "additionalProperties": False,
}

COLLECTIONS = {
    "asks": {"schema": OPEN_SCHEMA, "onConflict": "ask", "read": "all", "write": "all"},
    "clients": {"schema": OPEN_SCHEMA, "onConflict": "client-wins", "read": "all", "write": "all"},
    "servers": {"schema": OPEN_SCHEMA, "onConflict": "server-wins", "read": "all", "write": "all"},
    "diary": {"schema": OPEN_SCHEMA, "onConflict": "ask", "read": "own", "write": "own"},
    "sites": {"schema": OPEN_SCHEMA, "onConflict": "server-wins", "read": "all", "write": "none"},
    "anything": {"schema": {}, "onConflict": "ask", "read": "all", "write": "all"},
}


class KeptEpoch:
    """An epoch keeper outside the database."""

    def __init__(self, epoch: str | None = None) -> None:
        self.epoch = epoch

    def get(self) -> str | None:
        return self.epoch

    def set(self, epoch: str) -> None:
        self.epoch = epoch


@dataclass
class World:
    engine: sa.Engine
    declared: dict[str, Any] = field(default_factory=lambda: COLLECTIONS)
    keeper: KeptEpoch | None = None
    proofs: Proofs | None = None

    def __post_init__(self) -> None:
        self.epochs = (f"e{number}" for number in itertools.count(1))
        self.collections = compile_collections(self.declared)
        self.new_epoch: Callable[[], str] = lambda: next(self.epochs)
        tables.create_store(self.engine, self.new_epoch)
        index_own(self.engine, self.collections)

    def exchange(self, request: Any, user: str = "ana", **kwargs: Any) -> dict[str, Any]:
        fixed = {"epoch_keeper": self.keeper, "proofs": self.proofs, "new_epoch": self.new_epoch}
        kwargs = fixed | {"clock": lambda: NOW, "replicas_max": REPLICAS_MAX} | kwargs
        response = exchange(request, user, self.engine, self.collections, **kwargs)
        json.loads(json.dumps(response, allow_nan=False))
        return response

    def snapshot(self) -> dict[str, list[dict[str, Any]]]:
        """Everything the store holds: a backup."""
        with self.engine.connect() as conn:
            return {
                table.name: [
                    dict(row)
                    for row in conn.execute(
                        table.select().order_by(*table.primary_key.columns)
                    ).mappings()
                ]
                for table in tables.metadata.sorted_tables
            }

    def restore(self, backup: dict[str, list[dict[str, Any]]]) -> None:
        with transaction(self.engine) as conn:
            for table in tables.metadata.sorted_tables:
                conn.execute(table.delete())
                if backup[table.name]:
                    conn.execute(table.insert(), backup[table.name])

    def server(self, change: dict[str, Any]) -> None:
        """Make a change by Airflow or operators: {put | delete | give | prune | renew}."""
        with transaction(self.engine) as conn:
            counter = revision.lock_counter(conn)
            rest = (self.collections, NOW)
            if put := change.get("put"):
                verdicts = server_changes.put_records(
                    conn,
                    counter,
                    put["collection"],
                    [put["record"]],
                    *rest,
                    by="airflow",
                    owner=put.get("owner"),
                )
                assert all(v["verdict"] == "applied" for v in verdicts), verdicts
            elif delete := change.get("delete"):
                server_changes.delete_records(
                    conn, counter, delete["collection"], [delete["id"]], *rest, by="airflow"
                )
            elif give := change.get("give"):
                server_changes.give_record(
                    conn,
                    counter,
                    give["collection"],
                    give["id"],
                    give["owner"],
                    *rest,
                    by="airflow",
                )
            elif "prune" in change:
                maintenance.prune(conn, counter, change["prune"])
            elif "renew" in change:
                epoch.renew(counter, self.keeper, self.new_epoch())
            else:
                raise AssertionError(f"unknown change {change}")
            revision.save_counter(conn, counter)

    def device(self, replica_id: str = "r1", user: str = "ana") -> Device:
        device = Device(self, replica_id, user)
        device.pull()
        return device

    def records(self, collection: str = "asks") -> dict[str, dict[str, Any]]:
        """The live records of a collection, read from the table itself."""
        return {
            row["id"]: row["fields"]
            for row in self.snapshot()["updraft_records"]
            if row["collection"] == collection and not row["deleted"]
        }

    @property
    def revision(self) -> int:
        return int(self.snapshot()["updraft_meta"][0]["revision"])


@dataclass
class Device:
    """A minimal device with the contract's bookkeeping; settles at once, holds no records."""

    world: World
    replica_id: str
    user: str
    epoch: str | None = None
    last: dict[str, Any] | None = None
    since: int = 0
    floor: int = 0
    proof: str | None = None
    shows_proofs: bool = True
    """False: a device older than proofs, which ignores these."""

    def request(self, **more: Any) -> dict[str, Any]:
        return (
            {
                "protocol": 2,
                "replicaId": self.replica_id,
                "user": self.user,
                "epoch": self.epoch,
                "last": self.last,
                "since": self.since,
                "floor": self.floor,
                "limit": 1000,
            }
            | ({"proof": self.proof} if self.proof and self.shows_proofs else {})
            | more
        )

    def batch_request(self, *mutations: dict[str, Any], nonce: str | None = None) -> dict[str, Any]:
        """Return the sealed batch's request; sending this again is a resend."""
        number = (self.last["number"] if self.last else 0) + 1
        nonce = nonce or f"{self.replica_id}-n{number}"
        return self.request(
            **sealed({"number": number, "nonce": nonce, "mutations": list(mutations)})
        )

    def pull(self, **more: Any) -> dict[str, Any]:
        return self.settle(self.world.exchange(self.request(**more), self.user))

    def push(self, *mutations: dict[str, Any], nonce: str | None = None) -> dict[str, Any]:
        return self.send(self.batch_request(*mutations, nonce=nonce))

    def send(self, request: dict[str, Any]) -> dict[str, Any]:
        return self.settle(self.world.exchange(request, self.user), request)

    def settle(
        self, response: dict[str, Any], request: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        if response.get("refused") in ("fork", "invalid", "user_mismatch"):
            return response
        self.proof = response.get("proof")
        if request and "verdicts" in response:
            batch = json.loads(request["batch"])
            self.last = {"number": batch["number"], "nonce": batch["nonce"]}
        if response["reset"]:
            self.floor = response["start"]
        self.epoch, self.since = response["epoch"], response["upTo"]
        return response


def sealed(batch: dict[str, Any] | str) -> dict[str, str]:
    text = batch if isinstance(batch, str) else json.dumps(batch, separators=(",", ":"))
    return {"batch": text, "hash": hashlib.sha256(text.encode()).hexdigest()}


def mutation(
    op: str, record_id: str = "a", *, base: int = 0, collection: str = "asks", **more: Any
) -> dict[str, Any]:
    return {
        "collection": collection,
        "id": record_id,
        "firstSeq": 1,
        "lastSeq": 1,
        "baseRevision": base,
        "op": op,
    } | more


def create(
    record_id: str = "a", *, base: int = 0, collection: str = "asks", **fields: Any
) -> dict[str, Any]:
    return mutation("create", record_id, base=base, collection=collection, set=fields)


def patch(
    record_id: str = "a", *, base: int, collection: str = "asks", **fields: Any
) -> dict[str, Any]:
    return mutation("patch", record_id, base=base, collection=collection, set=fields)


def delete(record_id: str = "a", *, base: int, collection: str = "asks") -> dict[str, Any]:
    return mutation("delete", record_id, base=base, collection=collection)


def only_verdict(response: dict[str, Any]) -> dict[str, Any]:
    (verdict,) = response["verdicts"]
    found: dict[str, Any] = verdict
    return found
