"""Airflow's side of the engine: Connections, config, and Variables that outlive a restore."""

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
from airflow_updraft.discreet import make_discreet
from airflow_updraft.errors import CollectionsFileError, StoreNotConfiguredError, TableSyncError
from airflow_updraft.exchange.epoch import EpochKeeper
from airflow_updraft.exchange.shared_secret import checked, secret_of
from airflow_updraft.store.bond import BondKeeper, admit

STORE_CONNECTION = "updraft_default"
EPOCH_VARIABLE = "updraft_epoch"
_EPOCH_DESCRIPTION = "Updraft: must equal the store's epoch. Do not edit."
BOND_VARIABLE = "updraft_store"
ALERTS_VARIABLE = "updraft_alerts"
_BOND_DESCRIPTION = "Updraft: which store belongs to this Airflow. Do not edit."
SECRET_VARIABLE = "updraft_secret"  # noqa: S105 (a name, no secret)
"""Airflow never shows the value of a Variable with "secret" in the name, in any form or log."""
_SECRET_DESCRIPTION = "Updraft: signs answers and proofs (docs/operations.md). Do not show or edit."  # noqa: S105

_HOW_TO_CONFIGURE = f"""\
store_not_configured: Airflow has no Connection {STORE_CONNECTION!r}, so Updraft has no store. \
Add one to a PostgreSQL database of its own: airflow connections add {STORE_CONNECTION} \
--conn-uri 'postgresql://user:password@host/updraft'. \
To try it out on one machine, set AIRFLOW__UPDRAFT__DEV_SQLITE=True instead."""


def store_engine(*, may_bond: bool = True) -> sa.Engine:
    """Return the engine of this Airflow's store, for tasks, the DAG processor and the triggerer.

    All tables are there. Raises StoreNotConfiguredError, or StoreRefusedError for a database that
    is not this Airflow's store. Without ``may_bond`` no Variable is written.
    """
    return _admitted(VariableBondKeeper(), VariableEpochKeeper(), may_bond=may_bond)


def server_store_engine() -> sa.Engine:
    """Return the engine as ``store_engine`` does, for the command line."""
    return _admitted(MetadataBondKeeper(), MetadataEpochKeeper(), may_bond=True)


def _admitted(bonds: BondKeeper, epochs: EpochKeeper, *, may_bond: bool) -> sa.Engine:
    engine = find_store()
    try:
        admit(engine, bonds, epochs.get, may_bond=may_bond)
    except BaseException:
        engine.dispose()
        raise
    return engine


def find_store(**options: Any) -> sa.Engine:
    """Return the store's engine without connecting; raise StoreNotConfiguredError.

    ``options`` are options of SQLAlchemy's ``create_engine``.
    """
    try:
        engine = _engine(STORE_CONNECTION, options)
    except AirflowNotFoundException as error:
        if not conf.getboolean("updraft", "dev_sqlite", fallback=False):
            raise StoreNotConfiguredError(_HOW_TO_CONFIGURE) from error
        engine = make_discreet(
            sa.create_engine(f"sqlite:///{Path(AIRFLOW_HOME) / 'updraft.db'}", **options)
        )
    if engine.dialect.name not in ("postgresql", "sqlite"):
        raise StoreNotConfiguredError(
            f"the store must be PostgreSQL (or SQLite for development), not {engine.dialect.name}"
        )
    return engine


def connection_engine(connection_id: str) -> sa.Engine:
    """Return the engine of an Airflow Connection; raise TableSyncError without an SQL hook."""
    try:
        return _engine(connection_id, {})
    except AirflowNotFoundException as error:
        raise TableSyncError(f"Airflow has no Connection {connection_id!r}") from error


def _engine(connection_id: str, options: Mapping[str, Any]) -> sa.Engine:
    connection = BaseHook.get_connection(connection_id)
    if url := _plain_url(connection):
        return make_discreet(sa.create_engine(url, **options))
    hook = connection.get_hook()  # type: ignore[no-untyped-call]
    if not hasattr(hook, "get_sqlalchemy_engine"):
        raise TableSyncError(f"Connection {connection_id!r} is not an SQL database")
    return make_discreet(cast("sa.Engine", hook.get_sqlalchemy_engine(engine_kwargs=dict(options))))


