"""A DAG's consumer: changes of a collection after a durable cursor, handed out at least once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from airflow_updraft.errors import ConsumerError
from airflow_updraft.json_values import Json
from airflow_updraft.limits import NAME_LENGTH_MAX
from airflow_updraft.store.cursors import (
    BELL,
    EXPIRED,
    TARGET,
    changes_after,
    move_cursor,
    read_position,
    restart_cursor,
)
from airflow_updraft.store.transaction import run_transaction

CHANGES_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Change:
    """A record as stored now, changed after the cursor; ``record`` is None for a deletion.

    ``by`` labels the last writer: a user, ``dag_id/run_id/task_id``, or a source table.
    """

    id: str
    revision: int
    record: dict[str, Json] | None
    by: str


@contextmanager
def changes(store: sa.Engine, collection: str, consumer: str, limit: int) -> Iterator[list[Change]]:
    """Hand out up to ``limit`` changes; move the cursor only when the block ends without error.

    Two blocks of the same consumer at once may get the same changes; if the block that ends second
    got others, that block raises ConsumerError and moves nothing. So a cursor never passes a change
    that no successful block was handed; some changes go to more than a single block.
    """
    _check(consumer, limit)
    with store.connect() as conn:
        position = read_position(conn, consumer, collection)
        rows = changes_after(conn, collection, position.cursor, limit)
    if position.cursor == EXPIRED:
        raise ConsumerError(
            f"consumer {consumer!r} of {collection} was away for so long that deletions it never "
            "read are forgotten. "
            f"Compare what it made with Collection.query(), then begin anew: "
            f"Collection({collection!r}).restart(consumer={consumer!r}) hands it every record once "
            "more"
        )
    yield [
        Change(
            row.id,
            row.revision,
            None if row.deleted else {"id": row.id, **row.fields},
            row.updated_by,
        )
        for row in rows
    ]
    if not rows:
        return
    end = rows[-1].revision
    if not run_transaction(
        store, lambda conn: move_cursor(conn, consumer, collection, position, end), repeatable=True
    ):
        raise ConsumerError(
            f"consumer {consumer!r} of {collection}: its cursor moved away from {position.cursor} "
            "while this run "
            "worked: another run of the same consumer came first, or the store was restored. No "
            "change is lost: "
            "the next run is handed what is left. Give the DAG max_active_runs=1 to avoid this"
        )


def restart(store: sa.Engine, collection: str, consumer: str) -> None:
    """Hand the consumer every record of the collection once more, oldest change first."""
    _check(consumer, 1)
    run_transaction(store, lambda conn: restart_cursor(conn, consumer, collection), repeatable=True)


def _check(consumer: str, limit: int) -> None:
    if consumer in (TARGET, BELL):
        raise ConsumerError(f"the consumer name {consumer!r} is Updraft's own: choose another")
    if not 1 <= len(consumer) <= NAME_LENGTH_MAX:
        raise ConsumerError(f"a consumer's name has 1 to {NAME_LENGTH_MAX} characters")
    if not 1 <= limit <= CHANGES_MAX:
        raise ValueError(f"limit must be 1 to {CHANGES_MAX}, not {limit}")
