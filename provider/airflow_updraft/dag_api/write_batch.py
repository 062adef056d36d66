"""Many writes in one transaction, for DAG authors: ``from airflow_updraft import write_batch``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow_updraft.dag_api.collection import Collection, author

if TYPE_CHECKING:
    import sqlalchemy as sa

    from airflow_updraft.collections import Collections
    from airflow_updraft.dag_api.changes import Change, Changes
    from airflow_updraft.dag_api.writes import Write

WRITES_MAX = 10_000
"""Limit on the writes of a batch: every device's exchange waits during the transaction."""


class WriteBatch:
    """Writes to any collections that become one transaction: a score and a follow-up task, say.

    Writes are kept until the block ends, and no lock is held before. So a read in the block does
    not see the writes, and a write cannot tell whether the store changed: ``changed`` does, after
    the block. A write with ``change`` answers a change of the batch's page: where the write cannot
    be made, no write of that change is made, the change is refused with the error's words, and the
    others are written.
    """

    def __init__(self, changes: Changes | None = None) -> None:
        self._changes = changes
        self.changed = 0
        """Number of writes that changed anything, set after the block."""
        self.missing: frozenset[tuple[str, str]] = frozenset()
        """(collection, id) of each patch with ``missing_ok`` that found no record, set after the
        block."""
        self._writes: list[Write] = []
        self._answers: list[str | None] = []
        self._store: tuple[sa.Engine, Collections] | None = None
        self._has_ended = False

    def put(
        self,
        collection: Collection,
        record: Mapping[str, Any],
        *,
        owner: str | None = None,
        change: Change | None = None,
    ) -> None:
        """Do as ``Collection.put``; raise RecordInvalidError at once."""
        from airflow_updraft.dag_api.writes import put_of  # noqa: PLC0415

        with self._answering(change):
            self._add(collection, put_of(collection.store.collection, record, owner), change)

    def patch(
        self,
        collection: Collection,
        record_id: str,
        fields: Mapping[str, Any],
        remove: Iterable[str] = (),
        *,
        base: int | None = None,
        missing_ok: bool = False,
        change: Change | None = None,
    ) -> None:
        """Do as ``Collection.patch``; raise RecordInvalidError at once for an unfit value.

        Problems that depend on the record show when the block ends. With ``missing_ok`` a patch of
        an absent or deleted record is left out and the others are written; without,
        RecordMissingError is raised and nothing is written.
        """
        from airflow_updraft.dag_api.writes import patch_of  # noqa: PLC0415

        declared = collection.store.collection
        with self._answering(change):
            write = patch_of(declared, record_id, fields, remove, base, missing_ok=missing_ok)
            self._add(collection, write, change)

    def delete(
        self, collection: Collection, record_id: str, *, change: Change | None = None
    ) -> None:
        """Do as ``Collection.delete``: an absent record is no error."""
        from airflow_updraft.dag_api.writes import delete_of  # noqa: PLC0415

        with self._answering(change):
            self._add(collection, delete_of(collection.store.collection, record_id), change)

    def refuse(self, change: Change, message: str) -> None:
        """Set a change of the batch's page aside, with words; its writes with ``change`` go.

        Raises ValueError for a batch without a page: ``write_batch(changes)`` gives it one.
        """
        self._page().refuse(change, message)

    def _page(self) -> Changes:
        if self._changes is None:
            raise ValueError(
                "this batch has no page of changes: open it with write_batch(changes), where "
                "changes is the page that is handled"
            )
        return self._changes

    @contextmanager
    def _answering(self, change: Change | None) -> Iterator[None]:
        """Refuse the change where its write cannot be made, instead of raising."""
        if change is None:
            yield
            return
        from airflow_updraft.errors import RecordInvalidError  # noqa: PLC0415

        page = self._page()
        try:
            yield
        except RecordInvalidError as error:
            page.refuse(change, str(error))

    def _add(self, collection: Collection, write: Write, change: Change | None) -> None:
        if self._has_ended:
            raise RuntimeError("this batch has ended: open another block")
        if len(self._writes) == WRITES_MAX:
            raise ValueError(
                f"a batch holds at most {WRITES_MAX} writes: end this block and open another"
            )
        self._store = collection.store.engine, collection.store.collections
        self._writes.append(write)
        self._answers.append(change.id if change else None)

    def _close(self) -> None:
        self._has_ended = True

    def _write(self) -> None:
        if self._store is None:
            return
        from airflow_updraft.dag_api.write_all import write_all  # noqa: PLC0415

        refused = self._changes.refusals if self._changes is not None else {}
        kept = [
            pair for pair in zip(self._writes, self._answers, strict=True) if pair[1] not in refused
        ]
        written = write_all(
            *self._store,
            [write for write, _ in kept],
            by=author(),
            answers=[answered for _, answered in kept],
        )
        self.changed, self.missing = written.changed, frozenset(written.missing)
        for change in self._changes or ():
            if change.id in written.refused:
                self._page().refuse(change, written.refused[change.id])


@contextmanager
def write_batch(changes: Changes | None = None) -> Iterator[WriteBatch]:
    """Collect writes and write all in one transaction.

    ``with write_batch() as batch: batch.patch(inspections, id, {…}); batch.put(tasks, {…})``

    When the block ends, all writes are made in one transaction, in order, each finding the results
    of the writes before. Nothing is written when the block or any write raises: RecordInvalidError,
    RecordMissingError and RecordChangedError name the record. 500 writes cost the database little
    more than a single write.

    ``write_batch(changes)``, with a page of ``Collection.changes``, may refuse changes of it.
    """
    batch = WriteBatch(changes)
    try:
        yield batch
    finally:
        batch._close()
    batch._write()
