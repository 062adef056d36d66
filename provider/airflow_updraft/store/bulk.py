"""Writes many rows at once, the fastest way of each database.

A row is a tuple of storable values in the table's order of columns, with JSON as the stored text.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from airflow_updraft.store.connection import driver_errors

_POSTGRES = postgresql.dialect()  # type: ignore[no-untyped-call]

Row: TypeAlias = tuple[Any, ...]


def upsert(conn: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> None:
    """Write all rows in one round trip, replacing rows whose primary key exists."""
    if rows:
        _execute(conn, _upsert_text(table, conn.dialect.name), table, rows)


def append(conn: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> None:
    """Write rows whose primary keys are known to be free; a taken key raises IntegrityError."""
    if not rows:
        return
    if copy := _COPY.get(conn.dialect.driver):
        _copy(conn, table, rows, copy)
    else:
        _execute(conn, _insert_text(table, conn.dialect.name), table, rows)


def _execute(conn: sa.Connection, statement: str, table: sa.Table, rows: Sequence[Row]) -> None:
    if conn.dialect.name == "postgresql":
        # An array for each column: the drivers would send an executemany row by row.
        columns = zip(table.columns, zip(*rows, strict=True), strict=True)
        conn.execute(
            _text(statement), {column.name: as_array(values) for column, values in columns}
        )
    else:
        _execute_many(conn, statement, table, rows)


def _copy_by_psycopg2(cursor: Any, statement: str, text: str) -> None:
    cursor.copy_expert(statement, io.StringIO(text), size=65_536)


def _copy_by_psycopg(cursor: Any, statement: str, text: str) -> None:
    with cursor.copy(statement) as copy:
        copy.write(text)


_COPY: Mapping[str, Callable[[Any, str, str], None]] = {
    "psycopg2": _copy_by_psycopg2,
    "psycopg": _copy_by_psycopg,
}
"""By driver: a COPY takes PostgreSQL half as long as an INSERT from arrays."""


def _copy(
    conn: sa.Connection, table: sa.Table, rows: Sequence[Row], copy: Callable[[Any, str, str], None]
) -> None:
    statement = f"COPY {table.name} ({_listed(table)}) FROM STDIN"
    with driver_errors(conn, statement), closing(conn.connection.cursor()) as cursor:
        copy(cursor, statement, _as_copy_text(rows))


def _as_copy_text(rows: Sequence[Row]) -> str:
    r"""Rows as COPY reads them: cells end with a tab, rows with a newline, ``\N`` is NULL."""
    columns = (_texts(values, r"\N", _copy_escaped) for values in zip(*rows, strict=True))
    return "\n".join(map("\t".join, zip(*columns, strict=True))) + "\n"


def _copy_escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def as_array(values: Sequence[Any]) -> str:
    """Return an array as PostgreSQL reads arrays, for any driver."""
    return "{" + ",".join(_texts(values, "NULL", _array_escaped, quote='"')) + "}"


def _array_escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _texts(
    values: Sequence[Any], null: str, escaped: Callable[[str], str], quote: str = ""
) -> Iterable[str]:
    """Return a column's cells as texts, ``null`` for None."""
    first = values[0]
    if values.count(first) == len(values):
        # Most columns hold a single value.
        return (null if first is None else f"{quote}{escaped(str(first))}{quote}",) * len(values)
    if None in values:
        return [
            null if value is None else f"{quote}{escaped(str(value))}{quote}" for value in values
        ]
    # All cells are escaped at once, which is far faster: no storable text holds the separator.
    texts = escaped("\0".join(map(str, values))).split("\0")
    return [quote + text + quote for text in texts] if quote else texts


def _execute_many(
    conn: sa.Connection, statement: str, table: sa.Table, rows: Sequence[Row]
) -> None:
    """Call the driver directly: SQLAlchemy's work for each row costs more than the database's."""
    times = [at for at, column in enumerate(table.columns) if isinstance(column.type, sa.DateTime)]
    if times:
        columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
        for at in times:
            columns[at] = [_sqlite_time(value) for value in columns[at]]
        rows = list(zip(*columns, strict=True))
    conn.exec_driver_sql(statement, list(rows))


@lru_cache(maxsize=16)
def _sqlite_time(value: datetime) -> str:
    return value.replace(tzinfo=None).isoformat(" ", "microseconds")


_text = cache(sa.text)
"""SQLAlchemy looks for the parameters in a text anew each time."""


@cache
def _insert_text(table: sa.Table, dialect: str) -> str:
    source = f"VALUES ({', '.join('?' * len(table.columns))})"
    if dialect == "postgresql":
        arrays = ", ".join(
            f"CAST(:{c.name} AS {c.type.compile(_POSTGRES)}[])" for c in table.columns
        )
        source = f"SELECT * FROM unnest({arrays})"  # noqa: S608
    return f"INSERT INTO {table.name} ({_listed(table)}) {source}"


@cache
def _upsert_text(table: sa.Table, dialect: str) -> str:
    keys = table.primary_key.columns.keys()
    replace = replacing([c.name for c in table.columns if c.name not in keys])
    conflict = f"ON CONFLICT ({', '.join(map(quoted, keys))})"
    return f"{_insert_text(table, dialect)} {conflict} DO UPDATE SET {replace}"


def _listed(table: sa.Table) -> str:
    return ", ".join(map(quoted, table.columns.keys()))


def quoted(column: str) -> str:
    """Return a column's name quoted for SQL: ``user`` is a reserved word of PostgreSQL."""
    return f'"{column}"'


def replacing(columns: Iterable[str]) -> str:
    """The SET list of an upsert that replaces these columns."""
    return ", ".join(f"{quoted(column)} = excluded.{quoted(column)}" for column in columns)
