"""Common to ``source`` and ``target``: a table on a Connection, and values from SQL to JSON.

Names come from the table itself, by reflection, and SQLAlchemy quotes the names: no declaration
becomes SQL text.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from airflow_updraft.collections import Collection, TableRef
from airflow_updraft.errors import TableSyncError
from airflow_updraft.json_values import Json, exact


@dataclass(frozen=True, slots=True)
class SyncTable:
    """A reflected table, the key column, and the columns to copy without the key."""

    table: sa.Table
    key: sa.Column[Any]
    columns: tuple[sa.Column[Any], ...]
    fields: tuple[str, ...]
    """The field of each column; letter case alone may differ."""

    @property
    def shape(self) -> str:
        """Return the table's shape: another shape may take a row that this shape refused."""
        parts = [f"{c.name} {c.type!r} {c.nullable}" for c in self.table.columns]
        rules = sorted(
            f"{type(rule).__name__} {rule.name} {rule!s}" for rule in self.table.constraints
        )
        return hashlib.sha256(repr((parts, rules)).encode()).hexdigest()


def reflect(
    engine: sa.Engine, ref: TableRef, collection: Collection, *, for_writing: bool = False
) -> SyncTable:
    """Look the table up; raise TableSyncError for a missing table, key or column.

    ``for_writing``: columns that the database computes are left out, and must not be declared.
    """
    where = f"{collection.name}: table {ref.table!r} on connection {ref.connection!r}"
    schema, _, name = ref.table.rpartition(".")
    try:
        table = sa.Table(name, sa.MetaData(), schema=schema or None, autoload_with=engine)
    except sa.exc.NoSuchTableError as error:
        raise TableSyncError(
            f"{where} does not exist: create it, with the key column {ref.key!r} and a column for "
            "each "
            "field to copy (Updraft never creates or alters other people's tables)"
        ) from error
    if ref.key not in table.c:
        raise TableSyncError(f"{where} has no key column {ref.key!r}")
    fields = collection.schema.get("properties", {})
    wanted = ref.columns if ref.columns is not None else {field: field for field in fields}
    found = {
        field: column
        for field, name in wanted.items()
        if (column := column_of(table, name, where)) is not None
    }
    if ref.columns is not None:
        _require(ref, found, where)
    made = [
        name for name, column in found.items() if for_writing and _is_made_by_the_database(column)
    ]
    if made and ref.columns is not None:
        raise TableSyncError(
            f"{where}: the database makes the columns {made} by itself: do not declare them"
        )
    kept = {
        n: column
        for n, column in found.items()
        if column.name != ref.key and n != "id" and n not in made
    }
    return SyncTable(table, table.c[ref.key], tuple(kept.values()), tuple(map(str, kept)))


def _require(ref: TableRef, found: Mapping[str, sa.Column[Any]], where: str) -> None:
    """Raise for declared columns that are not there, or that two fields would share."""
    wanted = ref.columns or {}
    if missing := [name for field, name in wanted.items() if field not in found]:
        raise TableSyncError(f"{where} has no columns {missing}")
    for field, column in found.items():
        if wanted[field] != field and (field == "id" or column.name == ref.key):
            raise TableSyncError(
                f"{where}: the field {field!r} cannot have the column {column.name!r}: the key "
                f"{ref.key!r} holds the id, and nothing else"
            )
        if others := [one for one, other in found.items() if other is column and one != field]:
            raise TableSyncError(
                f"{where}: the fields {sorted([field, *others])} have one column {column.name!r}"
            )


def _is_made_by_the_database(column: sa.Column[Any]) -> bool:
    return column.computed is not None or (
        column.identity is not None and bool(column.identity.always)
    )


def column_of(table: sa.Table, field: str, where: str) -> sa.Column[Any] | None:
    """Return a column by name, or by the only name that differs in letter case alone."""
    if field in table.c:
        return table.c[field]
    alike = [column for column in table.c if column.name.lower() == field.lower()]
    if len(alike) > 1:
        names = [column.name for column in alike]
        raise TableSyncError(
            f"{where}: the columns {names} could each be the field {field!r}: rename one"
        )
    return alike[0] if alike else None


def to_field(value: Any, declared: Mapping[str, Any] | None = None) -> Json:
    """Return a column's value as JSON, for a field ``declared`` so; raise TableSyncError.

    A decimal that no device holds exactly stays a decimal: the row is refused, never rounded. A
    date and time without a zone is UTC if the field's format asks for a zone.
    """
    declared = declared or {}
    match value:
        case int() if declared.get("type") == "boolean" and value in (0, 1):
            return bool(value)  # MySQL's BOOLEAN is a tinyint(1)
        case None | bool() | int() | float() | str():
            return value
        case Decimal() if declared.get("type") == "string":
            return str(value)
        case Decimal():
            return exact(value)
        case datetime() if value.tzinfo is None and declared.get("format") == "date-time":
            return value.replace(tzinfo=UTC).isoformat()
        case date() | datetime() | time():
            return value.isoformat()
        case uuid.UUID():
            return str(value)
        case list() | tuple():
            items = declared.get("items")
            return [to_field(item, items if isinstance(items, Mapping) else None) for item in value]
        case dict():
            return value
    raise TableSyncError(f"a value of type {type(value).__name__} cannot become JSON")
