"""The index by which a page of a collection is read whose records are seen by their owners alone.

Only such a collection has one: kept for all, it was a third of each write's cost. It decides nothing; without it a
page is found more slowly.
"""

from __future__ import annotations

import hashlib
import logging

import sqlalchemy as sa

from airflow_updraft.collections import Collections
from airflow_updraft.tables import lock_creation, records
from airflow_updraft.transaction import run_transaction

log = logging.getLogger(__name__)


def index_own(engine: sa.Engine, collections: Collections) -> None:
    """Make those that are missing, one look at the database where none is. Writers wait while one is built."""
    wanted = [_index(c.name) for c in collections.values() if c.read == "own"]
    if not wanted or {index.name for index in wanted} <= _existing(engine):
        return

    def make(conn: sa.Connection) -> None:
        lock_creation(conn)
        for index in wanted:
            index.create(conn, checkfirst=True)

    try:
        run_transaction(engine, make, repeatable=True)
    except sa.exc.ProgrammingError as error:
        # Who may not make an index may well exchange.
        log.warning("the index for collections with read 'own' was not made, their pages are slow: %s", error.orig)


def _existing(engine: sa.Engine) -> set[str | None]:
    return {index["name"] for index in sa.inspect(engine).get_indexes(records.name)}


def _index(collection: str) -> sa.Index:
    table = records.to_metadata(sa.MetaData())  # of its own: the store's tables are the same whatever is declared
    # A collection's name is any text, and may be longer than an index's.
    name = f"updraft_records_own_{hashlib.sha256(collection.encode()).hexdigest()[:16]}"
    of_it = table.c.collection == collection
    return sa.Index(name, table.c.owner, table.c.revision, postgresql_where=of_it, sqlite_where=of_it)
