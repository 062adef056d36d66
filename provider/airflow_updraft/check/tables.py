"""Checks of the tables that collections name as ``source`` and ``target``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from airflow_updraft.check.finding import Verdicts, command, failed, ok, skipped, warning
from airflow_updraft.check.fit import refused_by_column, refused_by_field
from airflow_updraft.check.site import Site, refuse_new_file
from airflow_updraft.collections import Collection, TableRef
from airflow_updraft.discreet import describe
from airflow_updraft.errors import TableSyncError
from airflow_updraft.sync.sql_tables import SyncTable, reflect

_NO_IMPORT = "the collection is not imported; devices keep the records they have"
_NO_EXPORT = "captured records wait in the store and do not reach the table"


def check_sources(site: Site) -> Verdicts:
    """Each source table is there, and its columns give values that the schema takes."""
    refs = [(c, c.source) for c in site.collections.values() if c.source]
    for collection, ref in refs:
        found = list(_table_problems(site, ref, collection, for_writing=False))
        yield from found or [ok(f"{ref.connection}: {ref.table}", collection.name)]
    if not refs:
        yield skipped("no collection declares a source")


def check_targets(site: Site) -> Verdicts:
    """Each target table is there, and its columns take the values that the schema allows."""
    refs = [(c, c.target) for c in site.collections.values() if c.target]
    for collection, ref in refs:
        found = list(_table_problems(site, ref, collection, for_writing=True))
        yield from found or [ok(f"{ref.connection}: {ref.table}", collection.name)]
    if not refs:
        yield skipped("no collection declares a target")


def _table_problems(
    site: Site, ref: TableRef, collection: Collection, *, for_writing: bool
) -> Verdicts:
    why = _NO_EXPORT if for_writing else _NO_IMPORT
    name = collection.name
    try:
        engine = site.engine_of(ref.connection)
        refuse_new_file(engine)
        table = reflect(engine, ref, collection, for_writing=for_writing)
    except TableSyncError as error:
        yield failed(
            str(error), why, _mend(ref, str(error), _ddl(name) if for_writing else ""), name
        )
    except FileNotFoundError as error:
        yield failed(
            f"Connection {ref.connection!r}: there is no file {error}", why, _get(ref), name
        )
    except sa.exc.SQLAlchemyError as error:
        words = f"Connection {ref.connection!r}: the database does not answer: {describe(error)}"
        yield failed(words, why, _get(ref), name)
    else:
        yield from (_target_problems if for_writing else _source_problems)(table, collection)


def _ddl(name: str) -> str:
    return f"; {command(f'tables ddl {name}')} prints it"


def _mend(ref: TableRef, words: str, ddl: str) -> str:
    if "no Connection" in words or "not an SQL" in words:
        example = "postgresql://user:…@host/database"
        return f"airflow connections add {ref.connection} --conn-uri '{example}'"
    if "does not exist" in words:
        return (
            f"CREATE TABLE {ref.table} ({ref.key} TEXT PRIMARY KEY, …)   (in {ref.connection}{ddl})"
        )
    return f"ALTER TABLE {ref.table} …{ddl}, or correct collections.json"


def _get(ref: TableRef) -> str:
    return f"airflow connections get {ref.connection}   (then correct it)"


def _declared(
    table: SyncTable, collection: Collection
) -> Iterator[tuple[str, sa.Column[Any], Mapping[str, Any]]]:
    properties = collection.schema.get("properties", {})
    for field, column in zip(table.fields, table.columns, strict=True):
        declared = properties.get(field)
        yield field, column, declared if isinstance(declared, dict) else {}


def _source_problems(table: SyncTable, collection: Collection) -> Verdicts:
    of = table.table.name
    for field, column, declared in _declared(table, collection):
        if words := refused_by_field(column, declared):
            what = f"column {of}.{column.name} ({column.type}): {words}"
            mend = f'declare the field "{field}" as the column is, in collections.json'
            yield failed(what, "every row with a value there is rejected", mend, collection.name)
    lost = set(collection.schema.get("required", [])) - {"id"} - set(table.fields)
    if lost:
        what = f"table {of} has no column for the required {', '.join(sorted(lost))}"
        mend = (
            f"ALTER TABLE {of} ADD COLUMN {min(lost)} …, or do not require it in collections.json"
        )
        yield failed(what, "every row is rejected", mend, collection.name)


def _undeclared(table: SyncTable, collection: Collection) -> Verdicts:
    """The mapped fields that no schema declares: a misspelt one would leave its column empty."""
    properties = collection.schema.get("properties", {})
    for field, column in zip(table.fields, table.columns, strict=True):
        if field not in properties:
            what = f"the schema declares no field {field!r} for column {column.name}"
            why = "the column stays NULL unless records have that field all the same"
            mend = f'correct "columns" in collections.json, or declare "{field}"'
            yield warning(what, why, mend, collection.name)


def _target_problems(table: SyncTable, collection: Collection) -> Verdicts:
    of, required = table.table.name, set(collection.schema.get("required", []))
    yield from _undeclared(table, collection)
    for field, column, declared in _declared(table, collection):
        what = f"column {of}.{column.name} ({column.type})"
        why = "the rows of such records are refused and set aside"
        if words := refused_by_column(declared, column):
            mend = f"ALTER TABLE {of} ALTER COLUMN {column.name} TYPE …"
            yield failed(
                f"{what} does not take each value of the field: {words}", why, mend, collection.name
            )
        elif not column.nullable and field not in required and column.server_default is None:
            mend = f"ALTER TABLE {of} ALTER COLUMN {column.name} DROP NOT NULL"
            words = f"{what} is NOT NULL, and the field may be absent"
            yield warning(words, why, mend, collection.name)
    for column in table.table.columns:
        if column is not table.key and column not in table.columns and _must_be_given(column):
            what = f"column {of}.{column.name} is NOT NULL without a default, and no field fills it"
            mend = f"ALTER TABLE {of} ALTER COLUMN {column.name} DROP NOT NULL"
            yield failed(what, "every new row is refused", mend, collection.name)


def _must_be_given(column: sa.Column[Any]) -> bool:
    made = column.computed is not None or column.identity is not None
    return not (column.nullable or made or column.server_default is not None)
