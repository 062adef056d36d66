"""Makes and drops the views in the store's database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

import sqlalchemy as sa

from airflow_updraft.collections import Collection
from airflow_updraft.discreet import describe
from airflow_updraft.errors import ViewError
from airflow_updraft.store.transaction import run_transaction
from airflow_updraft.views.statements import NAME_BYTES_MAX, PREFIX, View, quoted, view_of

_OTHER_COLUMNS = "42P16"
"""PostgreSQL: a view keeps its columns when replaced, and may only get further ones."""


def make(store: sa.Engine, collection: Collection) -> tuple[View, bool]:
    """Make the collection's view, or replace it; return the view, and whether grants are gone.

    Raises ViewError where the database does not let it.
    """
    view = view_of(collection, store.dialect)
    if len(view.name) > NAME_BYTES_MAX:
        raise ViewError(
            f"{collection.name}: the view's name would have {len(view.name)} characters, of which "
            f"PostgreSQL keeps {NAME_BYTES_MAX}; make a view of another name with the statement "
            "that 'views sql' prints"
        )
    try:
        return view, run_transaction(store, lambda conn: _make(conn, view))
    except (sa.exc.ProgrammingError, sa.exc.InternalError) as error:
        raise ViewError(
            f"{collection.name}: the view {view.name} cannot be made: {describe(error)}"
        ) from error


def _make(conn: sa.Connection, view: View) -> bool:
    name = quoted(view.name)
    if conn.dialect.name != "sqlite":
        try:
            with conn.begin_nested():
                _run(conn, f"CREATE OR REPLACE VIEW {name} AS {view.select}")
            return False
        except sa.exc.ProgrammingError as error:
            if getattr(error.orig, "sqlstate", getattr(error.orig, "pgcode", None)) != (
                _OTHER_COLUMNS
            ):
                raise
    _run(conn, f"DROP VIEW IF EXISTS {name}")
    _run(conn, f"CREATE VIEW {name} AS {view.select}")
    return conn.dialect.name != "sqlite"


def _run(conn: sa.Connection, sql: str) -> None:
    """Run SQL without parameters: a colon or a percent sign in a field's name means itself."""
    conn.exec_driver_sql(sql, execution_options={"no_parameters": True})


def existing(store: sa.Engine) -> list[str]:
    """Return the names of the views that there are."""
    return sorted(name for name in sa.inspect(store).get_view_names() if name.startswith(PREFIX))


def drop(store: sa.Engine, names: Iterable[str]) -> Iterator[str]:
    """Drop these views, and yield the name of each that is gone."""
    for name in names:
        try:
            run_transaction(store, partial(_run, sql=f"DROP VIEW {quoted(name)}"))
        except sa.exc.DBAPIError as error:
            raise ViewError(f"the view {name} cannot be dropped: {describe(error)}") from error
        yield name
