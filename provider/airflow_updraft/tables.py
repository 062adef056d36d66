"""The store's tables and their creation. PostgreSQL, or SQLite for development."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from airflow_updraft.errors import StoreVersionError
from airflow_updraft.transaction import SQLITE_WAIT_MS, run_transaction

SCHEMA_VERSION = 5
"""Grows with each migration; a test holds these tables and what the migrations build equal."""

metadata = sa.MetaData()

meta = sa.Table(
    "updraft_meta",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),  # one row, 1: the counter that writers lock
    sa.Column("schema_version", sa.Integer, nullable=False),
    sa.Column("epoch", sa.Text, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("horizon", sa.BigInteger, nullable=False),  # tombstones up to this revision may be pruned
)

records = sa.Table(
    "updraft_records",
    metadata,
    sa.Column("collection", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),  # revision of its (last) creation
    sa.Column("fields", sa.JSON, nullable=False),  # without the id; empty for a tombstone
    sa.Column("field_revisions", sa.JSON, nullable=False),  # only where it is not `created`; removed fields too
    sa.Column("deleted", sa.Boolean, nullable=False),
    sa.Column("owner", sa.Text),  # set at creation, kept by the tombstone; NULL where Airflow created it
    sa.Column("updated_by", sa.Text, nullable=False),
    sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),  # a label; nothing is decided by it
    # The feed merges one run in revision order for each collection; no page needs an index by revision alone.
    # A collection with "read": "own" has an index by owner besides (own_index.py).
    sa.Index("updraft_records_by_collection", "collection", "revision"),
    sa.Index(
        "updraft_records_tombstones", "revision", postgresql_where=sa.text("deleted"), sqlite_where=sa.text("deleted")
    ),
)

gone = sa.Table(
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
    sa.Column("transport", sa.Text),  # 'plugin' or 'dag', the last one it came through; NULL: not since version 1
    sa.Column("told", sa.BigInteger),  # the highest revision it was told of in this epoch; NULL: not since version 2
    sa.Column("device", sa.Text),  # what it last said of itself, as JSON: labels for operators
)

consumers = sa.Table(
    "updraft_consumers",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("collection", sa.Text, primary_key=True),
    sa.Column("revision", sa.BigInteger, nullable=False),
)


def random_epoch() -> str:
    """A new epoch: random, and fit to be part of a DAG run id."""
    return secrets.token_hex(8)


def create_store(engine: sa.Engine, new_epoch: Callable[[], str] = random_epoch) -> None:
    """Create the store, or migrate an older one; do nothing where it is up to date, which one SELECT tells.

    Safe to call from several processes at once. Raises StoreVersionError for a store of a newer package.
    """
    if _version_at_a_glance(engine) == SCHEMA_VERSION:
        return
    if engine.dialect.name == "sqlite":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.exec_driver_sql(f"PRAGMA busy_timeout={SQLITE_WAIT_MS}")
            conn.exec_driver_sql("PRAGMA journal_mode=WAL")  # a reader must not hold up the writer
    run_transaction(engine, lambda conn: _bring_up_to_date(conn, new_epoch), repeatable=True)


def _bring_up_to_date(conn: sa.Connection, new_epoch: Callable[[], str]) -> None:
    lock_creation(conn)
    if not sa.inspect(conn).has_table(meta.name):
        metadata.create_all(conn)
        first = {"id": 1, "schema_version": SCHEMA_VERSION, "epoch": new_epoch(), "revision": 0, "horizon": 0}
        conn.execute(meta.insert().values(first))
        return
    # Locked as the counter is: no exchange is under way while the tables change.
    version = conn.scalar(_VERSION.with_for_update())
    if version is None or not 1 <= version <= SCHEMA_VERSION:
        raise StoreVersionError(
            f"the store has schema version {version}, this package knows up to {SCHEMA_VERSION}. Nothing was changed: "
            "install the airflow-provider-updraft that the store was last used with, or a newer one"
        )
    if version < SCHEMA_VERSION:
        from airflow_updraft.migrations import upgrade  # noqa: PLC0415 (rarely needed, and slow to load)

        upgrade(conn, version)


def lock_creation(conn: sa.Connection) -> None:
    """Let one session at a time make tables and indexes, until its transaction ends: IF NOT EXISTS fails in a race."""
    if conn.dialect.name != "sqlite":
        conn.execute(sa.select(sa.func.pg_advisory_xact_lock(0x75706472616674)))


_VERSION = sa.select(meta.c.schema_version).where(meta.c.id == 1)


def _version_at_a_glance(engine: sa.Engine) -> int | None:
    """The store's version, None where there is none or it cannot be read: what is wrong then shows in the creation."""
    try:
        with engine.connect() as conn:
            found: int | None = conn.scalar(_VERSION)
            return found
    except (sa.exc.ProgrammingError, sa.exc.OperationalError):
        return None


def insert(conn: sa.Connection, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that knows ON CONFLICT, in the connection's dialect."""
    return sqlite.insert(table) if conn.dialect.name == "sqlite" else postgresql.insert(table)
