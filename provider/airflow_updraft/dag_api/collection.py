"""The DAG authors' view of a collection: ``from airflow_updraft import Collection``.

docs/dag-authors.md shows this class at work. The DAG processor reads every DAG file every few
seconds: nothing heavy is imported, and no store is opened, before a task reads or writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import Asset

    from airflow_updraft.dag_api.changes import Changes
    from airflow_updraft.dag_api.collection_store import CollectionStore

QUERY_LIMIT = 100
CHANGES_LIMIT = 500


class Collection:
    """A collection of ``[updraft] collections``, read and written as Airflow, which may write any.

    A write is one transaction (``write_batch`` makes a single transaction of many), reaches the
    devices as any other change, and conflicts like any other: a device that edited the same field
    offline gets a conflict. An equal write makes no revision. Errors come from
    ``airflow_updraft.errors``: UnknownCollectionError, StoreNotConfiguredError, and the errors
    named at each method.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def get(self, record_id: str) -> dict[str, Any] | None:
        """Return the record with ``id``, or None if the record is absent or deleted."""
        return self.store.get(record_id)

    def get_many(self, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return the existing records with these ids, by id, in one statement."""
        return self.store.get_many(ids)

    def put(self, record: Mapping[str, Any], *, owner: str | None = None) -> bool:
        """Make the store hold exactly this record, with ``id``; return whether anything changed.

        Fields missing in ``record`` are removed: to change some fields of a record, use ``patch``.
        ``owner`` is the user a new record belongs to (rule ``own``). Raises RecordInvalidError,
        whose ``field`` is the field at fault.
        """
        return self.store.put(record, by=author(), owner=owner)

    def patch(
        self,
        record_id: str,
        fields: Mapping[str, Any],
        remove: Iterable[str] = (),
        *,
        base: int | None = None,
    ) -> bool:
        """Set and remove these fields, leave the others; return whether anything changed.

        For fields that people write too, pass the ``revision`` the task has seen as ``base``: a
        later change then raises RecordChangedError instead of being overwritten. Also raises
        RecordMissingError, RecordInvalidError.
        """
        return self.store.patch(record_id, fields, remove, by=author(), base=base)

    def delete(self, record_id: str) -> bool:
        """Delete the record; False where there is none."""
        return self.store.delete(record_id, by=author())

    def query(
        self,
        where: Mapping[str, Any] | None = None,
        limit: int = QUERY_LIMIT,
        after: str | None = None,
    ) -> list[dict[str, Any]]:
        """Return up to ``limit`` records whose fields equal ``where``, by id, from after ``after``.

        Raises ValueError for a field the schema does not declare.
        """
        from airflow_updraft.dag_api.query import query_records  # noqa: PLC0415

        store = self.store
        return query_records(store.engine, store.collections[self.name], where or {}, limit, after)

    def pages(
        self, where: Mapping[str, Any] | None = None, limit: int = QUERY_LIMIT
    ) -> Iterator[list[dict[str, Any]]]:
        """Yield all records whose fields equal ``where``, ``limit`` at a time."""
        after = None
        while page := self.query(where, limit, after):
            yield page
            after = page[-1]["id"]

    def changes(
        self, consumer: str, limit: int = CHANGES_LIMIT, *, acknowledge: bool = True
    ) -> AbstractContextManager[Changes]:
        """``with collection.changes(consumer="score") as changes:`` lists news for a consumer.

        The list holds at most ``limit`` changes since the consumer's last success, oldest first,
        each record once and as the record is now; a deleted record has ``record`` None. The
        consumer's cursor is kept in the store and moves only when the block ends without an error:
        a failed task gets the same changes again, so make its effects repeatable. The task's own
        writes come back too. While a consumer is behind, the bell rings again.

        ``changes.refuse(change, message)`` sets a change aside that cannot be processed. With
        ``acknowledge=False`` the cursor stays until ``acknowledge(changes.token)``.

        Raises ConsumerError at the end of the block when another run of the consumer was faster,
        and at the start when the consumer was away for longer than ``[updraft] consumer_days``.
        """
        from airflow_updraft.dag_api.consumer import changes  # noqa: PLC0415

        return changes(self.store.engine, self.name, consumer, limit, acknowledge=acknowledge)

    def change_pages(self, consumer: str, limit: int = CHANGES_LIMIT) -> Iterator[Changes]:
        """``for changes in collection.change_pages(consumer="score"):`` gives all news, in pages.

        Each page is what ``changes`` gives, and is acknowledged when the loop asks for the next: a
        loop that raises, or is left, is handed its page again. Ends at what the store held when the
        loop began; what came later, the loop's own writes too, is for the next run.
        """
        from airflow_updraft.dag_api.consumer import change_pages  # noqa: PLC0415

        return change_pages(self.store.engine, self.name, consumer, limit)

    def acknowledge(self, token: str) -> None:
        """Move a consumer past the changes of ``changes.token``, once other tasks are done.

        A repeated acknowledgement changes nothing. Raises ConsumerError for a text that is no token
        of this collection, and where the consumer was restarted or the store restored meanwhile.
        """
        from airflow_updraft.dag_api.token import acknowledge  # noqa: PLC0415

        acknowledge(self.store.engine, self.name, token)

    def refuse(self, token: str, record_id: str, message: str) -> None:
        """Set a record of a token's changes aside, at once: for tasks that have the token alone."""
        from airflow_updraft.dag_api.token import refuse  # noqa: PLC0415

        refuse(self.store.engine, self.name, token, record_id, message)

    def restart(self, consumer: str) -> None:
        """Hand the consumer every record once more."""
        from airflow_updraft.dag_api.consumer import restart  # noqa: PLC0415

        restart(self.store.engine, self.name, consumer)

    def asset(self) -> Asset:
        """Return an Asset for ``schedule=[collection.asset()]``: runs start 2 s after a change.

        The asset is a bell and carries no data; rings may coalesce or repeat. The DAG reads
        ``changes()``.
        """
        from airflow_updraft.dag_api.asset import collection_asset  # noqa: PLC0415

        return collection_asset(self.name)

    def target_asset(self) -> Asset:
        """Return the Asset of the target table, for DAGs that read the table.

        ``schedule=[collection.target_asset()]`` starts a run after rows were written or deleted.
        """
        from airflow_updraft.dag_api.asset import target_asset  # noqa: PLC0415

        return target_asset(self.name)

    @property
    def store(self) -> CollectionStore:
        """Internal to this package: Airflow's store, or the store that a test gives."""
        from airflow_updraft.dag_api.collection_store import CollectionStore  # noqa: PLC0415
        from airflow_updraft.dag_api.given_store import given_store  # noqa: PLC0415

        given = given_store()
        return CollectionStore(*given, self.name) if given else self._opened

    @store.setter
    def store(self, store: CollectionStore) -> None:
        self._opened = store

    @cached_property
    def _opened(self) -> CollectionStore:
        """Airflow's store, opened at the first use in this process."""
        from airflow_updraft.airflow_bridge import declared_collections, store_engine  # noqa: PLC0415
        from airflow_updraft.dag_api.collection_store import CollectionStore  # noqa: PLC0415

        return CollectionStore(store_engine(), declared_collections(), self.name)


def author() -> str:
    """Label the writer: ``dag_id/run_id/task_id`` in a task, else ``airflow``."""
    from airflow.sdk import get_current_context  # noqa: PLC0415

    try:
        ti = get_current_context()["ti"]
    except RuntimeError:
        return "airflow"
    return f"{ti.dag_id}/{ti.run_id}/{ti.task_id}"
