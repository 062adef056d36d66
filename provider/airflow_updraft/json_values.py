"""JSON as both sides must see it: equality, text a database can hold, numbers a device can hold."""

from __future__ import annotations

import json
import math
import re
from typing import Any, TypeAlias, cast

import msgspec

from airflow_updraft.limits import JSON_DEPTH_MAX

Json: TypeAlias = Any
"""A JSON value as ``json.loads`` gives it."""

# PostgreSQL stores neither U+0000 nor half a surrogate pair.
_UNSTORABLE_TEXT = re.compile("[\x00\ud800-\udfff]")


_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def parse_json(text: str) -> Json:
    """Parse strict JSON; raise ValueError for anything else, ``NaN`` and too deep nesting included."""
    try:
        return cast("Json", _decode(text))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    except (msgspec.MsgspecError, UnicodeEncodeError):
        # The fast parser refuses half surrogates and numbers beyond a double, which are one mutation's own fault,
        # and says little of what it refuses. It never reads a text as anything else than this one does.
        return _parse_slowly(text)


def _parse_slowly(text: str) -> Json:
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def to_json(value: Json) -> str:
    """Write compact JSON, as ``JSON.stringify`` does."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def write_json(value: Json) -> str:
    """Write compact JSON, fast, of what may be stored: of anything else ``value_problem`` was to be asked before.

    It would write ``NaN`` as null and dates as texts, where ``to_json`` and its reader refuse.
    """
    return _encode(value).decode()


def write_json_bytes(value: Json) -> bytes:
    """``write_json`` as UTF-8, which is how it is made."""
    return _encode(value)


def size_bytes(value: Json) -> int:
    """Size in bytes of the compact JSON in UTF-8 of a value that may be stored."""
    return len(_encode(value))


def json_equal(one: Json, other: Json) -> bool:
    """JSON equality: key order does not count, 1 is 1.0, but 1 is not true (Python says it is)."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict):
        return (
            isinstance(other, dict)
            and one.keys() == other.keys()
            and all(json_equal(value, other[key]) for key, value in one.items())
        )
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(json_equal, one, other))
    return bool(one == other)


def is_number(value: Json) -> bool:
    """Tell whether the value is a JSON number (Python calls ``True`` one; JSON does not)."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def add(one: float, other: float) -> float:
    """Add as JavaScript does, in doubles: the device predicts this sum, and both must hold the same."""
    total = float(one) + float(other)
    return int(total) if total.is_integer() and abs(total) < 2**53 else total


def text_problem(text: str) -> str | None:
    """Say why a text cannot be stored, or None."""
    found = _UNSTORABLE_TEXT.search(text)
    return None if found is None else f"text holds U+{ord(found.group()):04X}, which cannot be stored"


def is_plain(text: str) -> bool:
    """Tell whether a JSON text can be seen at a glance to hold no string that could not be stored.

    A raw U+0000 is no JSON, a raw half surrogate no UTF-8, so only an escape could bring one in.
    """
    # Most texts hold no backslash at all, which is found out in a tenth of the time.
    return ("\\" not in text or "\\u" not in text) and (text.isascii() or _UNSTORABLE_TEXT.search(text) is None)


def value_problem(value: Json, depth_left: int = JSON_DEPTH_MAX - 1, *, plain: bool = False) -> str | None:
    """Say why a field's value cannot be stored (text, numbers, depth), or None.

    A record is one level deep by itself, so a field may add JSON_DEPTH_MAX - 1 more. ``plain``: it was parsed from
    a text that ``is_plain``, so that its strings need not be looked at.
    """
    if isinstance(value, str):
        return None if plain else text_problem(value)
    if isinstance(value, float):
        return None if math.isfinite(value) else "a number is not finite"
    if isinstance(value, int):
        return None if value.bit_length() <= 1023 else "a number is too large"
    if value is None:
        return None
    if depth_left == 0:
        return f"nested more than {JSON_DEPTH_MAX} levels deep"
    if isinstance(value, dict):
        if not plain and (message := next(filter(None, map(text_problem, value)), None)):
            return message
        value = value.values()
    for item in value:
        if not (plain and type(item) is str) and (message := value_problem(item, depth_left - 1, plain=plain)):
            return message
    return None
