"""A field's JSON as its column's value: whole or refused, never rounded, cut or reinterpreted."""

from __future__ import annotations

import json
import re
import struct
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from airflow_updraft.json_values import Json

Parsed = TypeVar("Parsed")


class UnfitError(ValueError):
    """A value that the column cannot hold unchanged; the words quote nothing of the value."""


def to_column(value: Json, column: sa.Column[Any], *, absent: bool = False) -> Any:
    """Return the value to write; raise UnfitError, whose message holds no value.

    An absent field is NULL. JSON null is NULL too, except in a JSON column, which can tell both
    apart.
    """
    sql_type = _unwrapped(column.type)
    if value is None:
        return sa.null() if absent and isinstance(sql_type, sa.JSON) else None
    return _converted(value, sql_type)


def _unwrapped(sql_type: sa.types.TypeEngine[Any]) -> sa.types.TypeEngine[Any]:
    return _unwrapped(sql_type.data_type) if isinstance(sql_type, postgresql.DOMAIN) else sql_type


def _converted(value: Json, sql_type: sa.types.TypeEngine[Any]) -> Any:
    if isinstance(sql_type, sa.JSON):
        return value
    if isinstance(sql_type, sa.ARRAY):
        if not isinstance(value, list):
            raise UnfitError("an array column takes a list")
        return [
            None if item is None else _converted(item, _unwrapped(sql_type.item_type))
            for item in value
        ]
    for kind, convert in _KINDS.items():
        if isinstance(sql_type, kind):
            return convert(value, sql_type)
    if isinstance(value, str | bool | int | float):
        return value
    return json.dumps(value, ensure_ascii=False)


def _boolean(value: Json, _: Any) -> bool:
    if not isinstance(value, bool):
        raise UnfitError("a boolean column takes true or false")
    return value


def _integer(value: Json, sql_type: Any) -> int:
    if isinstance(value, bool) and getattr(sql_type, "display_width", None) == 1:
        return int(value)  # MySQL's BOOLEAN is a tinyint(1)
    number = _number(value)
    if number != int(number):
        raise UnfitError("an integer column takes whole numbers")
    if not -(2**63) <= number < 2**63:
        raise UnfitError("the number is too large for its column")
    return int(number)


def _decimal(value: Json, sql_type: Any) -> Decimal:
    exact = Decimal(str(_number(value)))
    if sql_type.scale is not None and exact != round(exact, sql_type.scale):
        raise UnfitError(f"the number has more than the column's {sql_type.scale} decimals")
    return exact


def _float(value: Json, sql_type: Any) -> float:
    number = float(_number(value))
    single = isinstance(sql_type, sa.REAL) or (getattr(sql_type, "precision", None) or 53) <= 24
    if single and number not in (
        _as_single(number),
        float(f"{number:.6g}"),
        float(f"{number:.7g}"),
    ):
        raise UnfitError("the number has more digits than the column holds")
    return number


def _as_single(number: float) -> float | None:
    try:
        return float(struct.unpack("f", struct.pack("f", number))[0])
    except OverflowError:
        return None


def _number(value: Json) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnfitError("a column of numbers takes a number")
    return value


def _enum(value: Json, sql_type: Any) -> str:
    if value not in sql_type.enums:
        raise UnfitError("the column's enumeration does not have this value")
    return str(value)


