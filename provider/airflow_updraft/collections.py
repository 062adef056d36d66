"""The declaration of all collections (collections.json), compiled once and shared by every exchange."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn, cast, get_args

import jsonschema_rs

from airflow_updraft.errors import CollectionsFileError
from airflow_updraft.json_values import Json, parse_json
from airflow_updraft.limits import ID_LENGTH_MAX

OnConflict = Literal["ask", "client-wins", "server-wins"]
Rule = Literal["all", "own", "none"]

_KEYS = {"description", "schema", "indexes", "onConflict", "read", "write", "source", "target"}


@dataclass(frozen=True, slots=True)
class TableRef:
    """An SQL table on an Airflow Connection; ``key`` is the column that holds the record's id.

    ``columns`` names the columns to copy, None meaning every column that is also a field.
    """

    connection: str
    table: str
    key: str
    columns: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a record does not fit its schema, in the validator's own words; ``path`` is a JSON pointer."""

    kind: str
    message: str
    path: str | None = None

    def as_json(self) -> dict[str, Json]:
        """The contract's ``reason``."""
        reason: dict[str, Json] = {"kind": self.kind, "message": self.message}
        return reason if self.path is None else reason | {"path": self.path}


@dataclass(frozen=True, slots=True)
class Collection:
    """One collection: its rules, and its schema compiled into a validator."""

    name: str
    validator: jsonschema_rs.Validator
    schema: Mapping[str, Any]
    on_conflict: OnConflict = "ask"
    read: Rule = "all"
    write: Rule = "all"
    source: TableRef | None = None
    target: TableRef | None = None

    @property
    def is_private(self) -> bool:
        """Whether some of it is one user's alone: then conf and XCom, which others read, may not carry it."""
        return "own" in (self.read, self.write)

    def problem(self, record: Mapping[str, Json]) -> Problem | None:
        """The first schema violation of a whole record, or None."""
        if self.validator.is_valid(record):
            return None
        error = next(self.validator.iter_errors(record))
        path = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in error.instance_path)
        return Problem("schema", error.message, path)


Collections = Mapping[str, Collection]


def load_collections(path: str | Path) -> Collections:
    """Read and compile collections.json; raise CollectionsFileError naming file and place."""
    try:
        declaration = parse_json(Path(path).read_text("utf-8"))
    except OSError as error:
        raise CollectionsFileError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise CollectionsFileError(f"{path} is not JSON: {error}") from error
    if not isinstance(declaration, dict) or declaration.get("version") != 1:
        raise CollectionsFileError(f'{path}: expected an object with "version": 1')
    return compile_collections(declaration.get("collections"), str(path))


def compile_collections(declared: Json, where: str = "collections") -> Collections:
    """Compile the ``collections`` object of a declaration; raise CollectionsFileError."""
    if not isinstance(declared, dict) or not declared:
        raise CollectionsFileError(f"{where}: no collections are declared")
    return {name: _compile(name, body, f"{where}: {name}") for name, body in declared.items()}


def _compile(name: str, body: Json, where: str) -> Collection:
    if not name or len(name) > ID_LENGTH_MAX:
        _fail(where, f"a collection's name has 1 to {ID_LENGTH_MAX} characters")
    if not isinstance(body, dict):
        _fail(where, "expected an object")
    if unknown := body.keys() - _KEYS:
        _fail(where, f"unknown keys {sorted(unknown)}")
    schema = body.get("schema")
    if not isinstance(schema, dict):
        _fail(where, '"schema" must be a JSON Schema object')
    try:
        validator = jsonschema_rs.validator_for(
            schema,
            validate_formats=True,
            retriever=_refuse_remote,
            # Linear-time patterns: a device's text must not be able to stall the server.
            pattern_options=jsonschema_rs.RegexOptions(),
        )
    except ValueError as error:
        raise CollectionsFileError(f"{where}: bad schema: {error}") from error
    if body.get("source") is not None and body.get("write") != "none":
        # A device's edit would be undone by the next import, without a word.
        _fail(where, 'a collection with a "source" is written by it alone: it needs "write": "none"')
    return Collection(
        name=name,
        validator=validator,
        schema=schema,
        on_conflict=cast("OnConflict", _choice(body, "onConflict", get_args(OnConflict), "ask", where)),
        read=cast("Rule", _choice(body, "read", get_args(Rule), "all", where)),
        write=cast("Rule", _choice(body, "write", get_args(Rule), "all", where)),
        source=_table(body, "source", where),
        target=_table(body, "target", where),
    )


def _choice(body: dict[str, Json], key: str, allowed: tuple[str, ...], default: str, where: str) -> str:
    value = body.get(key, default)
    if value not in allowed:
        _fail(where, f'"{key}" must be one of {", ".join(allowed)}')
    return str(value)


def _table(body: dict[str, Json], key: str, where: str) -> TableRef | None:
    table = body.get(key)
    if table is None:
        return None
    if not isinstance(table, dict) or table.keys() - {"connection", "table", "key", "columns"}:
        _fail(where, f'"{key}" must be {{connection, table, key, columns?}}')
    texts = [table.get(part) for part in ("connection", "table", "key")]
    if not all(isinstance(text, str) and text for text in texts):
        _fail(where, f'"{key}" needs connection, table and key')
    columns = table.get("columns")
    if columns is not None and not (isinstance(columns, list) and all(isinstance(c, str) for c in columns)):
        _fail(where, f'"{key}.columns" must be a list of names')
    connection, name, key_column = map(str, texts)
    return TableRef(connection, name, key_column, None if columns is None else tuple(columns))


def _refuse_remote(uri: str) -> NoReturn:
    raise ValueError(f"{uri} is not fetched: a schema must be whole in itself")


def _fail(where: str, message: str) -> NoReturn:
    raise CollectionsFileError(f"{where}: {message}")
