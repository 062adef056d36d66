"""One collection of the store, as Airflow itself reads and writes it. Knows nothing of Airflow.

``dag_collection.Collection`` is the same for DAG authors, with the store and the author filled in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import sqlalchemy as sa

from airflow_updraft.apply import RecordName, load_records
from airflow_updraft.collections import Collection, Collections
from airflow_updraft.errors import UnknownCollectionError
from airflow_updraft.json_values import Json
from airflow_updraft.mutation import id_problem
from airflow_updraft.writes import Record, Write, delete_of, patch_of, put_of
from airflow_updraft.writing import write_all


class CollectionStore:
    """Reads and writes one collection as Airflow, which may write any; raises UnknownCollectionError.

    Each write is one transaction. It returns whether it changed anything: an equal write makes no revision, so that
    a DAG which computes from what it reads comes to rest.
    """

    def __init__(self, engine: sa.Engine, collections: Collections, name: str) -> None:
        if name not in collections:
            known = ", ".join(sorted(collections))
            raise UnknownCollectionError(f"collections.json declares no collection {name!r}; it declares: {known}")
        self.collections = collections
        self.engine = engine
        self.name = name

    @property
    def collection(self) -> Collection:
        """The collection's declaration."""
        return self.collections[self.name]

    def get(self, record_id: str) -> Record | None:
        """The record, its ``id`` included; None where it is absent or deleted."""
        return self.get_many([record_id]).get(record_id)

    def get_many(self, ids: Iterable[str]) -> dict[str, Record]:
        """The records with these ids, by id, in one statement; those that are absent or deleted are not in it."""
        possible = [RecordName(self.name, record_id) for record_id in ids if id_problem(record_id) is None]
        with self.engine.connect() as conn:
            found = load_records(conn, possible)
        return {
            record_id: {"id": record_id, **stored.fields}
            for (_, record_id), stored in found.items()
            if not stored.deleted
        }

    def put(self, record: Mapping[str, Json], *, by: str, owner: str | None = None) -> bool:
        """Make the store hold exactly this record; fields it does not name are removed.

        ``owner`` is whom a new record belongs to. Raises RecordInvalidError.
        """
        return self._write(put_of(self.collection, record, owner), by)

    def patch(
        self,
        record_id: str,
        fields: Mapping[str, Json],
        remove: Iterable[str] = (),
        *,
        by: str,
        base: int | None = None,
    ) -> bool:
        """Set and remove these fields of a record and leave the others as they are.

        ``base`` is the revision the author has seen; a named field that changed after it raises RecordChangedError.
        Without it the fields are written whatever they held. Raises RecordMissingError and RecordInvalidError.
        """
        return self._write(patch_of(self.collection, record_id, fields, remove, base), by)

    def delete(self, record_id: str, *, by: str) -> bool:
        """Turn the record into a tombstone; False where there is none."""
        return self._write(delete_of(self.collection, record_id), by)

    def _write(self, write: Write, by: str) -> bool:
        return write_all(self.engine, self.collections, [write], by=by).changed > 0
