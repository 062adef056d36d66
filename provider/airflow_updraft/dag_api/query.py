"""Finds records of a collection by their fields, in SQL, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from airflow_updraft.collections import Collection
from airflow_updraft.json_values import Json, value_problem
from airflow_updraft.limits import REVISION_MAX
from airflow_updraft.store.tables import records

QUERY_LIMIT_MAX = 10_000


def query_records(
    store: sa.Engine,
    collection: Collection,
    where: Mapping[str, Json],
    limit: int,
    after: str | None,
) -> list[dict[str, Json]]:
    """Return up to ``limit`` live records whose fields equal ``where``, by id, after ``after``.

    Equality is JSON's: 1 is 1.0 but not true, and null is not absence. Raises ValueError for a
    field the schema does not declare, a value that is a list or an object, or a limit out of range.
    """
    if not 1 <= limit <= QUERY_LIMIT_MAX:
        raise ValueError(f"limit must be 1 to {QUERY_LIMIT_MAX}, not {limit}")
    query = sa.select(records.c.id, records.c.fields).where(
        records.c.collection == collection.name, ~records.c.deleted
    )
    if after is not None:
        query = query.where(records.c.id > after)
    for name, value in where.items():
        _check(collection, name, value)
        if name == "id":
            query = query.where(records.c.id == value)
        elif store.dialect.name == "sqlite":
            query = query.where(_equals_in_sqlite(name, value))
        else:
            query = query.where(_equals_in_postgres(name, value))
    with store.connect() as conn:
        return [
            {"id": row.id, **row.fields}
            for row in conn.execute(query.order_by(records.c.id).limit(limit))
        ]


def _check(collection: Collection, name: str, value: Json) -> None:
    declared = collection.schema.get("properties")
    if declared is not None and name not in declared:
        raise ValueError(
            f"{collection.name} has no field {name!r}; its schema declares: {', '.join(declared)}"
        )
    if name == "id" and not isinstance(value, str):
        raise ValueError(f"{collection.name}: an id is a text")
    if not (value is None or isinstance(value, str | bool | int | float)):
        raise ValueError(
            f"{collection.name}: field {name!r} can be compared with a text, number, boolean or "
            "None"
        )
    if isinstance(value, int) and abs(value) > REVISION_MAX:
        raise ValueError(
            f"{collection.name}: field {name!r}: a number is too large to be compared exactly"
        )
    if message := value_problem(value):
        raise ValueError(f"{collection.name}: field {name!r}: {message}")


def _equals_in_postgres(name: str, value: Json) -> sa.ColumnElement[bool]:
    """Compare as jsonb, which compares numbers by value, and never values of different types."""
    found = records.c.fields.op("->")(sa.bindparam(None, name, sa.Text))
    return sa.cast(found, JSONB) == sa.bindparam(None, value, JSONB(none_as_null=False))


def _equals_in_sqlite(name: str, value: Json) -> sa.ColumnElement[bool]:
    """Compare by json_each instead of a path: any name can be a parameter, with the type beside."""
    part = sa.func.json_each(records.c.fields).table_valued("key", "type", "value", name="part")
    same: Any = sa.true()
    match value:
        case None:
            kinds = ["null"]
        case bool():
            kinds = ["true" if value else "false"]
        case str():
            kinds, same = ["text"], part.c.value == value
        case _:
            kinds, same = ["integer", "real"], part.c.value == value
    return sa.exists().select_from(part).where(part.c.key == name, part.c.type.in_(kinds), same)