def _text(value: Json, sql_type: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if sql_type.length is not None and len(text) > sql_type.length:
        raise UnfitError(f"the text is longer than the column's {sql_type.length} characters")
    return text


def _bytes(_: Json, __: Any) -> bytes:
    raise UnfitError("a column of bytes has no JSON: give the field a text column")


def _interval(_: Json, __: Any) -> timedelta:
    raise UnfitError("a column of intervals has no JSON: give the field a text or number column")


_FINER = re.compile(r"\.\d{6}\d*[1-9]")
_LEAP_SECOND = re.compile(r"^(.*[t ]\d\d:\d\d):60", re.IGNORECASE)


def _datetime(value: Json, sql_type: Any) -> datetime:
    """Return UTC if column or text has no zone: two texts of an instant are a single value."""
    text = _a_text(value, "date and time").upper()
    leap = _LEAP_SECOND.match(text)
    moment = _parsed(
        datetime.fromisoformat,
        f"{leap[1]}:59{text[leap.end() :]}" if leap else text,
        "date and time",
    )
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    if leap:
        moment += timedelta(seconds=1)
    return moment if sql_type.timezone else moment.replace(tzinfo=None)


def _date(value: Json, _: Any) -> date:
    return _parsed(date.fromisoformat, _a_text(value, "date"), "date of the years 1 to 9999")


def _time(value: Json, sql_type: Any) -> time:
    moment = _parsed(time.fromisoformat, _a_text(value, "time").upper(), "time")
    if moment.tzinfo is not None and not sql_type.timezone:
        raise UnfitError("the time has an offset and its column has none")
    return moment


def _uuid(value: Json, _: Any) -> uuid.UUID:
    return _parsed(uuid.UUID, _a_text(value, "UUID"), "UUID")


def _a_text(value: Json, kind: str) -> str:
    if not isinstance(value, str) or _FINER.search(value):
        raise UnfitError(f"the value is no {kind} as a text, to the microsecond")
    return value


def _parsed(parse: Callable[[str], Parsed], text: str, kind: str) -> Parsed:
    try:
        return parse(text)
    except (ValueError, OverflowError):
        pass  # the driver's message quotes the text
    raise UnfitError(f"the text is no {kind}")


_KINDS: Mapping[type[sa.types.TypeEngine[Any]], Callable[[Json, Any], Any]] = {
    sa.Boolean: _boolean,
    sa.Integer: _integer,
    sa.Float: _float,
    sa.Numeric: _decimal,
    sa.Enum: _enum,
    sa.Uuid: _uuid,
    sa.LargeBinary: _bytes,
    sa.DateTime: _datetime,
    sa.Date: _date,
    sa.Time: _time,
    sa.Interval: _interval,
    postgresql.INTERVAL: _interval,
    sa.String: _text,
}
"""The order matters: an Enum is a String to SQLAlchemy, and a Float a Numeric."""


def to_key(record_id: str, column: sa.Column[Any]) -> Any:
    """Return the key of a record; raise UnfitError if the key reads back as another id.

    Otherwise two ids would fall into the same row: "7" and "007", or "abc" and "abc " in a CHAR
    column.
    """
    sql_type = _unwrapped(column.type)
    if isinstance(sql_type, sa.Integer | sa.Numeric):
        if not _CANONICAL_NUMBER.match(record_id) or record_id == "-0":
            raise UnfitError("the id is not the text of a number, and the key is one")
        if not isinstance(sql_type, sa.Integer):
            return _decimal_key(Decimal(record_id), sql_type)
        if "." in record_id:
            raise UnfitError("the id is not the text of an integer, and the key is one")
        return _integer(int(record_id), sql_type)
    value = _converted(record_id, sql_type)
    if key_text(value) != record_id:
        raise UnfitError(
            "the id is not how its key is read back, so that another id could be the same row"
        )
    if isinstance(sql_type, sa.CHAR) and record_id.endswith(" "):
        raise UnfitError("the id ends with a space, which a CHAR key does not keep")
    return value


_CANONICAL_NUMBER = re.compile(r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]*[1-9])?$")


def _decimal_key(value: Decimal, sql_type: Any) -> Decimal:
    if sql_type.scale is not None and value != round(value, sql_type.scale):
        raise UnfitError("the id has more decimals than the key")
    return value


def key_text(value: Any) -> str:
    """Return a key as the record's id, for any type that the database answers with."""
    if isinstance(value, Decimal | float):
        return f"{Decimal(str(value)).normalize():f}"
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    return str(value)
