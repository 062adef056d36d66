"""The changes a user may see, in revision order, a page at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from airflow_updraft.apply import Author, Verdict
from airflow_updraft.collections import Collections
from airflow_updraft.json_values import Json, size_bytes
from airflow_updraft.limits import LIMITS
from airflow_updraft.revision import Counter
from airflow_updraft.tables import gone, records

Change = dict[str, Json]


@dataclass(frozen=True, slots=True)
class Page:
    """Changes with revisions above the asked one, complete up to ``up_to``; ``more`` says if the store goes on."""

    changes: list[Change]
    up_to: int
    more: bool


def read_page(
    conn: sa.Connection,
    counter: Counter,
    author: Author,
    collections: Collections,
    since: int,
    limit: int,
    settled: Iterable[Verdict] = (),
) -> Page:
    """Read the changes after ``since``: at most ``limit``, at most its transport's bytes, but at least one.

    ``settled`` are this response's verdicts: a record whose revision equals its applied verdict's is left out, the
    device has it. Never by the id alone: another's later change to the same record must come.
    """
    known = {(v["collection"], v["id"], v["revision"]) for v in settled if v["verdict"] == "applied"}
    bytes_max = LIMITS[author.transport].page_bytes_max
    changes: list[Change] = []
    size = 0
    for change in _changes(conn, author, collections, since, limit + len(known) + 1):
        if (change["collection"], change["id"], change["revision"]) in known:
            continue
        size += size_bytes(change)
        if changes and (len(changes) == limit or size > bytes_max):
            return Page(changes, changes[-1]["revision"], more=True)
        changes.append(change)
    return Page(changes, counter.revision, more=False)


def _changes(conn: sa.Connection, author: Author, collections: Collections, since: int, limit: int) -> Iterator[Change]:
    query = _readable(author, collections, since).order_by("revision").limit(limit)
    for row in conn.execute(query):
        collection, record_id, revision, fields, deleted, is_gone = row
        change: Change = {"collection": collection, "id": record_id, "revision": revision}
        if is_gone:
            yield change | {"gone": True}
        elif deleted:
            yield change | {"deleted": True}
        else:
            yield change | {"record": {"id": record_id, **fields}}


def _readable(author: Author, collections: Collections, since: int) -> sa.Select[Any]:
    """The user's view, in SQL: what is another's never leaves the database."""
    shown = [c for c in collections.values() if not (author.transport == "dag" and c.is_private)]
    open_to_all = [c.name for c in shown if c.read == "all"]
    own = [c.name for c in shown if c.read == "own"]
    mine = sa.and_(records.c.collection.in_(own), records.c.owner == author.user)
    columns = (records.c.collection, records.c.id, records.c.revision, records.c.fields, records.c.deleted)
    page = sa.select(*columns, sa.false().label("gone")).where(
        records.c.revision > since, sa.or_(records.c.collection.in_(open_to_all), mine)
    )
    if not own:
        return page
    left = sa.select(
        gone.c.collection,
        gone.c.id,
        gone.c.revision,
        sa.null().label("fields"),
        sa.false().label("deleted"),
        sa.true().label("gone"),
    ).where(gone.c.revision > since, gone.c.user == author.user, gone.c.collection.in_(own))
    both = sa.union_all(page, left).subquery()
    return sa.select(both)
