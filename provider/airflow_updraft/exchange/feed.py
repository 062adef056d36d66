"""The changes a user may see, in revision order, a page at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any

import sqlalchemy as sa

from airflow_updraft.collections import Collections
from airflow_updraft.exchange.apply import Applied, Verdict
from airflow_updraft.exchange.rights import Author, may_read
from airflow_updraft.json_values import Json, parse_json, size_bytes, write_json
from airflow_updraft.limits import LIMITS
from airflow_updraft.store.revision import Counter

Change = dict[str, Json]


@dataclass(frozen=True, slots=True)
class Page:
    """Changes above a revision, complete up to ``up_to``; ``more`` tells if the store goes on."""

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
    applied: Applied | None = None,
) -> Page:
    """Read the changes after ``since``: at most ``limit`` and the transport's bytes, at least one.

    ``settled`` are this response's verdicts: a record at the revision of its applied verdict is
    left out, because the device has the content. Records are matched by revision, which belongs to
    a single record, and never by id: another user's later change to the same record must come.
    ``applied`` is the outcome that this transaction has written, which need not be read again.
    """
    if since >= counter.revision:
        return Page([], counter.revision, more=False)
    known = {v["revision"] for v in settled if v["verdict"] == "applied"}
    bytes_max = LIMITS[author.transport].page_bytes_max
    changes: list[Change] = []
    live: list[tuple[Change, str]] = []
    size, more = 0, False
    read_to = counter.revision if applied is None else applied.base
    limit_read = limit + 1 + sum(revision <= read_to for revision in known)
    rows = _rows(conn, author, collections, since, read_to, limit_read) if since < read_to else ()
    if applied is not None:
        rows = chain(rows, _rows_written(applied, author, collections, known, since))
    for collection, record_id, revision, fields, deleted, is_gone in rows:
        if revision in known:
            continue
        change: Change = {"collection": collection, "id": record_id, "revision": revision}
        is_live = not (deleted or is_gone)
        size += (
            size_bytes(change)
            + (size_bytes(record_id) + _text_bytes(fields) if is_live else 0)
            + _MORE_BYTES
        )
        if changes and (len(changes) == limit or size > bytes_max):
            more = True
            break
        changes.append(change)
        if is_live:
            live.append((change, fields))
        else:
            change["gone" if is_gone else "deleted"] = True
    # All fields are parsed at once: entering the parser costs as much as a record.
    parsed = parse_json(f"[{','.join(fields for _, fields in live)}]")
    for (change, _), values in zip(live, parsed, strict=True):
        change["record"] = {"id": change["id"], **values}
    return Page(changes, changes[-1]["revision"] if more else counter.revision, more=more)


_MORE_BYTES = len(',"record":{"id":,},')
"""Bytes of a change besides its head and fields. Stored JSON is never longer than travelling JSON.
"""


def _text_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _rows_written(
    applied: Applied, author: Author, collections: Collections, known: set[int], since: int
) -> Iterator[Sequence[Any]]:
    """Yield the rows that ``_rows`` would find of these changes, without the ``known`` rows.

    Written rows come after all others, and often none of these rows is needed. A user's own write
    never revokes the user's view.
    """
    rows = [
        (
            collection,
            record_id,
            record.revision,
            text or write_json(record.fields),
            record.deleted,
            False,
        )
        for (collection, record_id), (record, text) in applied.changed.items()
        if record.revision not in known
        and record.revision > since
        and may_read(collections[collection], record.owner, author)
    ]
    yield from sorted(rows, key=lambda row: row[2])


def _rows(
    conn: sa.Connection,
    author: Author,
    collections: Collections,
    since: int,
    up_to: int,
    limit: int,
) -> Iterable[Sequence[Any]]:
    """Return rows of collection, id, revision, fields as text, deleted, gone.

    Records of others never leave the database.
    """
    shown = [c for c in collections.values() if not (author.transport == "dag" and c.is_private)]
    open_to_all = tuple(c.name for c in shown if c.read == "all")
    own = tuple(c.name for c in shown if c.read == "own")
    if not open_to_all and not own:
        return ()
    names = {f"c{index}": name for index, name in enumerate(open_to_all + own)}
    if conn.dialect.name == "postgresql":
        conn.execute(_IN_INDEX_ORDER)
    query = _view(conn.dialect.name, len(open_to_all), len(own))
    return conn.execute(
        query, {**names, "since": since, "up_to": up_to, "user": author.user, "limit": limit}
    )


_IN_INDEX_ORDER = sa.text(
    # Read a page of an index that is in order already. After a bulk load the statistics are old:
    # the planner would take the store for nearly empty, and read and sort all rows for each page.
    "SELECT set_config('enable_sort', 'off', true), set_config('enable_bitmapscan', 'off', true),"
    " set_config('enable_seqscan', 'off', true)"
)


@cache
def _view(dialect: str, open_to_all: int, own: int) -> sa.TextClause:
    """Return the user's view: a run in revision order for each collection, merged while read."""
    # Names are literals where a partial index for the collection exists: a generic plan would not
    # use the index.
    literals = [
        sa.bindparam(f"c{index}", type_=sa.Text, literal_execute=True)
        for index in range(open_to_all, open_to_all + own)
    ]
    record = (
        "SELECT collection, id, revision, CAST(fields AS text) AS fields, deleted, false AS gone"
    )
    asked = "revision > :since AND revision <= :up_to"
    runs = [
        f"{record} FROM updraft_records WHERE collection = :c{index} AND {asked}"
        + (" AND owner = :user" if index >= open_to_all else "")
        for index in range(open_to_all + own)
    ]
    if own:
        names = ", ".join(f":c{index}" for index in range(open_to_all, open_to_all + own))
        left = (
            "collection, id, revision, NULL AS fields, false AS deleted, true AS gone "
            "FROM updraft_gone"
        )
        runs.append(f'SELECT {left} WHERE "user" = :user AND {asked} AND collection IN ({names})')
    if dialect == "postgresql":
        # PostgreSQL plans each run separately: an unordered run is read to the end, and sorted.
        runs = [
            f"SELECT * FROM ({run} ORDER BY revision LIMIT :limit) run{at}"  # noqa: S608
            for at, run in enumerate(runs)
        ]
    return sa.text(" UNION ALL ".join(runs) + " ORDER BY revision LIMIT :limit").bindparams(
        *literals
    )
