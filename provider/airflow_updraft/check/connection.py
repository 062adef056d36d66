"""Checks of the Connection of the store, its database, and the rights there."""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

import sqlalchemy as sa

from airflow_updraft.airflow_bridge import STORE_CONNECTION
from airflow_updraft.check.finding import Verdicts, failed, ok, warning
from airflow_updraft.check.site import Site, shown
from airflow_updraft.discreet import describe
from airflow_updraft.errors import StoreNotConfiguredError, TableSyncError
from airflow_updraft.store.tables import metadata

_ADD = (
    f"airflow connections add {STORE_CONNECTION} --conn-json '"
    '{"conn_type": "postgres", "host": "db", "login": "updraft", "password": "…", "schema": '
    '"updraft"}\''
)
_READD = f"airflow connections delete {STORE_CONNECTION}; {_ADD}"
_NO_STORE = "without its store Updraft keeps nothing: every exchange is answered 503"
_VARIABLE = f"AIRFLOW_CONN_{STORE_CONNECTION.upper()}"
_ELSEWHERE = (
    "CeleryExecutor",
    "KubernetesExecutor",
    "EdgeExecutor",
    "EcsExecutor",
    "BatchExecutor",
)


def check_connection(site: Site) -> Verdicts:
    """The Connection of the store can be read and names a database that Updraft knows."""
    try:
        engine = site.store
    except StoreNotConfiguredError as error:
        if "must be PostgreSQL" in str(error):
            yield failed(str(error), _NO_STORE, _READD)
        elif os.environ.get(_VARIABLE):
            what = f"the environment variable {_VARIABLE} is set, and Airflow cannot parse it"
            example = "postgresql://updraft:…@db/updraft"
            yield failed(what, _NO_STORE, f"export {_VARIABLE}='{example}'")
        else:
            what = f"Airflow has no Connection {STORE_CONNECTION!r}"
            yield failed(what, _NO_STORE, _ADD)
        return
    except TableSyncError as error:
        yield failed(str(error), _NO_STORE, _READD)
        return
    except Exception as error:
        if not _is_of_a_driver(error):
            raise
        what = f"the Connection {STORE_CONNECTION!r} is of a type that no installed package knows"
        mend = "pip install apache-airflow-providers-postgres   (in every part of Airflow), or:\n"
        yield failed(
            what, _NO_STORE, mend.replace(", or:\n", "; ") + f"its type must be postgres: {_READD}"
        )
        return
    if engine.dialect.name == "sqlite" and any(
        e in site.option("core", "executor") for e in _ELSEWHERE
    ):
        what = f"the store is the {shown(engine)}, and tasks run on other machines"
        yield failed(what, "each machine would keep a store of its own", _READD)
        return
    yield ok(f"{STORE_CONNECTION}: {shown(engine)}")


def _is_of_a_driver(error: Exception) -> bool:
    return isinstance(error, ImportError | sa.exc.NoSuchModuleError) or "Unknown hook type" in str(
        error
    )


def check_database(site: Site) -> Verdicts:
    """The database of the store answers."""
    try:
        with site.connect() as conn:
            conn.execute(sa.text("SELECT 1"))
    except FileNotFoundError as error:
        what = f"there is no file {error}"
        yield failed(
            what,
            _NO_STORE,
            "airflow updraft verify   (makes it), or correct the path in the Connection",
        )
        return
    except sa.exc.DBAPIError as error:
        words = _connection_words(site, error)
        mend = (
            f"airflow connections get {STORE_CONNECTION}   (then correct host, login, password or "
            "schema)"
        )
        yield failed(f"{shown(site.store)} does not let Updraft in: {words}", _NO_STORE, mend)
        return
    yield ok(f"{shown(site.store)} answers")


def _connection_words(site: Site, error: sa.exc.DBAPIError) -> str:
    """The driver's own words of a connection that was not made, on a line, without the password."""
    if error.connection_invalidated or error.statement or error.orig is None:
        return describe(error)
    words = " ".join(str(error.orig).split())
    password = site.store.url.password
    return words.replace(str(password), "***") if password else words


