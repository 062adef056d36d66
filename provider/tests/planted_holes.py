"""Holes in the engine, planted singly, and the guard's necessary words about each.

A guard that missed a hole would prove nothing.
"""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_updraft.exchange import ledger, records, request, rights


def sql_in_a_lookup(patch: pytest.MonkeyPatch) -> None:
    def load(conn: sa.Connection, replica_id: str) -> ledger.Entry | None:
        columns = ", ".join(f'"{name}"' for name in ledger.Entry.__slots__)
        quoted = replica_id.replace("'", "''")  # well quoted, and still a request's text in SQL
        found = conn.exec_driver_sql(
            f"SELECT {columns} FROM updraft_replicas WHERE replica_id = '{quoted}'"
        )
        row = found.one_or_none()
        return None if row is None else ledger.Entry(*row)

    patch.setattr(ledger, "load", load)


def sql_in_a_record_id(patch: pytest.MonkeyPatch) -> None:
    real = records.load_records

    def load(conn: sa.Connection, wanted: Any) -> Any:
        wanted = list(wanted)
        for one in wanted:
            quoted = one.id.replace("'", "''").replace("%", "%%")
            conn.exec_driver_sql(f"SELECT revision FROM updraft_records WHERE id = '{quoted}'")
        return real(conn, wanted)

    patch.setattr(records, "load_records", load)


def everybody_may_write(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rights, "may_write", lambda *_: True)


def everybody_may_read(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rights, "may_read", lambda *_: True)


def hash_is_not_looked_at(patch: pytest.MonkeyPatch) -> None:
    class Agreeable(str):
        __slots__ = ()

        def __ne__(self, other: object) -> bool:
            return False

    class Sha:
        def __init__(self, data: bytes) -> None:
            self.data = data

        def hexdigest(self) -> str:
            return Agreeable(hashlib.sha256(self.data).hexdigest())

    patch.setattr(request, "hashlib", type("lib", (), {"sha256": Sha}))


HOLES = {
    sql_in_a_lookup: "a statement of its own making: SELECT",
    sql_in_a_record_id: "a statement of its own making: SELECT revision",
    everybody_may_write: "an effect",
    everybody_may_read: "another user's record",
    hash_is_not_looked_at: "an effect",
}
