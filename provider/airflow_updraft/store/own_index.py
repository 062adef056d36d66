"""The index for pages of collections whose records only the owners see.

Only such collections have this index: kept for all, the index was a third of each write's cost. The
index decides nothing; without it a page is found more slowly.
"""

from __future__ import annotations

import hashlib
import logging

import sqlalchemy as sa

from airflow_updraft.collections import Collections
from airflow_updraft.discreet import describe
from airflow_updraft.store.tables import lock_creation, records
from airflow_updraft.store.transaction import run_transaction

log = logging.getLogger(__name__)


def index_own(engine: sa.Engine, collections: Collections) -> None:
    """Create missing indexes, after one look at the database; a build makes writers wait."""
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
        # A user without the right to create indexes may well exchange.
        log.warning(
            "the index for collections with read 'own' was not made, their pages are slow: %s",
            describe(error),
        )


def _existing(engine: sa.Engine) -> set[str | None]:
    return {index["name"] for index in sa.inspect(engine).get_indexes(records.name)}


def _index(collection: str) -> sa.Index:
    table = records.to_metadata(
        sa.MetaData()
    )  # a copy: the store's tables are the same for any declaration
    # A collection's name may be as long as a whole index's name.
    name = f"updraft_records_own_{hashlib.sha256(collection.encode()).hexdigest()[:16]}"
    of_it = table.c.collection == collection
    return sa.Index(
        name, table.c.owner, table.c.revision, postgresql_where=of_it, sqlite_where=of_it
    )
