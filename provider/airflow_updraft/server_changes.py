"""Changes made by Airflow itself: they reach the devices by the same feed, and conflict like any other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from airflow_updraft.apply import Author, Changed, RecordName, Verdict, apply_mutations, load_records, write_records
from airflow_updraft.collections import Collections
from airflow_updraft.cursors import BELL, EXPIRED
from airflow_updraft.json_values import Json, json_equal
from airflow_updraft.merge import Stored
from airflow_updraft.mutation import Mutation
from airflow_updraft.revision import Counter
from airflow_updraft.tables import consumers, gone, records


def put_records(
    conn: sa.Connection,
    counter: Counter,
    collection: str,
    documents: Iterable[Mapping[str, Json]],
    collections: Collections,
    now: datetime,
    *,
    by: str,
    owner: str | None = None,
) -> list[Verdict]:
    """Make the store hold these documents; return a verdict for each that differed from what it held.

    Only changed fields get a new revision, so that a device's edit of another field is no conflict. ``owner`` is
    whom new records belong to; None: nobody, or whom a tombstone belonged to. A verdict may be ``rejected``
    (schema): that document is not stored, the others are.
    """
    wanted = {str(document["id"]): document for document in documents}
    held = load_records(conn, [RecordName(collection, record_id) for record_id in wanted])
    mutations = [
        mutation
        for record_id, document in wanted.items()
        if (mutation := difference(collection, document, held.get((collection, record_id)), counter))
    ]
    author = Author(owner, label=by, is_airflow=True)
    return apply_mutations(conn, counter, mutations, author, collections, now).verdicts


def delete_records(
    conn: sa.Connection,
    counter: Counter,
    collection: str,
    ids: Iterable[str],
    collections: Collections,
    now: datetime,
    *,
    by: str,
) -> list[Verdict]:
    """Turn these records into tombstones; absent ones stay absent."""
    mutations = [Mutation(collection, record_id, counter.revision, "delete") for record_id in ids]
    author = Author(None, label=by, is_airflow=True)
    return apply_mutations(conn, counter, mutations, author, collections, now).verdicts


def give_record(
    conn: sa.Connection,
    counter: Counter,
    collection: str,
    record_id: str,
    owner: str | None,
    collections: Collections,
    now: datetime,
    *,
    by: str,
) -> None:
    """Make a record another user's: the new owner is sent it, the old one is told once that it is gone."""
    before = load_records(conn, [RecordName(collection, record_id)])
    changed = {
        key: Changed(stored._replace(owner=owner, revision=counter.next()))
        for key, stored in before.items()
        if stored.owner != owner
    }
    write_records(conn, changed, before, Author(owner, label=by, is_airflow=True), collections, now)


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was forgotten; ``horizon`` is the store's after it."""

    horizon: int
    tombstones: int
    gone: int


def prune(conn: sa.Connection, counter: Counter, up_to: int) -> Pruned:
    """Forget tombstones and gone entries up to a revision; devices that are further behind will re-read.

    Not beyond a tombstone that a consumer or target has yet to read: it does not re-read, it would miss the deletion.
    """
    unread = [reader.first_unread for reader in readers_behind(conn)]
    horizon = min([up_to, counter.revision, *(revision - 1 for revision in unread)])
    tombstones = conn.execute(records.delete().where(records.c.deleted, records.c.revision <= horizon)).rowcount
    left = conn.execute(gone.delete().where(gone.c.revision <= horizon)).rowcount
    counter.horizon = max(counter.horizon, horizon)
    return Pruned(counter.horizon, tombstones, left)


@dataclass(frozen=True, slots=True)
class ReaderBehind:
    """A consumer, or a target, with tombstones it has yet to read, from revision ``first_unread`` on."""

    name: str
    collection: str
    first_unread: int


def readers_behind(conn: sa.Connection) -> list[ReaderBehind]:
    """The readers that a pruning must wait for. The bell is none: it tells that something is new, not what."""
    unread = sa.and_(
        records.c.collection == consumers.c.collection, records.c.deleted, records.c.revision > consumers.c.revision
    )
    query = (
        sa.select(consumers.c.name, consumers.c.collection, sa.func.min(records.c.revision))
        .join(records, unread)
        .where(consumers.c.name != BELL, consumers.c.revision != EXPIRED)
        .group_by(consumers.c.name, consumers.c.collection)
    )
    return [ReaderBehind(*row) for row in conn.execute(query)]


def difference(
    collection: str, document: Mapping[str, Json], stored: Stored | None, counter: Counter
) -> Mutation | None:
    """The mutation that leads from what is stored to the document, None where they are equal.

    ``counter`` says what its author has seen: everything so far.
    """
    record_id = str(document["id"])
    fields = {name: value for name, value in document.items() if name != "id"}
    if stored is None or stored.deleted:
        return Mutation(collection, record_id, counter.revision, "create", set=fields)
    changed = {
        name: value
        for name, value in fields.items()
        if name not in stored.fields or not json_equal(stored.fields[name], value)
    }
    removed = frozenset(stored.fields.keys() - fields.keys())
    if not changed and not removed:
        return None
    return Mutation(collection, record_id, counter.revision, "patch", set=changed, removed=removed)
