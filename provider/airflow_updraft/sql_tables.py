"""What ``source`` and ``target`` have in common: a table on some Connection, and values between SQL and JSON.

Names come from the table itself, by reflection, and SQLAlchemy quotes them: no declaration becomes SQL text.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from airflow_updraft.collections import Collection, TableRef
from airflow_updraft.errors import TableSyncError
from airflow_updraft.json_values import Json


@dataclass(frozen=True, slots=True)
class SyncTable:
    """A reflected table, its key column, and the columns that are copied (the key not among them)."""

    table: sa.Table
    key: sa.Column[Any]
    columns: tuple[sa.Column[Any], ...]


def reflect(engine: sa.Engine, ref: TableRef, collection: Collection) -> SyncTable:
    """Look the table up; raise TableSyncError where it, its key or a declared column is missing."""
    where = f"{collection.name}: table {ref.table!r} on connection {ref.connection!r}"
    schema, _, name = ref.table.rpartition(".")
    try:
        table = sa.Table(name, sa.MetaData(), schema=schema or None, autoload_with=engine)
    except sa.exc.NoSuchTableError as error:
        raise TableSyncError(
            f"{where} does not exist: create it, with the key column {ref.key!r} and a column for each "
            "field to copy (Updraft never creates or alters other people's tables)"
        ) from error
    if ref.key not in table.c:
        raise TableSyncError(f"{where} has no key column {ref.key!r}")
    fields = collection.schema.get("properties", {})
    wanted = ref.columns if ref.columns is not None else [c.name for c in table.c if c.name in fields]
    if missing := [name for name in wanted if name not in table.c]:
        raise TableSyncError(f"{where} has no columns {missing}")
    return SyncTable(table, table.c[ref.key], tuple(table.c[name] for name in wanted if name not in (ref.key, "id")))


def to_field(value: Any) -> Json:
    """The JSON a column's value becomes; raise TableSyncError for what JSON cannot hold."""
    match value:
        case None | bool() | int() | float() | str() | dict() | list():
            return value
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case date() | datetime() | time():
            return value.isoformat()
        case uuid.UUID():
            return str(value)
    raise TableSyncError(f"a value of type {type(value).__name__} cannot become JSON")


def to_column(value: Json, column: sa.Column[Any]) -> Any:
    """The value to write into a column for a field's JSON; raise TableSyncError where it does not fit."""
    if value is None or isinstance(column.type, sa.JSON):
        return value
    if isinstance(value, dict | list):
        return json.dumps(value)
    if isinstance(value, str):
        for sql_type, parse in _PARSERS.items():
            if isinstance(column.type, sql_type):
                try:
                    return parse(value)
                except ValueError as error:
                    raise TableSyncError(f"column {column.name!r}: {error}") from error
    return value


_PARSERS: Mapping[type[sa.types.TypeEngine[Any]], Any] = {
    sa.DateTime: datetime.fromisoformat,
    sa.Date: date.fromisoformat,
    sa.Time: time.fromisoformat,
    sa.Uuid: uuid.UUID,
}
