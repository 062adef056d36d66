"""The statements that make a target's table fit its collection, for people to read and run.

Updraft never creates or alters other people's tables. Types follow the schema so that each value
that it allows reaches its column unchanged; columns may be NULL, since a field may be absent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.schema import CreateColumn, CreateTable

from airflow_updraft.check.fit import refused_by_column
from airflow_updraft.collections import Collection, TableRef
from airflow_updraft.errors import TableSyncError
from airflow_updraft.sync.sql_tables import column_of

DIALECTS: Mapping[str, Any] = {
    "postgresql": postgresql.dialect,
    "mysql": mysql.dialect,
    "sqlite": sqlite.dialect,
}
LENGTH_MAX = 1_000
"""Longer texts get a column without a length: MySQL's row has 65,535 bytes for all of its own."""

_MYSQL = ("mysql", "mariadb")
_TEXT = sa.Text().with_variant(mysql.LONGTEXT(), *_MYSQL)
_KEY = sa.Text().with_variant(mysql.VARCHAR(768), *_MYSQL)  # the longest that its index takes
_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
_MOMENT = sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), *_MYSQL)
_BY_TYPE: Mapping[str, sa.types.TypeEngine[Any]] = {
    "boolean": sa.Boolean(),
    "integer": sa.BigInteger(),
    "number": sa.Double(),
}


def create_statement(collection: Collection, ref: TableRef, dialect: sa.Dialect) -> str:
    """Return the CREATE TABLE of a target that does not exist."""
    schema, name = _place(ref)
    columns = [sa.Column(column, kind) for column, kind in _wanted(collection, ref).items()]
    table = sa.Table(
        name,
        sa.MetaData(),
        sa.Column(ref.key, _KEY, primary_key=True, nullable=False),
        *columns,
        schema=schema,
        # Ids and texts that differ in letter case or accents are other ids and texts.
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )
    lines = str(CreateTable(table).compile(dialect=dialect)).strip().splitlines()
    return "\n".join(line.rstrip() for line in lines) + ";"


def statements(target: sa.Engine, collection: Collection, ref: TableRef) -> list[str]:
    """Return what the table lacks in its database: CREATE, ALTERs, or nothing."""
    schema, name = _place(ref)
    try:
        table = sa.Table(name, sa.MetaData(), schema=schema, autoload_with=target)
    except sa.exc.NoSuchTableError:
        return [create_statement(collection, ref, target.dialect)]
    if ref.key not in table.c:
        raise TableSyncError(
            f"{collection.name}: table {ref.table!r} has no key column {ref.key!r}; no statement "
            "can fill it with the ids of rows that are there: correct collections.json, or move "
            "the table away"
        )
    return list(_alterations(target.dialect, table, collection, ref))


def _alterations(
    dialect: sa.Dialect, table: sa.Table, collection: Collection, ref: TableRef
) -> Iterator[str]:
    of = dialect.identifier_preparer.format_table(table)
    properties = collection.schema.get("properties", {})
    added = False
    for field, (name, kind) in _by_field(collection, ref).items():
        column = column_of(table, name, collection.name)
        wanted: sa.Column[Any] = sa.Column(name if column is None else column.name, kind)
        words = str(CreateColumn(wanted).compile(dialect=dialect))
        declared = properties.get(field)
        if column is None:
            added = True
            yield f"ALTER TABLE {of} ADD COLUMN {words};"
        elif refused_by_column(declared if isinstance(declared, dict) else {}, column):
            yield _other_type(dialect, of, wanted, words)
    if added:
        yield (
            "-- Then fill the new columns of the rows that are there:\n"
            f"-- airflow updraft consumers restart {collection.name} target"
        )


def _other_type(dialect: sa.Dialect, of: str, wanted: sa.Column[Any], words: str) -> str:
    name = dialect.identifier_preparer.format_column(wanted)
    if dialect.name in _MYSQL:
        return f"ALTER TABLE {of} MODIFY COLUMN {words};"
    if dialect.name == "sqlite":
        return f"-- SQLite changes no column's type: make {of} anew, with {words}"
    kind = wanted.type.compile(dialect=dialect)
    return f"ALTER TABLE {of} ALTER COLUMN {name} TYPE {kind} USING {name}::{kind};"


def _place(ref: TableRef) -> tuple[str | None, str]:
    schema, _, name = ref.table.rpartition(".")
    return schema or None, name


def _wanted(collection: Collection, ref: TableRef) -> dict[str, sa.types.TypeEngine[Any]]:
    return dict(_by_field(collection, ref).values())


def _by_field(
    collection: Collection, ref: TableRef
) -> dict[str, tuple[str, sa.types.TypeEngine[Any]]]:
    """Return the column and type of each field to copy."""
    properties = collection.schema.get("properties", {})
    columns = ref.columns if ref.columns is not None else {field: field for field in properties}
    return {
        field: (column, _type_of(properties.get(field)))
        for field, column in columns.items()
        if field != "id" and column != ref.key
    }


def _type_of(declared: Any) -> sa.types.TypeEngine[Any]:
    """Return the type that takes each value of the field; JSON where none else does."""
    if not isinstance(declared, dict):
        return _JSON
    values = declared.get("enum")
    if values and all(isinstance(value, str) for value in values):
        return _text(max(map(len, values)))
    types = declared.get("type", [])
    kinds = {types} if isinstance(types, str) else set(types)
    kinds.discard("null")
    if kinds == {"integer", "number"}:
        kinds = {"number"}
    if len(kinds) != 1:
        return _JSON
    (kind,) = kinds
    if kind != "string":
        return _BY_TYPE.get(kind, _JSON)
    if declared.get("format") == "date":
        return sa.Date()
    return _MOMENT if declared.get("format") == "date-time" else _text(declared.get("maxLength"))


def _text(length: int | None) -> sa.types.TypeEngine[Any]:
    return sa.String(max(1, length)) if length is not None and length <= LENGTH_MAX else _TEXT
