"""The declaration of all collections (collections.json), compiled once for every exchange."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn, cast, get_args

import jsonschema_rs

from airflow_updraft import limits
from airflow_updraft.errors import CollectionsFileError
from airflow_updraft.json_values import Json, keys_problem, parse_json, utf8_bytes

OnConflict = Literal["ask", "client-wins", "server-wins"]
Rule = Literal["all", "own", "none"]

MESSAGE_LENGTH_MAX = 300
"""The validator quotes the record, up to all of the record, and a verdict is also kept."""

# The worker (shared/collections.ts) and the editor (collections.schema.json) follow the same rules:
# golden cases in shared/contract/declarations.json.
_FILE_KEYS = ("$schema", "version", "collections")
_KEYS = ("description", "schema", "indexes", "onConflict", "read", "write", "source", "target")
_TABLE_KEYS = ("connection", "table", "key", "columns")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}", re.ASCII)


@dataclass(frozen=True, slots=True)
class TableRef:
    """An SQL table on an Airflow Connection; ``key`` is the column that holds the record's id.

    ``columns`` is the column of each field to copy, None every column that is also a field.
    """

    connection: str
    table: str
    key: str
    columns: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a record does not fit the schema, in the validator's words; ``path`` is a JSON pointer.

    The validator quotes the record, so its words are for the record's author alone. ``rule`` is the
    place in the schema.
    """

    kind: str
    message: str
    path: str | None = None
    rule: str | None = None

    def as_json(self) -> dict[str, Json]:
        """The contract's ``reason``."""
        reason: dict[str, Json] = {"kind": self.kind, "message": self.message}
        return reason if self.path is None else reason | {"path": self.path}


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection: the rules, and the schema compiled into a validator."""

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
        """Whether some records belong to a single user: then conf and XCom are no way.

        Others read conf and XCom.
        """
        return "own" in (self.read, self.write)

    def problem(self, record: Mapping[str, Json]) -> Problem | None:
        """The first schema violation of a whole record, or None."""
        if self.validator.is_valid(record):
            return None
        error = next(self.validator.iter_errors(record))
        message = (
            error.message
            if len(error.message) <= MESSAGE_LENGTH_MAX
            else error.message[:MESSAGE_LENGTH_MAX] + "…"
        )
        return Problem(
            "schema", message, _pointer(error.instance_path), _pointer(error.schema_path)
        )

    def without_values(self, problem: Problem) -> Problem:
        """Return the problem for readers without access to the record, in declared names."""
        if problem.kind != "schema":
            return problem
        field = (problem.path or "").split("/")[1:2]
        is_declared = bool(field) and field[0] in self.schema.get("properties", {})
        at = f" at {problem.rule}" if problem.rule else ""
        if problem.rule == "/additionalProperties":
            at += f" (declared are {', '.join(self.schema.get('properties', {}))})"
        return Problem(
            "schema", f"it does not fit the schema{at}", f"/{field[0]}" if is_declared else None
        )


def _pointer(parts: Iterable[str | int]) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


Collections = Mapping[str, Collection]


def load_collections(path: str | Path) -> Collections:
    """Read and compile collections.json; raise CollectionsFileError naming file and place."""
    try:
        declaration = parse_json(Path(path).read_text("utf-8"))
    except OSError as error:
        raise CollectionsFileError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise CollectionsFileError(f"{path} is not JSON: {error}") from error
    if not isinstance(declaration, dict):
        raise CollectionsFileError(f'{path}: expected an object with "version": 1')
    _only_known(declaration, _FILE_KEYS, str(path))
    if declaration.get("version") != 1 or isinstance(declaration["version"], bool):
        raise CollectionsFileError(f'{path}: expected an object with "version": 1')
    if not isinstance(declaration.get("$schema", ""), str):
        raise CollectionsFileError(f'{path}: "$schema" must be a text')
    return compile_collections(declaration.get("collections"), str(path))


def compile_collections(declared: Json, where: str = "collections") -> Collections:
    """Compile the ``collections`` object of a declaration; raise CollectionsFileError."""
    if not isinstance(declared, dict) or not declared:
        raise CollectionsFileError(f"{where}: no collections are declared")
    return {name: _compile(name, body, f"{where}: {name}") for name, body in declared.items()}


def _compile(name: str, body: Json, where: str) -> Collection:
    if not _NAME.fullmatch(name):
        _fail(
            where,
            "a collection's name is 1 to 63 letters, digits, _ and -, and begins with a letter",
        )
    if not isinstance(body, dict):
        _fail(where, "expected an object")
    _only_known(body, _KEYS, where)
    if not isinstance(body.get("description", ""), str):
        _fail(where, '"description" must be a text')
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
    _check_indexes(body, schema, where)
    if "source" in body and body.get("write") != "none":
        # The next import would silently undo a device's edit.
        _fail(
            where, 'a collection with a "source" is written by it alone: it needs "write": "none"'
        )
    read, write = _rights(body, where)
    return Collection(
        name=name,
        validator=validator,
        schema=schema,
        on_conflict=cast(
            "OnConflict", _choice(body, "onConflict", get_args(OnConflict), "ask", where)
        ),
        read=read,
        write=write,
        source=_table(body, "source", where),
        target=_table(body, "target", where),
    )


def _rights(body: dict[str, Json], where: str) -> tuple[Rule, Rule]:
    """Return who reads and who writes; readers may write, unless the declaration allows less.

    Writers may never do more than readers: a user who wrote without reading would overwrite unseen
    values, and could guess a value, since a verdict tells an equal value from another.
    """
    read = cast("Rule", _choice(body, "read", get_args(Rule), "all", where))
    write = cast("Rule", _choice(body, "write", get_args(Rule), read, where))
    if _REACH[write] > _REACH[read]:
        allowed = [rule for rule in get_args(Rule) if _REACH[rule] <= _REACH[read]]
        _fail(
            where,
            f'what may not be read may not be written: "read": "{read}" needs "write": '
            f"{' or '.join(allowed)}",
        )
    return read, write


_REACH: Mapping[Rule, int] = {"none": 0, "own": 1, "all": 2}


def _choice(
    body: dict[str, Json], key: str, allowed: tuple[str, ...], default: str, where: str
) -> str:
    value = body.get(key, default)
    if value not in allowed:
        _fail(where, f'"{key}" must be one of {", ".join(allowed)}')
    return str(value)


def _table(body: dict[str, Json], key: str, where: str) -> TableRef | None:
    if key not in body:
        return None
    table = body[key]
    if not isinstance(table, dict):
        _fail(where, f'"{key}" must be {{connection, table, key, columns?}}')
    _only_known(table, _TABLE_KEYS, f"{where}.{key}")
    texts = [table.get(part) for part in ("connection", "table", "key")]
    if not all(isinstance(text, str) and text for text in texts):
        _fail(where, f'"{key}" needs connection, table and key')
    connection, name, key_column = map(str, texts)
    columns = (
        _columns(table["columns"], f'{where}: "{key}.columns"') if "columns" in table else None
    )
    return TableRef(connection, name, key_column, columns)


def _columns(declared: Json, what: str) -> Mapping[str, str]:
    """Return the column of each field: a list names columns that are called as their fields."""
    if isinstance(declared, list) and _are_names(declared):
        return {str(name): str(name) for name in declared}
    if not isinstance(declared, dict) or not _are_names([*declared, *declared.values()]):
        raise CollectionsFileError(
            f"{what} must be a list of names, or an object {{field: column}}"
        )
    return {field: str(column) for field, column in declared.items()}


def _check_indexes(body: dict[str, Json], schema: dict[str, Json], where: str) -> None:
    """Check index names: a device, the only user of indexes, never starts with a wrong name."""
    indexes = body.get("indexes", [])
    if (
        not isinstance(indexes, list)
        or not _are_names(indexes)
        or len(set(map(str, indexes))) < len(indexes)
    ):
        _fail(where, '"indexes" must be a list of field names, each once')
    for index in indexes:
        if keys_problem({index: None}) or utf8_bytes(index) > limits.FIELD_NAME_BYTES_MAX:
            _fail(where, f'"indexes": no record can have a field of the name {index[:50]!r}')
    if schema.get("additionalProperties") is not False or "patternProperties" in schema:
        return
    properties = schema.get("properties")
    declared = properties.keys() if isinstance(properties, dict) else set()
    for index in map(str, indexes):
        if index != "id" and index not in declared:
            why = "its schema has no such property, and allows no others"
            _fail(where, f'"indexes": no record can have a field "{index}": {why}')


def _are_names(value: Json) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) and name for name in value)


def _only_known(body: dict[str, Json], keys: Iterable[str], where: str) -> None:
    """Refuse unknown keys: nobody would notice a mistyped key that nobody reads."""
    keys = list(keys)
    for key in sorted(body.keys() - set(keys)):
        lowered = {name.lower(): name for name in keys}
        meant = difflib.get_close_matches(key.lower(), lowered, n=1)
        hint = f' Did you mean "{lowered[meant[0]]}"?' if meant else ""
        _fail(where, f'there is no key "{key}".{hint} Allowed are {", ".join(keys)}')


def _refuse_remote(uri: str) -> NoReturn:
    raise ValueError(f"{uri} is not fetched: a schema must be whole in itself")


def _fail(where: str, message: str) -> NoReturn:
    raise CollectionsFileError(f"{where}: {message}")