def check_rights(site: Site) -> Verdicts:
    """The Connection's user may make and change tables, and read and write those that are there."""
    with site.connect() as conn:
        if conn.dialect.name == "postgresql":
            yield from _postgres_rights(conn)
        else:
            yield from _sqlite_rights(site)


def _postgres_rights(conn: sa.Connection) -> Verdicts:
    user, schema, database = conn.execute(
        sa.text("SELECT current_user, current_schema(), current_database()")
    ).one()
    if schema is None:
        what = "the search path of the Connection's user names no schema that is there"
        yield failed(
            what, _NO_STORE, f'psql -d {database} -c "CREATE SCHEMA {user} AUTHORIZATION {user}"'
        )
        return
    if conn.scalar(
        sa.text("SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool")
    ):
        what = "the database takes no writes: a standby, or set to read only"
        yield failed(what, _NO_STORE, "name the primary server in the Connection")
        return
    missing = [*_missing_privileges(conn)]
    if missing:
        what = f"the user {user!r} lacks {', '.join(missing)}"
        mend = f'psql -d {database} -c "GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO {user}"'
        yield failed(what, _NO_STORE, mend)
    if not conn.scalar(sa.text("SELECT has_schema_privilege(:s, 'CREATE')"), {"s": schema}):
        what = f"the user {user!r} may not make tables in the schema {schema!r}"
        why = "neither this version's tables nor those of a later one can be made"
        mend = f'psql -d postgres -c "ALTER DATABASE {database} OWNER TO {user}"'
        yield failed(what, why, mend)
    elif not missing:
        yield ok(f"{user} may make, read and write tables in {schema}")


def _missing_privileges(conn: sa.Connection) -> Iterable[str]:
    there = set(sa.inspect(conn).get_table_names())
    ask = sa.text("SELECT has_table_privilege(quote_ident(:t), :p)")
    for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE"):
        tables = [name for name in metadata.tables if name in there]
        lacking = [t for t in tables if not conn.scalar(ask, {"t": t, "p": privilege})]
        if lacking:
            yield f"{privilege} on {lacking[0] if len(lacking) < len(tables) else 'the tables'}"


def _sqlite_rights(site: Site) -> Verdicts:
    path = site.store.url.database or ""
    for place in (path, os.path.dirname(path) or "."):
        if not os.access(place, os.W_OK):
            what = f"{place} cannot be written by this user"
            yield failed(what, _NO_STORE, f"chown $(id -u) {place}; chmod u+w {place}")
            return
    yield ok("the file and its folder can be written")


def check_own_database(site: Site) -> Verdicts:
    """The store has a database of its own: Airflow's metadata is restored and upgraded apart."""
    with site.connect() as conn:
        names = set(sa.inspect(conn).get_table_names())
    if {"dag_run", "task_instance"} <= names:
        what = "the store lies in Airflow's own metadata database"
        why = (
            "a restored backup of one brings back the other, and Updraft could not tell that "
            "devices "
            "know more than the store"
        )
        yield failed(
            what, why, f'psql -d postgres -c "CREATE DATABASE updraft OWNER updraft"; {_READD}'
        )
        return
    if others := sorted(name for name in names if not name.startswith("updraft_")):
        few = ", ".join(others[:3]) + (", …" if len(others) > 3 else "")
        yield ok(
            f"not Airflow's own, and shared with other tables ({few}): restore all of it together"
        )
        return
    yield ok("a database of its own")


def check_driver(site: Site) -> Verdicts:
    """The packages that the store's database needs are installed where this command runs."""
    if site.store.dialect.name != "postgresql":
        yield ok("SQLite, for development on one machine")
        return
    try:
        found = version("apache-airflow-providers-postgres")
    except PackageNotFoundError:
        what = "apache-airflow-providers-postgres is not installed"
        why = (
            "Airflow's form shows the Connection without its fields, and options in its extra "
            "cannot be used"
        )
        yield warning(what, why, "pip install apache-airflow-providers-postgres")
        return
    yield ok(f"{site.store.driver}, apache-airflow-providers-postgres {found}")
