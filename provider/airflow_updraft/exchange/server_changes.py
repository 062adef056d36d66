"""Changes made by Airflow: devices get these by the same feed, and conflict as with any other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import sqlalchemy as sa

from airflow_updraft.collections import Collections
from airflow_updraft.exchange.apply import Verdict, apply_mutations
from airflow_updraft.exchange.merge import Stored
from airflow_updraft.exchange.mutation import Mutation
from airflow_updraft.exchange.records import Changed, RecordName, load_records, write_records
from airflow_updraft.exchange.rights import Author
from airflow_updraft.exchange.shape import id_problem
from airflow_updraft.json_values import Json, json_equal
from airflow_updraft.store.revision import Counter


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
    """Make the store hold these documents; return a verdict for each document that differed.

    Only changed fields get a new revision, so that a device's edit of another field is no conflict.
    ``owner`` is the owner of new records; None: nobody, or the tombstone's owner. A verdict may be
    ``rejected`` (schema): that document is not stored, the others are.
    """
    wanted = {str(document["id"]): document for document in documents}
    held = load_records(
        conn,
        [RecordName(collection, record_id) for record_id in wanted if not id_problem(record_id)],
    )
    mutations = [
        mutation
        for record_id, document in wanted.items()
        if (
            mutation := difference(collection, document, held.get((collection, record_id)), counter)
        )
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
    """Turn these records into tombstones; absent records stay absent."""
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
    """Give a record to another user: the new owner gets the record, the old one a notice."""
    before = load_records(conn, [RecordName(collection, record_id)])
    changed = {
        key: Changed(stored._replace(owner=owner, revision=counter.next()))
        for key, stored in before.items()
        if stored.owner != owner
    }
    write_records(conn, changed, before, by, collections, now)


def difference(
    collection: str, document: Mapping[str, Json], stored: Stored | None, counter: Counter
) -> Mutation | None:
    """Return the mutation that leads from the stored record to the document, None if equal.

    ``counter`` is the revision the author has seen: everything so far.
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
