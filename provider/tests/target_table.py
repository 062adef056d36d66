"""A collection with a target table, for tests of exports."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from world import NOW, World, create, patch

from airflow_updraft.collections import compile_collections
from airflow_updraft.sync.refused_rows import report
from airflow_updraft.sync.run import sync


class Target:
    """A collection ``things`` with a target table by the test, beside the store if possible."""

    def __init__(
        self,
        store: sa.Engine,
        other: sa.Engine,
        table: str,
        *fields: str,
        key: str = "id",
        columns: Any = None,
    ) -> None:
        properties: dict[str, Any] = {"id": {"type": "string"}} | {field: {} for field in fields}
        declared = {
            "schema": {"type": "object", "properties": properties},
            "target": {"connection": "t", "table": "things", "key": key}
            | ({} if columns is None else {"columns": columns}),
        }
        self.world = World(store)
        self.world.collections = compile_collections({"things": declared})
        self.other = other
        self.sql(table)
        self.device = self.world.device()

    def sql(self, text: str) -> list[Any]:
        with self.other.begin() as conn:
            result = conn.execute(sa.text(text))
            return [tuple(row) for row in result] if result.returns_rows else []

    def put(self, record_id: str, **fields: Any) -> None:
        answer = self.device.push(create(record_id, collection="things", **fields))
        assert [v["verdict"] for v in answer["verdicts"]] == ["applied"]

    def change(self, record_id: str, **fields: Any) -> None:
        self.device.push(patch(record_id, base=self.device.since, collection="things", **fields))

    def sync(self) -> dict[str, Any]:
        part: dict[str, Any] = sync(
            self.world.engine, {"t": self.other}.__getitem__, self.world.collections, NOW
        )["collections"]["things"]
        assert "error" not in part, part
        return part["target"]  # type: ignore[no-any-return]

    def refused(self) -> dict[str, str]:
        self.sync()
        _, rows = report(self.world.engine, "things", 100, with_ids=True)
        return {row["id"]: row["message"] for row in rows}
