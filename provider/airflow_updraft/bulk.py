"""Writes many rows at once, the fastest way each database takes them.

A row is a tuple in the table's order of columns, with values that may be stored; JSON as the text it is stored as.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

_POSTGRES = postgresql.dialect()  # type: ignore[no-untyped-call]

Row: TypeAlias = tuple[Any, ...]


def upsert(conn: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> None:
    """Write all rows in one round trip, replacing those whose primary key exists."""
    if rows:
        _execute(conn, _upsert_text(table, conn.dialect.name), table, rows)


def append(conn: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> None:
    """Write rows whose primary keys are known to be free; one that is taken raises IntegrityError."""
    if not rows:
        return
    if copy := _COPY.get(conn.dialect.driver):
        _copy(conn, table, rows, copy)
    else:
        _execute(conn, _insert_text(table, conn.dialect.name), table, rows)


def _execute(conn: sa.Connection, statement: str, table: sa.Table, rows: Sequence[Row]) -> None:
    if conn.dialect.name == "postgresql":
        # One array a column: its drivers would send an executemany row by row.
        columns = zip(table.columns, zip(*rows, strict=True), strict=True)
        conn.execute(_text(statement), {column.name: as_array(values) for column, values in columns})
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
"""By driver: PostgreSQL takes half as long for it as for an INSERT from arrays."""


def _copy(conn: sa.Connection, table: sa.Table, rows: Sequence[Row], copy: Callable[[Any, str, str], None]) -> None:
    statement = f"COPY {table.name} ({_listed(table)}) FROM STDIN"
    connection, dbapi = conn.connection, conn.dialect.loaded_dbapi
    raw = connection.dbapi_connection
    cursor = connection.cursor()
    try:
        copy(cursor, statement, _as_copy_text(rows))
    except (dbapi.Error, SystemError) as raised:
        # psycopg2 stumbles over a connection that ends in the midst of a COPY: its own error is then the cause.
        error = raised.__cause__ if isinstance(raised, SystemError) else raised
        if not isinstance(error, dbapi.Error):
            raise
        # As SQLAlchemy wraps the errors of its own statements: they decide whether the transaction is run again.
        is_lost = conn.dialect.is_disconnect(error, raw, cursor)
        if is_lost:
            conn.invalidate(error)
        raise sa.exc.DBAPIError.instance(
            statement, None, error, dbapi.Error, connection_invalidated=is_lost, dialect=conn.dialect
        ) from error
    finally:
        cursor.close()


def _as_copy_text(rows: Sequence[Row]) -> str:
    r"""Rows as COPY reads them: cells end with a tab, rows with a newline, ``\N`` is NULL."""
    columns = (_texts(values, r"\N", _copy_escaped) for values in zip(*rows, strict=True))
    return "\n".join(map("\t".join, zip(*columns, strict=True))) + "\n"


def _copy_escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def as_array(values: Sequence[Any]) -> str:
    """An array as PostgreSQL reads it, whichever the driver."""
    return "{" + ",".join(_texts(values, "NULL", _array_escaped, quote='"')) + "}"


def _array_escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _texts(values: Sequence[Any], null: str, escaped: Callable[[str], str], quote: str = "") -> Iterable[str]:
    """A column's cells as texts, ``null`` for None."""
    first = values[0]
    if values.count(first) == len(values):
        # So are most columns.
        return (null if first is None else f"{quote}{escaped(str(first))}{quote}",) * len(values)
    if None in values:
        return [null if value is None else f"{quote}{escaped(str(value))}{quote}" for value in values]
    # All in one go, which is far faster: no text that may be stored holds the separator.
    texts = escaped("\0".join(map(str, values))).split("\0")
    return [quote + text + quote for text in texts] if quote else texts


def _execute_many(conn: sa.Connection, statement: str, table: sa.Table, rows: Sequence[Row]) -> None:
    """Hand the driver what SQLAlchemy would: its work for each row costs more than the database's."""
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
        arrays = ", ".join(f"CAST(:{c.name} AS {c.type.compile(_POSTGRES)}[])" for c in table.columns)
        source = f"SELECT * FROM unnest({arrays})"  # noqa: S608
    return f"INSERT INTO {table.name} ({_listed(table)}) {source}"


@cache
def _upsert_text(table: sa.Table, dialect: str) -> str:
    keys = table.primary_key.columns.keys()
    replace = replacing([c.name for c in table.columns if c.name not in keys])
    return f"{_insert_text(table, dialect)} ON CONFLICT ({', '.join(map(quoted, keys))}) DO UPDATE SET {replace}"


def _listed(table: sa.Table) -> str:
    return ", ".join(map(quoted, table.columns.keys()))


def quoted(column: str) -> str:
    """A column's name as SQL has it: ``user`` is a word of PostgreSQL's own."""
    return f'"{column}"'


def replacing(columns: Iterable[str]) -> str:
    """The SET list of an upsert that replaces these columns."""
    return ", ".join(f"{quoted(column)} = excluded.{quoted(column)}" for column in columns)
