"""One collection of the store, as Airflow itself reads and writes it. Knows nothing of Airflow.

``dag_collection.Collection`` is the same for DAG authors, with the store and the author filled in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

import sqlalchemy as sa

from airflow_updraft.apply import Author, Verdict, apply_mutations
from airflow_updraft.collections import Collections
from airflow_updraft.errors import RecordChangedError, RecordInvalidError, RecordMissingError, UnknownCollectionError
from airflow_updraft.json_values import Json, parse_json, to_json
from airflow_updraft.mutation import Mutation, field_name_problem, id_problem
from airflow_updraft.revision import Counter, lock_counter, save_counter
from airflow_updraft.server_changes import delete_records, put_records
from airflow_updraft.tables import records
from airflow_updraft.transaction import run_transaction

Record = dict[str, Json]


class CollectionStore:
    """Reads and writes one collection as Airflow, which may write any; raises UnknownCollectionError.

    Each write is one transaction. It returns whether it changed anything: an equal write makes no revision, so that
    a DAG which computes from what it reads comes to rest.
    """

    def __init__(self, engine: sa.Engine, collections: Collections, name: str) -> None:
        if name not in collections:
            known = ", ".join(sorted(collections))
            raise UnknownCollectionError(f"collections.json declares no collection {name!r}; it declares: {known}")
        # Airflow's own patch names the revision it has seen; what changed since is its author's to decide, always.
        self.collections: Collections = {name: replace(collections[name], on_conflict="ask")}
        self.engine = engine
        self.name = name

    def get(self, record_id: str) -> Record | None:
        """The record, its ``id`` included; None where it is absent or deleted."""
        query = sa.select(records.c.fields).where(
            records.c.collection == self.name, records.c.id == record_id, ~records.c.deleted
        )
        with self.engine.connect() as conn:
            row = conn.execute(query).one_or_none()
        return None if row is None else {"id": record_id, **row.fields}

    def put(self, record: Mapping[str, Json], *, by: str, owner: str | None = None) -> bool:
        """Make the store hold exactly this record; fields it does not name are removed.

        ``owner`` is whom a new record belongs to. Raises RecordInvalidError.
        """
        fields = {name: value for name, value in record.items() if name != "id"}
        record_id = self._checked_id(record.get("id"))
        document = {"id": record_id, **self._checked_fields(record_id, fields)}

        def change(conn: sa.Connection, counter: Counter) -> list[Verdict]:
            return put_records(
                conn, counter, self.name, [document], self.collections, datetime.now(UTC), by=by, owner=owner
            )

        return self._write(record_id, change)

    def patch(
        self,
        record_id: str,
        fields: Mapping[str, Json],
        remove: tuple[str, ...] = (),
        *,
        by: str,
        base: int | None = None,
    ) -> bool:
        """Set and remove these fields of a record and leave the others as they are.

        ``base`` is the revision the author has seen; a named field that changed after it raises RecordChangedError.
        Without it the fields are written whatever they held. Raises RecordMissingError and RecordInvalidError.
        """
        record_id = self._checked_id(record_id)
        kept = self._checked_fields(record_id, fields)
        if both := sorted(kept.keys() & set(remove)):
            raise RecordInvalidError(self._where(record_id), "is both set and removed", f"/{both[0]}")

        def change(conn: sa.Connection, counter: Counter) -> list[Verdict]:
            seen = counter.revision if base is None else base
            wanted = Mutation(self.name, record_id, seen, "patch", set=kept, removed=frozenset(remove))
            now = datetime.now(UTC)
            return apply_mutations(conn, counter, [wanted], _airflow(by), self.collections, now).verdicts

        return self._write(record_id, change, base=base)

    def delete(self, record_id: str, *, by: str) -> bool:
        """Turn the record into a tombstone; False where there is none."""

        def change(conn: sa.Connection, counter: Counter) -> list[Verdict]:
            return delete_records(conn, counter, self.name, [record_id], self.collections, datetime.now(UTC), by=by)

        return self._write(record_id, change)

    def _write(
        self, record_id: str, change: Callable[[sa.Connection, Counter], list[Verdict]], base: int | None = None
    ) -> bool:
        """Run the change in one transaction; an error rolls back what it wrote.

        It may be repeated after an unknown COMMIT: then it finds its own values and changes nothing.
        """

        def body(conn: sa.Connection) -> bool:
            counter = lock_counter(conn)
            before = counter.revision
            for verdict in change(conn, counter):
                self._raise_problem(self._where(record_id), verdict, base)
            save_counter(conn, counter)
            return counter.revision > before

        return run_transaction(self.engine, body, repeatable=True)

    def _raise_problem(self, where: str, verdict: Verdict, base: int | None) -> None:
        reason = verdict.get("reason")
        if reason is not None:
            raise RecordInvalidError(where, reason["message"], reason.get("path"))
        if verdict["verdict"] != "conflicted":
            return
        if verdict["fields"] == "*":
            raise RecordMissingError(f"{where} does not exist, or was deleted. Nothing was written")
        raise RecordChangedError(where, tuple(verdict["fields"]), base or 0)

    def _where(self, record_id: str) -> str:
        return f"{self.name} {record_id!r}"

    def _checked_id(self, record_id: Json) -> str:
        problem = id_problem(record_id) if isinstance(record_id, str) else "an id must be a text"
        if problem:
            raise RecordInvalidError(f"{self.name} {str(record_id)[:50]!r}", problem, "/id")
        return str(record_id)

    def _checked_fields(self, record_id: str, fields: Mapping[str, Json]) -> Record:
        """The fields as JSON gives them back: what a task computed may hold tuples, dates or NaN."""
        kept = {}
        for name, value in fields.items():
            problem = field_name_problem(name)
            try:
                kept[name] = parse_json(to_json(value))
            except (TypeError, ValueError) as error:
                problem = problem or f"cannot become JSON: {error}"
            if problem:
                raise RecordInvalidError(self._where(record_id), problem, f"/{name}")
        return kept


def _airflow(label: str) -> Author:
    return Author(None, label=label, is_airflow=True)
