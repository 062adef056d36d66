"""A store in memory for unit tests of DAGs: ``from airflow_updraft.testing import memory_store``.

docs/dag-authors.md shows a test. No Airflow runs, and no Connection is read; ``Collection``,
``write_batch`` and ``changes`` are the real ones, on the real store's tables in SQLite.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from airflow_updraft.collections import Collections, compile_collections, load_collections
from airflow_updraft.dag_api.collection_store import CollectionStore
from airflow_updraft.dag_api.given_store import give
from airflow_updraft.dag_api.query import QUERY_LIMIT_MAX, query_records
from airflow_updraft.store.tables import create_store

__all__ = ["MemoryStore", "memory_store"]


class MemoryStore:
    """The store beside the DAG's code: takes people's captures, and shows the records."""

    def __init__(self, engine: sa.Engine, collections: Collections) -> None:
        self._engine = engine
        self._collections = collections

    def capture(self, collection: str, record: Mapping[str, Any], *, user: str = "ana") -> None:
        """Write a record as a person's device does: ``user`` changes it, and owns a new one.

        Raises RecordInvalidError for a record that a device could not send either.
        """
        self._store(collection).put(record, by=user, owner=user)

    def delete(self, collection: str, record_id: str, *, user: str = "ana") -> None:
        """Delete a record as a person's device does; an absent record stays absent."""
        self._store(collection).delete(record_id, by=user)

    def records(self, collection: str) -> dict[str, dict[str, Any]]:
        """Return the records that there are, by id, in the order of their ids."""
        declared = self._store(collection).collection
        found: dict[str, dict[str, Any]] = {}
        after = None
        while page := query_records(self._engine, declared, {}, QUERY_LIMIT_MAX, after):
            after = page[-1]["id"]
            found |= {record["id"]: record for record in page}
        return found

    def _store(self, collection: str) -> CollectionStore:
        return CollectionStore(self._engine, self._collections, collection)


@contextmanager
def memory_store(collections: str | Path | Mapping[str, Any]) -> Iterator[MemoryStore]:
    """Give every ``Collection`` of this process an empty store for the block.

    ``collections`` is the path of a ``collections.json``, or its content. The store is gone at the
    end of the block. Raises CollectionsFileError for declarations that Airflow would refuse.
    """
    if isinstance(collections, Mapping):
        declared: Collections = compile_collections(collections.get("collections"))
    else:
        declared = load_collections(collections)
    # A database of SQLite in memory lives as long as a connection to it, and has room for several.
    engine = sa.create_engine(f"sqlite:///file:/updraft-{uuid4()}?vfs=memdb&uri=true")
    try:
        with engine.connect():
            create_store(engine)
            with give(engine, declared):
                yield MemoryStore(engine, declared)
    finally:
        engine.dispose()