# libpq understands these keys of a Connection's extra; others (IAM, …) are left to the hook.
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
    """Return the URL of a plain PostgreSQL or SQLite Connection, None for any other.

    The Connection's hook would give the same URL, but loading a hook costs the fresh process of
    each exchange half a second of processor time.
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
    """Return the path in ``[updraft] collections``; raise CollectionsFileError if there is none."""
    path = conf.get("updraft", "collections", fallback="")
    if not path:
        raise CollectionsFileError(
            "no collections are configured: set [updraft] collections "
            "(AIRFLOW__UPDRAFT__COLLECTIONS) "
            "to the path of collections.json"
        )
    return str(path)


def declared_collections() -> Collections:
    """Return the collections of ``[updraft] collections``; raise CollectionsFileError."""
    return load_collections(collections_file())


class TaskVariable:
    """An Airflow Variable for tasks and the DAG processor, which read through the task SDK.

    ``StoredVariable`` serves all other processes.
    """

    def __init__(self, key: str, description: str) -> None:
        self._key = key
        self._description = description

    def get(self) -> str | None:
        """Return the kept text, or None."""
        return cast("str | None", Variable.get(self._key, default=None))

    def set(self, text: str) -> None:
        """Keep this text."""
        Variable.set(self._key, text, description=self._description)


class StoredVariable:
    """An Airflow Variable for the API server and the command line, read from Airflow's database.

    ``Variable.get`` answers "not there" also when the database fails, and a store restored
    meanwhile would then pass for the true store. This class raises such a failure.
    """

    def __init__(self, key: str, description: str) -> None:
        self._key = key
        self._description = description

    def get(self) -> str | None:
        """Return the kept text, or None; raise SQLAlchemyError."""
        from airflow.models.variable import Variable as Stored  # noqa: PLC0415 (not in tasks)
        from airflow.utils.session import create_session  # noqa: PLC0415

        with create_session() as session:
            row = session.scalar(sa.select(Stored).where(Stored.key == self._key))
            return None if row is None else cast("str | None", row.get_val())

    def set(self, text: str) -> None:
        """Keep this text; raise SQLAlchemyError."""
        from airflow.models.variable import Variable as Stored  # noqa: PLC0415 (not in tasks)

        Stored.set(self._key, text, description=self._description)


class VariableEpochKeeper(TaskVariable):
    """Keeps the epoch in an Airflow Variable: a restored store brings an old epoch, this stays."""

    def __init__(self) -> None:
        super().__init__(EPOCH_VARIABLE, _EPOCH_DESCRIPTION)


class MetadataEpochKeeper(StoredVariable):
    """Keeps the epoch in the same Variable for the API server and the command line."""

    def __init__(self) -> None:
        super().__init__(EPOCH_VARIABLE, _EPOCH_DESCRIPTION)


class VariableBondKeeper(TaskVariable):
    """Keeps the bond in an Airflow Variable: a restored or exchanged store brings another."""

    def __init__(self) -> None:
        super().__init__(BOND_VARIABLE, _BOND_DESCRIPTION)


class VariableAlertsKeeper(TaskVariable):
    """Keeps in an Airflow Variable what the callback ``on_alert`` has heard of."""

    def __init__(self) -> None:
        super().__init__(ALERTS_VARIABLE, "What Updraft's on_alert has been told; may be deleted.")


class MetadataBondKeeper(StoredVariable):
    """Keeps the bond in the same Variable for the API server and the command line."""

    def __init__(self) -> None:
        super().__init__(BOND_VARIABLE, _BOND_DESCRIPTION)


def configured_secret() -> str | None:
    """Return the secret of ``[updraft] secret``; None leaves the secret to the Variable.

    Raises SecretError.
    """
    secret = str(conf.get("updraft", "secret", fallback="")).strip()
    return checked(secret) if secret else None


def task_secret(store: sa.Engine) -> str:
    """Return the shared secret for tasks and the DAG processor, made at the first use.

    Raises SecretError.
    """
    return configured_secret() or secret_of(
        TaskVariable(SECRET_VARIABLE, _SECRET_DESCRIPTION), store
    )


def server_secret(store: sa.Engine) -> str:
    """Return the shared secret for the API server, made at the first use.

    Raises SecretError or SQLAlchemyError.
    """
    return configured_secret() or secret_of(
        StoredVariable(SECRET_VARIABLE, _SECRET_DESCRIPTION), store
    )


def known_secret() -> str | None:
    """Return the shared secret, or None before the first use; raise SecretError.

    For tasks and the DAG processor.
    """
    if found := configured_secret():
        return found
    kept = TaskVariable(SECRET_VARIABLE, _SECRET_DESCRIPTION).get()
    return checked(kept) if kept else None
