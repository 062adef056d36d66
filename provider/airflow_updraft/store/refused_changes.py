"""Changes that a consumer cannot process: set aside with its words, so that others are handled.

A change is set aside as of its record's revision. The record is handed out again when it changes;
what was set aside is forgotten once that later change is handled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from airflow_updraft.store.bulk import upsert
from airflow_updraft.store.cursors import EXPIRED, OWN
from airflow_updraft.store.tables import consumers, records, refused_changes

MESSAGE_LENGTH_MAX = 500

_r = refused_changes.c


def changes_for(
    conn: sa.Connection, consumer: str, collection: str, after: int, up_to: int | None, limit: int
) -> Sequence[Any]:
    """Return the oldest changes above a cursor, each with ``is_refused``: set aside as it is now.

    One statement, which needs no lock (``cursors.changes_after`` says why).
    """
    is_refused = sa.exists().where(
        _r.consumer == consumer,
        _r.collection == collection,
        _r.id == records.c.id,
        _r.revision >= records.c.revision,
    )
    c = records.c
    query = (
        sa.select(
            c.id, c.revision, c.deleted, c.fields, c.updated_by, is_refused.label("is_refused")
        )
        .where(c.collection == collection, c.revision > after)
        .order_by(c.revision)
        .limit(limit)
    )
    return conn.execute(query if up_to is None else query.where(c.revision <= up_to)).all()


def set_aside(
    conn: sa.Connection, consumer: str, collection: str, refusals: Mapping[str, tuple[int, str]]
) -> None:
    """Keep refusals: the record's revision and the words, by the record's id."""
    rows = [
        (consumer, collection, record_id, revision, _storable(message))
        for record_id, (revision, message) in refusals.items()
    ]
    upsert(conn, refused_changes, rows)


def _storable(message: str) -> str:
    text = message.replace("\0", "").encode("utf-8", "replace").decode()
    return text if len(text) <= MESSAGE_LENGTH_MAX else text[: MESSAGE_LENGTH_MAX - 1] + "…"


def forget_handled(conn: sa.Connection, consumer: str, collection: str, up_to: int) -> None:
    """Forget refusals of records that changed since, and were handled up to this revision."""
    is_as_refused = sa.exists().where(
        records.c.collection == _r.collection,
        records.c.id == _r.id,
        sa.or_(records.c.revision <= _r.revision, records.c.revision > up_to),
    )
    conn.execute(
        refused_changes.delete().where(
            _r.consumer == consumer, _r.collection == collection, ~is_as_refused
        )
    )


def forget_all(conn: sa.Connection, consumer: str, collection: str) -> None:
    """Forget every refusal of a consumer."""
    conn.execute(
        refused_changes.delete().where(_r.consumer == consumer, _r.collection == collection)
    )


@dataclass(frozen=True, slots=True)
class ConsumerState:
    """A consumer: how many changes it has yet to read, and how many it has set aside."""

    name: str
    collection: str
    cursor: int
    behind: int
    refused: int

    @property
    def is_expired(self) -> bool:
        """Tell whether the consumer was away so long that it must begin anew."""
        return self.cursor == EXPIRED

    def shown(self) -> dict[str, Any]:
        """Return the state as JSON for reports and the page."""
        counts = {"behind": self.behind, "refused": self.refused}
        return {"name": self.name, "collection": self.collection, **counts} | (
            {"isExpired": True} if self.is_expired else {}
        )


def consumer_states(conn: sa.Connection) -> list[ConsumerState]:
    """Return all consumers of DAGs, without targets and the bell."""
    c = consumers.c
    behind = (
        sa.select(sa.func.count())
        .where(records.c.collection == c.collection, records.c.revision > c.revision)
        .scalar_subquery()
    )
    refused = (
        sa.select(sa.func.count())
        .where(_r.consumer == c.name, _r.collection == c.collection)
        .scalar_subquery()
    )
    query = (
        sa.select(c.name, c.collection, c.revision, behind, refused)
        .where(c.name.not_in(OWN))
        .order_by(c.name, c.collection)
    )
    return [ConsumerState(*row) for row in conn.execute(query)]


def refusals_of(conn: sa.Connection, consumer: str, collection: str, limit: int) -> Sequence[Any]:
    """Return the first refusals of a consumer, by revision, for operators."""
    query = (
        sa.select(_r.id, _r.revision, _r.message)
        .where(_r.consumer == consumer, _r.collection == collection)
        .order_by(_r.revision)
        .limit(limit)
    )
    return conn.execute(query).all()
