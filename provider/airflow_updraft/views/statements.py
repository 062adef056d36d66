"""The SELECT of a collection's view: a column of the declared type for each field of the schema.

A view must not fail because of a single record, and must hide no value: a value that its column
cannot show (stored under an older schema, say) is NULL there, and is found in ``_fields``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from airflow_updraft.collections import Collection

PREFIX = "updraft_v_"
NAME_BYTES_MAX = 63
"""PostgreSQL cuts longer names, and two cut names may be equal."""
VALID_INPUT_SINCE = (16,)
"""The first PostgreSQL with ``pg_input_is_valid``; before, dates and moments stay texts."""

_OWN = ("revision", "owner", "updated_by", "updated_at")
_DAY = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_MOMENT = "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}"
_ZONE = "([Zz]|[+-][0-9]{2}(:?[0-9]{2})?)$"


@dataclass(frozen=True, slots=True)
class View:
    """A collection's view: the name, the SELECT, and the fields that cannot be a column."""

    name: str
    select: str
    left_out: tuple[str, ...]


def view_of(collection: Collection, dialect: sa.Dialect) -> View:
    """Return the view of a collection.

    The columns are ``id``, the schema's fields, ``_fields`` (all of the record) and the store's
    own: ``_revision``, ``_owner``, ``_updated_by``, ``_updated_at``, with a further ``_`` where the
    schema has such a field. Tombstones are left out.
    """
    properties = collection.schema.get("properties", {})
    columns, left_out = _named(properties, is_sqlite=dialect.name == "sqlite")
    parts = ["r.id"]
    typed = _in_sqlite if dialect.name == "sqlite" else _in_postgres
    for field in columns:
        parts.append(f"{typed(field, properties[field], dialect)} AS {quoted(field)}")
    taken = {field.lower() for field in columns}
    whole = "r.fields" if dialect.name == "sqlite" else "r.fields::jsonb"
    for name, expression in [("fields", whole), *((own, f"r.{own}") for own in _OWN)]:
        parts.append(f"{expression} AS {quoted(_free('_' + name, taken))}")
    select = (
        "SELECT\n  "
        + ",\n  ".join(parts)
        + f"\nFROM updraft_records AS r\nWHERE r.collection = {_text(collection.name)} "
        "AND NOT r.deleted"
    )
    return View(PREFIX + collection.name, select, tuple(left_out))


def _named(properties: Mapping[str, Any], *, is_sqlite: bool) -> tuple[list[str], list[str]]:
    """Return the fields that can be columns beside each other, and the others."""
    seen = {"id"}
    columns: list[str] = []
    left_out: list[str] = []
    for field in properties:
        if field == "id":
            continue
        name = field.lower() if is_sqlite else field
        is_fit = name not in seen and len(field.encode()) <= NAME_BYTES_MAX
        (columns if is_fit else left_out).append(field)
        seen.add(name)
    return columns, left_out


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name = "_" + name
    return name


def quoted(name: str) -> str:
    """Return a name as an identifier. SQLAlchemy's own would double each percent sign."""
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _kind(declared: Any) -> str:
    """Return the column's kind; ``json`` takes each value."""
    if not isinstance(declared, dict):
        return "json"
    values = declared.get("enum")
    if values and all(isinstance(value, str) for value in values):
        return "text"
    types = declared.get("type", [])
    kinds = {types} if isinstance(types, str) else set(types)
    kinds.discard("null")
    if kinds == {"integer", "number"}:
        return "number"
    if len(kinds) != 1:
        return "json"
    (kind,) = kinds
    if kind == "string":
        return {"date": "date", "date-time": "moment"}.get(str(declared.get("format")), "text")
    return kind if kind in ("boolean", "integer", "number") else "json"


def _in_postgres(field: str, declared: Any, dialect: sa.Dialect) -> str:
    key, kind = _text(field), _kind(declared)
    value, text = f"r.fields -> {key}", f"(r.fields ->> {key})"
    if kind == "json":
        return f"({value})::jsonb"
    if kind in ("date", "moment") and (dialect.server_version_info or ()) < VALID_INPUT_SINCE:
        kind = "text"
    type_of, test, result = {
        "text": ("string", None, text),
        "boolean": ("boolean", None, f"{text}::boolean"),
        "number": ("number", None, f"{text}::double precision"),
        "integer": ("number", _whole(text), f"{text}::numeric::bigint"),
        "date": ("string", _valid(text, _DAY, text, "date"), f"{text}::date"),
        "moment": ("string", *_moment(text)),
    }[kind]
    right = f"json_typeof({value}) = '{type_of}'"
    # Each condition has a CASE of its own: in an AND, PostgreSQL may try the cast first.
    inner = result if test is None else f"CASE WHEN {test} THEN {result} END"
    return f"CASE WHEN {right} THEN {inner} END"


def _whole(text: str) -> str:
    number = f"{text}::numeric"
    return f"{number} BETWEEN -{2**63} AND {2**63 - 1} AND trunc({number}) = {number}"


def _valid(text: str, pattern: str, given: str, kind: str) -> str:
    # The pattern keeps out PostgreSQL's words, such as 'now' and 'infinity'.
    return (
        f"CASE WHEN {text} ~ {_text(pattern)} THEN pg_input_is_valid({given}, '{kind}') "
        "ELSE false END"
    )


def _moment(text: str) -> tuple[str, str]:
    """Return the test and the value of a date-time; without a zone UTC is meant."""
    given = f"({text} || CASE WHEN {text} ~ {_text(_ZONE)} THEN '' ELSE 'Z' END)"
    return _valid(text, _MOMENT, given, "timestamptz"), f"{given}::timestamptz"


def _in_sqlite(field: str, declared: Any, _: sa.Dialect) -> str:
    """Read by json_each instead of a path, which cannot name each key."""
    types, value = {
        "json": ("", _AS_JSON),
        "boolean": ("'true', 'false'", "p.value"),
        "number": ("'integer', 'real'", "CAST(p.value AS REAL)"),
        "integer": ("'integer', 'real'", _AS_INTEGER),
    }.get(_kind(declared), ("'text'", "p.value"))
    right = f" AND p.type IN ({types})" if types else ""
    where = f"p.key = {_text(field)}{right}"
    return f"(SELECT {value} FROM json_each(r.fields) AS p WHERE {where})"  # noqa: S608 (quoted)


_AS_JSON = (
    "CASE p.type WHEN 'text' THEN json_quote(p.value) WHEN 'true' THEN 'true' "
    "WHEN 'false' THEN 'false' WHEN 'null' THEN 'null' ELSE CAST(p.value AS TEXT) END"
)
_AS_INTEGER = "CASE WHEN CAST(p.value AS INTEGER) = p.value THEN CAST(p.value AS INTEGER) END"


def lines_of(view: View, dialect: sa.Dialect) -> Iterator[str]:
    """Yield the statements for people to read and run."""
    name = quoted(view.name)
    if dialect.name == "sqlite":
        yield f"DROP VIEW IF EXISTS {name};"
        yield f"CREATE VIEW {name} AS\n{view.select};"
    else:
        yield f"CREATE OR REPLACE VIEW {name} AS\n{view.select};"
