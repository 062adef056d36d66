"""A DAG's consumer: changes of a collection after a durable cursor, handed out at least once.

A page of changes is acknowledged when its work is done: by the end of the ``with`` block, by the
loop's next page, or later by its token. Only then the cursor moves, and what the consumer has
refused is set aside in the same transaction.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from airflow_updraft.dag_api.changes import Change, Changes, Span
from airflow_updraft.errors import ConsumerError
from airflow_updraft.limits import NAME_LENGTH_MAX
from airflow_updraft.store.cursors import (
    EXPIRED,
    OWN,
    move_cursor,
    read_position,
    register,
    restart_cursor,
)
from airflow_updraft.store.refused_changes import (
    changes_for,
    forget_all,
    forget_handled,
    set_aside,
)
from airflow_updraft.store.tables import consumers, meta
from airflow_updraft.store.transaction import run_transaction

CHANGES_MAX = 10_000


@contextmanager
def changes(
    store: sa.Engine, collection: str, consumer: str, limit: int, *, acknowledge: bool = True
) -> Iterator[Changes]:
    """Hand out up to ``limit`` changes; move the cursor only when the block ends without error.

    Two blocks of the same consumer at once may get the same changes; if the block that ends second
    got others, that block raises ConsumerError and moves nothing. So a cursor never passes a change
    that no successful block was handed; some changes go to more than a single block. With
    ``acknowledge=False`` the end of the block keeps refusals alone.
    """
    _check(consumer, limit)
    page = _read(store, collection, consumer, limit, None)
    yield page
    _settle(store, page, moves=acknowledge)


def change_pages(store: sa.Engine, collection: str, consumer: str, limit: int) -> Iterator[Changes]:
    """Hand out all changes up to the store's revision as of now, in pages of ``limit``.

    A page is acknowledged when the loop asks for the next: not when the loop raises or is left.
    """
    _check(consumer, limit)
    with store.connect() as conn:
        up_to = conn.execute(sa.select(meta.c.revision).where(meta.c.id == 1)).scalar_one()
    while True:
        page = _read(store, collection, consumer, limit, up_to)
        if page.span.end == page.span.start.cursor:
            return
        if page:
            yield page
        _settle(store, page, moves=True)


def _read(
    store: sa.Engine, collection: str, consumer: str, limit: int, up_to: int | None
) -> Changes:
    with store.connect() as conn:
        position = read_position(conn, consumer, collection)
        rows = changes_for(conn, consumer, collection, position.cursor, up_to, limit)
        is_new = position.cursor == 0 and not _is_registered(conn, consumer, collection)
    if position.cursor == EXPIRED:
        raise ConsumerError(
            f"consumer {consumer!r} of {collection} was away for so long that deletions it never "
            "read are forgotten. "
            f"Compare what it made with Collection.query(), then begin anew: "
            f"Collection({collection!r}).restart(consumer={consumer!r}) hands it every record once "
            "more"
        )
    if is_new:
        # Noted before its first success: else a first record that fails for ever would not show.
        run_transaction(store, lambda conn: register(conn, consumer, collection), repeatable=True)
    end = rows[-1].revision if rows else position.cursor
    found = (
        Change(
            row.id,
            row.revision,
            None if row.deleted else {"id": row.id, **row.fields},
            row.updated_by,
        )
        for row in rows
        if not row.is_refused
    )
    return Changes(found, Span(consumer, collection, position, end))


def _is_registered(conn: sa.Connection, consumer: str, collection: str) -> bool:
    here = (consumers.c.name == consumer, consumers.c.collection == collection)
    return conn.scalar(sa.select(consumers.c.revision).where(*here)) is not None


def _settle(store: sa.Engine, page: Changes, *, moves: bool) -> None:
    span = page.span
    if span.end == span.start.cursor:
        return

    def body(conn: sa.Connection) -> bool:
        if moves and not move(conn, span):
            return False
        set_aside(conn, span.consumer, span.collection, page.refusals)
        return True

    if (moves or page.refusals) and not run_transaction(store, body, repeatable=True):
        raise overtaken(span)


def move(conn: sa.Connection, span: Span) -> bool:
    """Move the cursor, and forget refusals of records whose later change is handled by that."""
    if not move_cursor(conn, span.consumer, span.collection, span.start, span.end):
        return False
    forget_handled(conn, span.consumer, span.collection, span.end)
    return True


def overtaken(span: Span) -> ConsumerError:
    """Return the error of a consumer whose cursor has moved meanwhile."""
    return ConsumerError(
        f"consumer {span.consumer!r} of {span.collection}: its cursor moved away from "
        f"{span.start.cursor} while this run "
        "worked: another run of the same consumer came first, or the store was restored. No "
        "change is lost: "
        "the next run is handed what is left. Give the DAG max_active_runs=1 to avoid this"
    )


def restart(store: sa.Engine, collection: str, consumer: str) -> None:
    """Hand the consumer every record of the collection once more, oldest change first."""
    _check(consumer, 1)

    def body(conn: sa.Connection) -> None:
        restart_cursor(conn, consumer, collection)
        forget_all(conn, consumer, collection)

    run_transaction(store, body, repeatable=True)


def _check(consumer: str, limit: int) -> None:
    if consumer in OWN:
        raise ConsumerError(f"the consumer name {consumer!r} is Updraft's own: choose another")
    if not 1 <= len(consumer) <= NAME_LENGTH_MAX:
        raise ConsumerError(f"a consumer's name has 1 to {NAME_LENGTH_MAX} characters")
    if not 1 <= limit <= CHANGES_MAX:
        raise ValueError(f"limit must be 1 to {CHANGES_MAX}, not {limit}")
