"""The progress of each reader of a collection: durable cursors, and the changes after one.

A reader is a DAG's consumer, a target table, or the bell that wakes DAGs. A cursor is the last
revision that was handled; the cursor moves after the work, so a crash in between hands out the same
changes again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from airflow_updraft.store.tables import consumers, insert, meta, records

TARGET = "target"
BELL = "bell"
UNTOLD = "target untold"
"""No reader: how many writes of the target the followers of its asset have not been told of."""
OWN = (TARGET, BELL, UNTOLD)
"""Names that no consumer of a DAG has."""

EXPIRED = -1
"""The cursor of a reader absent for so long that unread deletions were forgotten."""


@dataclass(frozen=True, slots=True)
class Position:
    """A reader's cursor (a revision, or EXPIRED), and the epoch in which that number counts."""

    epoch: str
    cursor: int


def read_position(conn: sa.Connection, name: str, collection: str) -> Position:
    """Return a reader's position, with cursor 0 before the first time."""
    here = (consumers.c.name == name, consumers.c.collection == collection)
    cursor = sa.select(consumers.c.revision).where(*here).scalar_subquery()
    row = conn.execute(
        sa.select(meta.c.epoch, sa.func.coalesce(cursor, 0)).where(meta.c.id == 1)
    ).one()
    return Position(*row)


def changes_after(conn: sa.Connection, collection: str, cursor: int, limit: int) -> Sequence[Any]:
    """Return the oldest records and tombstones above the cursor, in revision order.

    No lock is needed: a statement sees a single snapshot, and writers commit in revision order, so
    nothing below the last row can appear later.
    """
    query = (
        sa.select(
            records.c.id,
            records.c.revision,
            records.c.deleted,
            records.c.fields,
            records.c.updated_by,
        )
        .where(records.c.collection == collection, records.c.revision > cursor)
        .order_by(records.c.revision)
        .limit(limit)
    )
    return conn.execute(query).all()


def move_cursor(conn: sa.Connection, name: str, collection: str, start: Position, end: int) -> bool:
    """Move a cursor from its read position to ``end``; False, without a write, if moved meanwhile.

    Also False if the store was restored meanwhile: ``end`` is then a revision of a lost life, and
    later changes would pass below the cursor unread. A repeated move to ``end`` is True.
    """
    now = conn.execute(sa.select(meta.c.epoch, meta.c.revision).where(meta.c.id == 1)).one()
    if now.epoch != start.epoch or now.revision < end:
        return False
    here = (consumers.c.name == name, consumers.c.collection == collection)
    if start.cursor == 0:
        register(conn, name, collection)
    conn.execute(
        consumers.update().where(*here, consumers.c.revision == start.cursor).values(revision=end)
    )
    return conn.scalar(sa.select(consumers.c.revision).where(*here)) == end


def register(conn: sa.Connection, name: str, collection: str) -> None:
    """Note a reader before its first success, so that it can be woken, counted and shown."""
    first = insert(conn, consumers).values(name=name, collection=collection, revision=0)
    conn.execute(first.on_conflict_do_nothing())


def restart_cursor(conn: sa.Connection, name: str, collection: str) -> None:
    """Let a reader begin anew, with every record of the collection once more."""
    set_cursor(conn, name, collection, 0)


def set_cursor(conn: sa.Connection, name: str, collection: str, revision: int) -> None:
    """Put a reader's cursor to this revision, wherever it was."""
    register(conn, name, collection)
    here = (consumers.c.name == name, consumers.c.collection == collection)
    conn.execute(consumers.update().where(*here).values(revision=revision))


def untold(conn: sa.Connection, collection: str) -> int:
    """Return how many writes of a collection's target its followers have not been told of."""
    return (
        conn.scalar(
            sa.select(consumers.c.revision).where(
                consumers.c.name == UNTOLD, consumers.c.collection == collection
            )
        )
        or 0
    )


def note_untold(conn: sa.Connection, collection: str) -> None:
    """Note that rows of a collection's target have moved."""
    register(conn, UNTOLD, collection)
    here = (consumers.c.name == UNTOLD, consumers.c.collection == collection)
    conn.execute(consumers.update().where(*here).values(revision=consumers.c.revision + 1))


def forget_untold(conn: sa.Connection, collection: str, count: int) -> None:
    """Note that the followers were told of that many writes; not if there were more meanwhile."""
    here = (consumers.c.name == UNTOLD, consumers.c.collection == collection)
    conn.execute(consumers.delete().where(*here, consumers.c.revision == count))


def forget_reader(conn: sa.Connection, name: str, collection: str) -> bool:
    """Remove a reader, which holds nothing back any more; False where there is none."""
    here = (consumers.c.name == name, consumers.c.collection == collection)
    return conn.execute(consumers.delete().where(*here)).rowcount > 0
