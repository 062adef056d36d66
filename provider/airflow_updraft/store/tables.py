"""The store's tables and their creation, in PostgreSQL, or SQLite for development."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from airflow_updraft.errors import StoreVersionError
from airflow_updraft.store.connection import connected
from airflow_updraft.store.transaction import SQLITE_WAIT_MS, run_transaction

SCHEMA_VERSION = 10
"""Grows with each migration; a test keeps these tables and the migrations' result equal."""

metadata = sa.MetaData()

meta = sa.Table(
    "updraft_meta",
    metadata,
    sa.Column(
        "id", sa.Integer, primary_key=True, autoincrement=False
    ),  # a single row, 1: the counter that writers lock
    sa.Column("schema_version", sa.Integer, nullable=False),
    sa.Column("epoch", sa.Text, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column(
        "horizon", sa.BigInteger, nullable=False
    ),  # tombstones up to this revision may be pruned
    sa.Column("bond", sa.Text),  # the id of the store's Airflow (bond.py); NULL: not used so far
    sa.Column("key_mark", sa.Text),  # of the shared secret that the API server signs with
)

records = sa.Table(
    "updraft_records",
    metadata,
    sa.Column("collection", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),  # revision of the (last) creation
    sa.Column("fields", sa.JSON, nullable=False),  # without the id; empty for a tombstone
    sa.Column(
        "field_revisions", sa.JSON, nullable=False
    ),  # only if other than `created`; removed fields too
    sa.Column("deleted", sa.Boolean, nullable=False),
    sa.Column(
        "owner", sa.Text
    ),  # set at creation, kept by the tombstone; NULL if Airflow created the record
    sa.Column("updated_by", sa.Text, nullable=False),
    sa.Column(
        "updated_at", sa.DateTime(timezone=True), nullable=False
    ),  # a label, which decides nothing
    # The feed merges a run in revision order for each collection; no page needs an index by
    # revision alone. A collection with "read": "own" also has an index by owner (own_index.py).
    sa.Index("updraft_records_by_collection", "collection", "revision"),
    sa.Index(
        "updraft_records_tombstones",
        "revision",
        postgresql_where=sa.text("deleted"),
        sqlite_where=sa.text("deleted"),
    ),
)

revoked_views = sa.Table(
    "updraft_gone",
    metadata,
    sa.Column("user", sa.Text, primary_key=True),
    sa.Column("collection", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Index("updraft_gone_by_revision", "user", "revision"),
)

replicas = sa.Table(
    "updraft_replicas",
    metadata,
    sa.Column("replica_id", sa.Text, primary_key=True),
    sa.Column("user", sa.Text, nullable=False),
    sa.Column("epoch", sa.Text, nullable=False),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("nonce", sa.Text),
    sa.Column("hash", sa.Text),
    sa.Column("is_void", sa.Boolean, nullable=False),
    sa.Column("verdicts", sa.JSON(none_as_null=True)),
    sa.Column("last_seen", sa.DateTime(timezone=True), nullable=False),
    sa.Column("transport", sa.Text),  # 'plugin' or 'dag', the last used; NULL: none since version 1
    sa.Column(
        "told", sa.BigInteger
    ),  # the highest revision told in this epoch; NULL: not since version 2
    sa.Column(
        "answers", sa.BigInteger, nullable=False, server_default="0"
    ),  # given to the replica in this epoch
    sa.Column(
        "receipts", sa.Text, nullable=False, server_default=""
    ),  # names of the last answers (entry.py)
    sa.Column("device", sa.Text),  # the last report, as JSON: labels for operators
    sa.Column(
        "outcome", sa.Text
    ),  # of the last batch, as JSON, for operators (outcome.py); NULL: none since version 6
    # An index by a column that no exchange changes: each exchange would pay for any other index.
    sa.Index("updraft_replicas_by_user", "user"),
)

consumers = sa.Table(
    "updraft_consumers",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("collection", sa.Text, primary_key=True),
    sa.Column("revision", sa.BigInteger, nullable=False),
)

refused_changes = sa.Table(
    "updraft_refused_changes",
    metadata,
    sa.Column("consumer", sa.Text, primary_key=True),
    sa.Column("collection", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column(
        "revision", sa.BigInteger, nullable=False
    ),  # the record's; a later change of it is handed out again
    sa.Column("message", sa.Text, nullable=False),  # the DAG's words, for operators alone
)

refused_rows = sa.Table(
    "updraft_refused_rows",
    metadata,
    sa.Column("collection", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column(
        "revision", sa.BigInteger, nullable=False
    ),  # the record's, which the target table does not hold
    sa.Column(
        "sqlstate", sa.Text
    ),  # NULL: refused before the database was asked, or by a database without codes
    sa.Column("column_name", sa.Text),
    sa.Column("message", sa.Text, nullable=False),  # words without values
    sa.Column(
        "table_shape", sa.Text, nullable=False
    ),  # of the target table; another shape may take the row
)

source_confirmations = sa.Table(
    "updraft_source_confirmations",
    metadata,
    sa.Column("collection", sa.Text, primary_key=True),
    sa.Column(
        "missing", sa.BigInteger, nullable=False
    ),  # how many records may go at once, in the next run
)


def random_epoch() -> str:
    """A new epoch: random, and fit to be part of a DAG run id."""
    return secrets.token_hex(8)


def create_store(engine: sa.Engine, new_epoch: Callable[[], str] = random_epoch) -> None:
    """Create the store, or migrate an older store; do nothing if up to date (one SELECT).

    Safe to call from several processes at once. Raises StoreVersionError for a store of a newer
    package.
    """
    if _version_at_a_glance(engine) == SCHEMA_VERSION:
        return
    if engine.dialect.name == "sqlite":
        with connected(engine, "AUTOCOMMIT") as conn:
            conn.exec_driver_sql(f"PRAGMA busy_timeout={SQLITE_WAIT_MS}")
            conn.exec_driver_sql("PRAGMA journal_mode=WAL")  # a reader must not hold up the writer
    run_transaction(engine, lambda conn: _bring_up_to_date(conn, new_epoch), repeatable=True)


def _bring_up_to_date(conn: sa.Connection, new_epoch: Callable[[], str]) -> None:
    lock_creation(conn)
    if not sa.inspect(conn).has_table(meta.name):
        metadata.create_all(conn)
        first = {
            "id": 1,
            "schema_version": SCHEMA_VERSION,
            "epoch": new_epoch(),
            "revision": 0,
            "horizon": 0,
        }
        conn.execute(meta.insert().values(first))
        return
    # Locked as the counter is: no exchange is under way while the tables change.
    version = conn.scalar(_VERSION.with_for_update())
    if version is None or not 1 <= version <= SCHEMA_VERSION:
        raise StoreVersionError(
            f"the store has schema version {version}, this package knows up to {SCHEMA_VERSION}. "
            "Nothing was changed: "
            "install the airflow-provider-updraft that the store was last used with, or a newer one"
        )
    if version < SCHEMA_VERSION:
        from airflow_updraft.store.migrations import upgrade  # noqa: PLC0415 (rarely needed, slow to load)

        upgrade(conn, version)


def lock_creation(conn: sa.Connection) -> None:
    """Let one session at a time create tables: IF NOT EXISTS fails in a race.

    The lock holds until the transaction ends, also for indexes.
    """
    if conn.dialect.name != "sqlite":
        conn.execute(sa.select(sa.func.pg_advisory_xact_lock(0x75706472616674)))


_VERSION = sa.select(meta.c.schema_version).where(meta.c.id == 1)


def _version_at_a_glance(engine: sa.Engine) -> int | None:
    """Return the store's version, None without a readable store: creation then shows the cause."""
    try:
        with engine.connect() as conn:
            found: int | None = conn.scalar(_VERSION)
            return found
    except (sa.exc.ProgrammingError, sa.exc.OperationalError):
        return None


def insert(conn: sa.Connection, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that knows ON CONFLICT, in the connection's dialect."""
    return sqlite.insert(table) if conn.dialect.name == "sqlite" else postgresql.insert(table)
