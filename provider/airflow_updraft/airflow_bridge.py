"""What the engine needs of Airflow: its Connections, its config, and a Variable that outlives a restore."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import sqlalchemy as sa
from airflow.configuration import AIRFLOW_HOME, conf
from airflow.providers.common.compat.sdk import AirflowNotFoundException
from airflow.sdk import BaseHook, Connection, Variable

from airflow_updraft.collections import Collections, load_collections
from airflow_updraft.errors import CollectionsFileError, StoreNotConfiguredError, TableSyncError
from airflow_updraft.tables import create_store

STORE_CONNECTION = "updraft_default"
EPOCH_VARIABLE = "updraft_epoch"
_EPOCH_DESCRIPTION = "Updraft: must equal the store's epoch. Do not edit."

_HOW_TO_CONFIGURE = f"""\
store_not_configured: Airflow has no Connection {STORE_CONNECTION!r}, so Updraft has no store. Add one to a PostgreSQL \
database of its own: airflow connections add {STORE_CONNECTION} --conn-uri 'postgresql://user:password@host/updraft'. \
To try it out on one machine, set AIRFLOW__UPDRAFT__DEV_SQLITE=True instead."""


def store_engine() -> sa.Engine:
    """The engine of the store, its tables created where missing; raises StoreNotConfiguredError."""
    engine = find_store()
    create_store(engine)
    return engine


def find_store(**options: Any) -> sa.Engine:
    """The engine of the store, without connecting; raises StoreNotConfiguredError.

    ``options`` are SQLAlchemy's of ``create_engine``.
    """
    try:
        engine = _engine(STORE_CONNECTION, options)
    except AirflowNotFoundException as error:
        if not conf.getboolean("updraft", "dev_sqlite", fallback=False):
            raise StoreNotConfiguredError(_HOW_TO_CONFIGURE) from error
        engine = sa.create_engine(f"sqlite:///{Path(AIRFLOW_HOME) / 'updraft.db'}", **options)
    if engine.dialect.name not in ("postgresql", "sqlite"):
        raise StoreNotConfiguredError(
            f"the store must be PostgreSQL (or SQLite for development), not {engine.dialect.name}"
        )
    return engine


def connection_engine(connection_id: str) -> sa.Engine:
    """The engine of any Airflow Connection with an SQL hook; raises TableSyncError where there is none."""
    try:
        return _engine(connection_id, {})
    except AirflowNotFoundException as error:
        raise TableSyncError(f"Airflow has no Connection {connection_id!r}") from error


def _engine(connection_id: str, options: Mapping[str, Any]) -> sa.Engine:
    connection = BaseHook.get_connection(connection_id)
    if url := _plain_url(connection):
        return sa.create_engine(url, **options)
    hook = connection.get_hook()  # type: ignore[no-untyped-call]
    if not hasattr(hook, "get_sqlalchemy_engine"):
        raise TableSyncError(f"Connection {connection_id!r} is not an SQL database")
    return cast("sa.Engine", hook.get_sqlalchemy_engine(engine_kwargs=dict(options)))


# What libpq understands of a Connection's extra; anything else (IAM, …) is the hook's business.
_LIBPQ = {
    "application_name",
    "connect_timeout",
    "host",
    "keepalives",
    "keepalives_idle",
    "options",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
}


def _plain_url(connection: Connection) -> sa.URL | None:
    """The URL of a plain PostgreSQL or SQLite Connection, None for any other.

    Its hook would give the same, but loading it costs each exchange's fresh process half a second of processor time.
    """
    extra = connection.extra_dejson
    if connection.conn_type == "sqlite" and not extra:
        return sa.URL.create("sqlite", database=connection.host)
    if connection.conn_type != "postgres" or extra.keys() - _LIBPQ:
        return None
    return sa.URL.create(
        "postgresql+psycopg2" if find_spec("psycopg2") else "postgresql+psycopg",
        connection.login,
        connection.password,
        connection.host,
        connection.port,
        connection.schema,
        {key: str(value) for key, value in extra.items()},
    )


def collections_file() -> str:
    """The path in ``[updraft] collections``; raises CollectionsFileError where there is none."""
    path = conf.get("updraft", "collections", fallback="")
    if not path:
        raise CollectionsFileError(
            "no collections are configured: set [updraft] collections (AIRFLOW__UPDRAFT__COLLECTIONS) "
            "to the path of collections.json"
        )
    return str(path)


def declared_collections() -> Collections:
    """The collections of ``[updraft] collections``; raises CollectionsFileError."""
    return load_collections(collections_file())


class VariableEpochKeeper:
    """Keeps the epoch in an Airflow Variable: a restored store brings its old epoch along, this one stays.

    For tasks, which reach Variables through the task SDK; ``MetadataEpochKeeper`` is for all else.
    """

    def get(self) -> str | None:
        """The kept epoch, None before the first exchange."""
        return cast("str | None", Variable.get(EPOCH_VARIABLE, default=None))

    def set(self, epoch: str) -> None:
        """Keep this epoch."""
        Variable.set(EPOCH_VARIABLE, epoch, description=_EPOCH_DESCRIPTION)


class MetadataEpochKeeper:
    """The same Variable for the API server and the command line, which reach Airflow's database themselves.

    Not by ``Variable.get``: that answers "not there" also when the database fails, and a store restored meanwhile
    would then be taken for the true one. Here such a failure is raised.
    """

    def get(self) -> str | None:
        """The kept epoch, None before the first exchange; raises SQLAlchemyError."""
        from airflow.models.variable import Variable as StoredVariable  # noqa: PLC0415 (tasks cannot import it)
        from airflow.utils.session import create_session  # noqa: PLC0415

        with create_session() as session:
            row = session.scalar(sa.select(StoredVariable).where(StoredVariable.key == EPOCH_VARIABLE))
            return None if row is None else cast("str | None", row.get_val())

    def set(self, epoch: str) -> None:
        """Keep this epoch; raises SQLAlchemyError."""
        from airflow.models.variable import Variable as StoredVariable  # noqa: PLC0415 (tasks cannot import it)

        StoredVariable.set(EPOCH_VARIABLE, epoch, description=_EPOCH_DESCRIPTION)
