"""Many writes in one transaction, for DAG authors: ``from airflow_updraft import write_batch``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow_updraft.dag_collection import Collection, author

if TYPE_CHECKING:
    import sqlalchemy as sa

    from airflow_updraft.collections import Collections
    from airflow_updraft.writes import Write

WRITES_MAX = 10_000
"""Writes in one batch: while they are written, every device's exchange waits."""


class WriteBatch:
    """Writes that will be written together: of any collections, for a score and its follow-up task are one thing.

    They are kept until the block ends, and no lock is held until then. So a read in the block does not see them, and
    a write cannot say whether it changed anything: ``changed`` does, after the block.
    """

    def __init__(self) -> None:
        self.changed = 0
        """After the block: how many of the writes changed anything."""
        self.missing: frozenset[tuple[str, str]] = frozenset()
        """After the block: (collection, id) of each patch with ``missing_ok`` that found no record."""
        self._writes: list[Write] = []
        self._store: tuple[sa.Engine, Collections] | None = None
        self._has_ended = False

    def put(self, collection: Collection, record: Mapping[str, Any], *, owner: str | None = None) -> None:
        """As ``Collection.put``; raises RecordInvalidError at once."""
        from airflow_updraft.writes import put_of  # noqa: PLC0415

        self._add(collection, put_of(collection.store.collection, record, owner))

    def patch(
        self,
        collection: Collection,
        record_id: str,
        fields: Mapping[str, Any],
        remove: Iterable[str] = (),
        *,
        base: int | None = None,
        missing_ok: bool = False,
    ) -> None:
        """As ``Collection.patch``. Raises RecordInvalidError at once where a value cannot be stored.

        What depends on the record shows when the block ends. ``missing_ok``: where there is no record (any more), the
        patch is left out and the others are written, instead of RecordMissingError and none.
        """
        from airflow_updraft.writes import patch_of  # noqa: PLC0415

        declared = collection.store.collection
        self._add(collection, patch_of(declared, record_id, fields, remove, base, missing_ok=missing_ok))

    def delete(self, collection: Collection, record_id: str) -> None:
        """As ``Collection.delete``: an absent record is no error."""
        from airflow_updraft.writes import delete_of  # noqa: PLC0415

        self._add(collection, delete_of(collection.store.collection, record_id))

    def _add(self, collection: Collection, write: Write) -> None:
        if self._has_ended:
            raise RuntimeError("this batch has ended: open another block")
        if len(self._writes) == WRITES_MAX:
            raise ValueError(f"a batch holds at most {WRITES_MAX} writes: end this block and open another")
        self._store = collection.store.engine, collection.store.collections
        self._writes.append(write)

    def _close(self) -> None:
        self._has_ended = True

    def _write(self) -> None:
        if self._store is None:
            return
        from airflow_updraft.writing import write_all  # noqa: PLC0415

        written = write_all(*self._store, self._writes, by=author())
        self.changed, self.missing = written.changed, frozenset(written.missing)


@contextmanager
def write_batch() -> Iterator[WriteBatch]:
    """Many writes in one transaction.

    ``with write_batch() as batch: batch.patch(inspections, id, {…}); batch.put(tasks, {…})``

    When the block ends, all is written in one transaction, in order, each write finding what those before it made.
    Nothing is written where the block raises, or any write: RecordInvalidError, RecordMissingError and
    RecordChangedError name the record. 500 writes cost the database little more than one.
    """
    batch = WriteBatch()
    try:
        yield batch
    finally:
        batch._close()
    batch._write()
