"""Writes rows into a target table; halving finds a refused row, so that others still go in."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from airflow_updraft.discreet import database_words
from airflow_updraft.sync.column_values import UnfitError, key_text, to_column, to_key
from airflow_updraft.sync.sql_tables import SyncTable

_OF_A_ROW = ("22", "23", "44", "54", "P0")
"""SQLSTATE classes for a row's own fault: data, a constraint, a view's check, size, a trigger's
words."""


class Row(NamedTuple):
    """A record for the table: the values by column, with the key."""

    id: str
    revision: int
    key: Any
    values: dict[str, Any]


class Refusal(NamedTuple):
    """A record whose row the table does not hold, and why, in words without values."""

    id: str
    revision: int
    message: str
    sqlstate: str | None = None
    column: str | None = None


class Rows(NamedTuple):
    """Records as rows to write, and records that cannot be rows."""

    live: list[Row]
    deletions: list[Row]
    refused: list[Refusal]


def to_rows(records: Sequence[Any], table: SyncTable) -> Rows:
    """Convert rows of the store: ``id``, ``revision``, ``deleted`` and ``fields``."""
    rows = Rows([], [], [])
    for record in records:
        column = table.key
        try:
            key = to_key(record.id, table.key)
            if record.deleted:
                rows.deletions.append(Row(record.id, record.revision, key, {}))
                continue
            values = {table.key.name: key}
            for column, field in zip(table.columns, table.fields, strict=True):
                values[column.name] = to_column(
                    record.fields.get(field), column, absent=field not in record.fields
                )
        except UnfitError as error:
            # A deleted record whose row was never written.
            if not record.deleted:
                message = f"column {column.name!r}: {error}"
                rows.refused.append(
                    Refusal(record.id, record.revision, message, None, str(column.name))
                )
        else:
            rows.live.append(Row(record.id, record.revision, key, values))
    return rows


def write_rows(target: sa.Engine, table: SyncTable, rows: Rows) -> tuple[int, list[Refusal]]:
    """Delete and write; return the number of deletions, and all refusals.

    Raises errors that concern every row.
    """
    deleted, kept = _delete_or_halve(target, table, rows.deletions)
    refused = _write_or_halve(target, table, rows.live)
    if len(refused) > 1:
        # Rows that swap the values of a UNIQUE column can only be written together.
        ids = {refusal.id for refusal in refused}
        together = [row for row in rows.live if row.id in ids and _is_unique(refused, row.id)]
        if len(together) > 1 and _attempt(target, table, together, aside=True) is None:
            done = {row.id for row in together}
            refused = [refusal for refusal in refused if refusal.id not in done]
    return deleted, [*rows.refused, *kept, *refused]


def _delete_or_halve(
    target: sa.Engine, table: SyncTable, rows: Sequence[Row]
) -> tuple[int, list[Refusal]]:
    if not rows:
        return 0, []
    try:
        with target.begin() as conn:
            return conn.execute(
                table.table.delete().where(table.key.in_([row.key for row in rows]))
            ).rowcount, []
    except sa.exc.DBAPIError as error:
        if not _is_of_a_row(error):
            raise
        if len(rows) == 1:
            return 0, [_refusal(rows[0], error)]  # another table refers to this row
    half = len(rows) // 2
    first, second = (_delete_or_halve(target, table, part) for part in (rows[:half], rows[half:]))
    return first[0] + second[0], first[1] + second[1]


def _is_unique(refused: Sequence[Refusal], record_id: str) -> bool:
    return any(
        r.id == record_id and (r.sqlstate == "23505" or "UNIQUE" in r.message) for r in refused
    )


def _write_or_halve(target: sa.Engine, table: SyncTable, rows: Sequence[Row]) -> list[Refusal]:
    if not rows or (error := _attempt(target, table, rows)) is None:
        return []
    if len(rows) == 1:
        return [_refusal(rows[0], error)]
    if _attempt(target, table, rows, aside=True) is None:
        return []
    half = len(rows) // 2
    return _write_or_halve(target, table, rows[:half]) + _write_or_halve(target, table, rows[half:])


def _attempt(
    target: sa.Engine, table: SyncTable, rows: Sequence[Row], *, aside: bool = False
) -> Exception | None:
    """Write all in a transaction; return a refusal without having written; raise other errors."""
    try:
        with target.begin() as conn:
            _write(conn, table, rows, aside=aside)
    except (sa.exc.StatementError, UnfitError) as error:
        if not _is_of_a_row(error):
            raise
        return error
    return None


def _is_of_a_row(error: Exception) -> bool:
    if not isinstance(error, sa.exc.DBAPIError):
        return True  # a value that the driver's own types do not take
    state = _sqlstate(error)
    if state:
        return state.startswith(_OF_A_ROW)
    return (
        isinstance(error, sa.exc.IntegrityError | sa.exc.DataError)
        and not error.connection_invalidated
    )


def _sqlstate(error: sa.exc.DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None)


def _refusal(row: Row, error: Exception) -> Refusal:
    if isinstance(error, sa.exc.DBAPIError) and error.orig is not None:
        column = getattr(getattr(error.orig, "diag", None), "column_name", None)
        return Refusal(row.id, row.revision, database_words(error.orig), _sqlstate(error), column)
    words = (
        str(error)
        if isinstance(error, UnfitError)
        else "the driver does not take a value of this row"
    )
    return Refusal(row.id, row.revision, words)


def _write(conn: sa.Connection, table: SyncTable, rows: Sequence[Row], *, aside: bool) -> None:
    """Update existing rows, insert the others.

    ON CONFLICT is not used: any SQL database may be the target, with or without a unique key, and
    columns Updraft does not copy must stay.
    """
    there = _there(conn, table, rows)
    old = [row for row in rows if row.id in there]
    if old and table.columns:
        if aside:
            _set_aside(conn, table, old)
        _update(
            conn,
            table,
            [(row.key, {c.name: row.values[c.name] for c in table.columns}) for row in old],
        )
    if new := [row.values for row in rows if row.id not in there]:
        conn.execute(table.table.insert(), new)


def _there(conn: sa.Connection, table: SyncTable, rows: Sequence[Row]) -> set[str]:
    """Return the ids with a row; raise if the database takes a key for that of another id."""
    found = {
        key_text(key)
        for key in conn.scalars(sa.select(table.key).where(table.key.in_([r.key for r in rows])))
    }
    ids = {row.id for row in rows}
    if isinstance(table.key.type, sa.CHAR):
        found = {text.rstrip(" ") for text in found}
    if others := found - ids:
        other = min(others)
        mine = next(
            (record_id for record_id in ids if record_id.casefold() == other.casefold()), min(ids)
        )
        raise UnfitError(f"the database takes the keys {mine!r} and {other!r} for one")
    return found


def _update(
    conn: sa.Connection, table: SyncTable, rows: Sequence[tuple[Any, dict[str, Any]]]
) -> None:
    # Parameter names that no column has: SQLAlchemy reserves a column's own name.
    names = list(rows[0][1])
    prefix = "v_"
    while any(column.name.startswith(prefix) for column in table.table.columns):
        prefix += "_"
    values: dict[str, Any] = {name: sa.bindparam(f"{prefix}{at}") for at, name in enumerate(names)}
    statement = table.table.update().where(table.key == sa.bindparam(f"{prefix}key")).values(values)
    given = [
        {f"{prefix}key": key} | {f"{prefix}{at}": row[name] for at, name in enumerate(names)}
        for key, row in rows
    ]
    conn.execute(statement, given)


def _set_aside(conn: sa.Connection, table: SyncTable, rows: Sequence[Row]) -> None:
    """Free the UNIQUE values that these rows hold, so that rows can swap these in a transaction."""
    unique = sorted({name for columns in _unique_columns(table) for name in columns})
    names = [c.name for c in table.columns if c.name in unique]
    if names:
        _update(
            conn,
            table,
            [
                (row.key, {name: _placeholder(table.table.c[name]) for name in names})
                for row in rows
            ],
        )


def _unique_columns(table: SyncTable) -> list[list[str]]:
    rules = [
        rule.columns.keys()
        for rule in table.table.constraints
        if isinstance(rule, sa.UniqueConstraint)
    ]
    return rules + [index.columns.keys() for index in table.table.indexes if index.unique]


def _placeholder(column: sa.Column[Any]) -> Any:
    if column.nullable:
        return None
    if isinstance(column.type, sa.Integer | sa.Numeric):
        return -secrets.randbelow(2**31)
    return secrets.token_hex(16)[: getattr(column.type, "length", None) or 32]
