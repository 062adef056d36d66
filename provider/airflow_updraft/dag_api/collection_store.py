"""A collection of the store, as Airflow reads and writes. Knows nothing of Airflow.

``collection.Collection`` wraps this class for DAG authors and fills in store and author.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import sqlalchemy as sa

from airflow_updraft.collections import Collection, Collections
from airflow_updraft.dag_api.write_all import write_all
from airflow_updraft.dag_api.writes import Record, Write, delete_of, names, patch_of, put_of
from airflow_updraft.errors import UnknownCollectionError
from airflow_updraft.exchange.records import RecordName, load_records
from airflow_updraft.exchange.shape import id_problem
from airflow_updraft.json_values import Json


class CollectionStore:
    """Reads and writes a collection as Airflow, which may write any.

    Raises UnknownCollectionError. Each write is one transaction and returns whether the store
    changed: an equal write makes no revision, so a DAG that computes from its own output comes to
    rest.
    """

    def __init__(self, engine: sa.Engine, collections: Collections, name: str) -> None:
        if name not in collections:
            known = ", ".join(sorted(collections))
            raise UnknownCollectionError(
                f"collections.json declares no collection {name!r}; it declares: {known}"
            )
        self.collections = collections
        self.engine = engine
        self.name = name

    @property
    def collection(self) -> Collection:
        """The collection's declaration."""
        return self.collections[self.name]

    def get(self, record_id: str) -> Record | None:
        """Return the record with ``id``, or None if the record is absent or deleted."""
        return self.get_many([record_id]).get(record_id)

    def get_many(self, ids: Iterable[str]) -> dict[str, Record]:
        """Return the existing records with these ids, by id, in one statement."""
        wanted = names(ids, "ids")
        possible = [
            RecordName(self.name, record_id)
            for record_id in wanted
            if id_problem(record_id) is None
        ]
        with self.engine.connect() as conn:
            found = load_records(conn, possible)
        return {
            record_id: {"id": record_id, **stored.fields}
            for (_, record_id), stored in found.items()
            if not stored.deleted
        }

    def put(self, record: Mapping[str, Json], *, by: str, owner: str | None = None) -> bool:
        """Make the store hold exactly this record; fields missing in ``record`` are removed.

        ``owner`` is the owner of a new record. Raises RecordInvalidError.
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
        """Set and remove these fields of a record and leave the others.

        ``base`` is the revision the author has seen; a named field that changed later raises
        RecordChangedError. Without ``base`` the fields are overwritten in any case. Raises
        RecordMissingError and RecordInvalidError.
        """
        return self._write(patch_of(self.collection, record_id, fields, remove, base), by)

    def delete(self, record_id: str, *, by: str) -> bool:
        """Turn the record into a tombstone; False where there is none."""
        return self._write(delete_of(self.collection, record_id), by)

    def _write(self, write: Write, by: str) -> bool:
        return write_all(self.engine, self.collections, [write], by=by).changed > 0
