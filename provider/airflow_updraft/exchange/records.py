"""Reads and writes records of the store by name, a few statements for any number of records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

import sqlalchemy as sa

from airflow_updraft.collections import Collections
from airflow_updraft.exchange.merge import Stored
from airflow_updraft.json_values import parse_json, write_json
from airflow_updraft.store.bulk import Row, append, as_array, upsert
from airflow_updraft.store.tables import records, revoked_views

Key = tuple[str, str]


class Named(Protocol):
    """Anything that names a record: a mutation, for example."""

    @property
    def collection(self) -> str:
        """The collection's name."""

    @property
    def id(self) -> str:
        """The record's id."""


class RecordName(NamedTuple):
    """A record's name, and nothing else."""

    collection: str
    id: str


class Changed(NamedTuple):
    """A record to write; ``text`` is the fields as JSON, None before serialisation."""

    record: Stored
    text: str | None = None


def load_records(conn: sa.Connection, wanted: Iterable[Named]) -> dict[Key, Stored]:
    """Read the records and tombstones of these names, with a statement for each collection."""
    ids = defaultdict[str, set[str]](set)
    for mutation in wanted:
        ids[mutation.collection].add(mutation.id)
    query, as_parameter = _LOAD[conn.dialect.name]
    found: dict[Key, Stored] = {}
    for name, some in ids.items():
        rows = conn.execute(query, {"collection": name, "ids": as_parameter(sorted(some))}).all()
        # All rows are parsed at once: entering the parser costs as much as a record.
        fields = parse_json(f"[{','.join(row[3] for row in rows)}]")
        changes = parse_json(f"[{','.join(row[4] for row in rows)}]")
        for row, values, changed in zip(rows, fields, changes, strict=True):
            record_id, revision, created, _, _, deleted, owner = row
            found[name, record_id] = Stored(
                revision, created, values, changed, bool(deleted), owner
            )
    return found


_RECORD = (
    # A JSON column as text, for our own parser.
    "SELECT id, revision, created, CAST(fields AS text), CAST(field_revisions AS text), deleted, "
    "owner "
    "FROM updraft_records WHERE collection = :collection AND id"
)
_LOAD: Mapping[str, tuple[sa.TextClause, Callable[[Sequence[str]], str]]] = {
    # The ids travel as a single parameter.
    "sqlite": (sa.text(f"{_RECORD} IN (SELECT value FROM json_each(:ids))"), write_json),  # noqa: S608
    # Each id is looked up by the primary key: with a single scan a planner whose statistics are old
    # (a bulk load, a young store) takes the collection for small, and reads all of the collection
    # at every exchange.
    "postgresql": (
        sa.text(
            "SELECT found.* FROM unnest(CAST(:ids AS text[])) AS wanted (wanted_id) "  # noqa: S608
            f"CROSS JOIN LATERAL ({_RECORD} = wanted_id OFFSET 0) AS found"
        ),
        as_array,
    ),
}


def write_records(
    conn: sa.Connection,
    changed: Mapping[Key, Changed],
    before: Mapping[Key, Stored],
    label: str,
    collections: Collections,
    now: datetime,
) -> None:
    """Write changed records, and a revoked view for each user who can no longer see a record.

    The counter must be locked by this transaction: so new records are known to be new.
    """
    new: list[Row] = []
    known: list[Row] = []
    for key, (record, text) in changed.items():
        row = (
            *key,
            record.revision,
            record.created,
            write_json(record.fields) if text is None else text,
            write_json(record.field_revisions) if record.field_revisions else "{}",
            record.deleted,
            record.owner,
            label,
            now,
        )
        (known if key in before else new).append(row)
    append(conn, records, new)
    upsert(conn, records, known)
    _tell_who_lost(conn, changed, before, collections)


def _tell_who_lost(
    conn: sa.Connection,
    changed: Mapping[Key, Changed],
    before: Mapping[Key, Stored],
    collections: Collections,
) -> None:
    left = []
    for key, old in before.items():
        if key not in changed or collections[key[0]].read != "own":
            continue
        record = changed[key].record
        if old.owner != record.owner:
            # A record that left a user's view may have entered another's: the first user is told
            # once, the second never again.
            if old.owner is not None:
                left.append((old.owner, *key, record.revision))
            here = (
                revoked_views.c.user == record.owner,
                revoked_views.c.collection == key[0],
                revoked_views.c.id == key[1],
            )
            conn.execute(revoked_views.delete().where(*here))
    upsert(conn, revoked_views, left)
