"""JSON as both sides must see JSON: equality, storable text, numbers a device can hold."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeAlias, cast

import msgspec

from airflow_updraft.limits import JSON_DEPTH_MAX, REVISION_MAX

Json: TypeAlias = Any
"""A JSON value as returned by ``json.loads``."""

# PostgreSQL stores neither U+0000 nor half a surrogate pair.
_UNSTORABLE_TEXT = re.compile("[\x00\ud800-\udfff]")

UNFIT_KEYS = frozenset(("__proto__", ""))
"""Forbidden keys at any depth: assigning ``__proto__`` changes an object's prototype on a device;
an unnamed form input makes ``""``, which no tool for tables can name."""


_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def parse_json(text: str) -> Json:
    """Parse strict JSON; raise ValueError for anything else, also ``NaN`` and too deep nesting."""
    try:
        return cast("Json", _decode(text))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    except (msgspec.MsgspecError, UnicodeEncodeError):
        # The fast parser refuses half surrogates and numbers beyond a double, which are faults of a
        # single mutation, and explains little. Both parsers read every accepted text as the same
        # value.
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
    """Write compact JSON of storable values, fast: ask ``value_problem`` first for other values.

    The fast writer would write ``NaN`` as null and dates as texts, where ``to_json`` and readers
    refuse.
    """
    return _encode(value).decode()


def write_json_bytes(value: Json) -> bytes:
    """Write ``write_json``'s result as UTF-8, without the detour by a text."""
    return _encode(value)


def size_bytes(value: Json) -> int:
    """Return the bytes of the compact JSON in UTF-8 of a storable value, as written here."""
    return len(_encode(value))


def canonical_bytes(value: Json) -> int:
    """Return the bytes of the JSON in UTF-8 of a storable value, as ``JSON.stringify`` writes.

    The records' limit counts this size on both sides: the two languages write some numbers at
    different lengths.
    """
    return len(_encode(value)) + _longer(value)


def _longer(value: Json) -> int:
    """Return how much longer ``JSON.stringify`` writes the numbers of the value."""
    if isinstance(value, dict):
        return sum(map(_longer, value.values()))
    if isinstance(value, list | tuple):
        return sum(map(_longer, value))
    if isinstance(value, float) or (is_number(value) and abs(value) > REVISION_MAX):
        return len(canonical_number(value)) - len(_encode(value))
    return 0


def canonical_number(value: float) -> str:
    """Return a number's text by ECMAScript's ``Number::toString``, as a double."""
    sign, digits, exponent = Decimal(repr(float(value))).normalize().as_tuple()
    if value == 0:
        return "0"
    text, point = "".join(map(str, digits)), len(digits) + int(exponent)
    if len(text) <= point <= _PLAIN_DIGITS_MAX:
        text = text.ljust(point, "0")
    elif 0 < point <= _PLAIN_DIGITS_MAX:
        text = f"{text[:point]}.{text[point:]}"
    elif _PLAIN_ZEROS_MAX < point <= 0:
        text = f"0.{'0' * -point}{text}"
    else:
        rest = f".{text[1:]}" if len(text) > 1 else ""
        text = f"{text[0]}{rest}e{point - 1:+d}"
    return f"-{text}" if sign else text


_PLAIN_DIGITS_MAX = 21
_PLAIN_ZEROS_MAX = -6


def utf8_bytes(text: str) -> int:
    """Bytes of the text in UTF-8; half a surrogate pair, which has no UTF-8, counts as three."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def json_equal(one: Json, other: Json) -> bool:
    """Compare as JSON: key order does not count, 1 is 1.0, but 1 is not true (Python says so)."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict):
        return (
            isinstance(other, dict)
            and one.keys() == other.keys()
            and all(json_equal(value, other[key]) for key, value in one.items())
        )
    if isinstance(one, list):
        return (
            isinstance(other, list) and len(one) == len(other) and all(map(json_equal, one, other))
        )
    return bool(one == other)


def is_number(value: Json) -> bool:
    """Tell whether the value is a JSON number, without booleans, which are numbers in Python."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_scalars(value: Json) -> bool:
    """Tell whether the value is a list of texts, numbers, true, false and null alone."""
    return isinstance(value, list) and not any(isinstance(item, list | dict) for item in value)


def scalar_key(value: Json) -> tuple[bool, Json]:
    """Return a key by which two scalars are the same exactly if they are equal as JSON."""
    return isinstance(value, bool), value


def add(one: float, other: float) -> float:
    """Add as JavaScript does, in doubles: the device predicts this sum, and both must agree."""
    total = float(one) + float(other)
    return int(total) if total.is_integer() and abs(total) < 2**53 else total


def text_problem(text: str) -> str | None:
    """Say why a text cannot be stored, or None."""
    found = _UNSTORABLE_TEXT.search(text)
    return (
        None if found is None else f"text holds U+{ord(found.group()):04X}, which cannot be stored"
    )


def is_plain(text: str) -> bool:
    """Tell whether a glance at a JSON text shows that all strings are storable.

    A raw U+0000 is no JSON, a raw half surrogate no UTF-8, so only an escape could bring either in.
    """
    # Most texts hold no backslash at all, which takes a tenth of the time to find out.
    return ("\\" not in text or "\\u" not in text) and (
        text.isascii() or _UNSTORABLE_TEXT.search(text) is None
    )


def number_problem(value: float | Decimal) -> str | None:
    """Return why a number cannot be stored, or None.

    A device holds doubles. Beyond ±(2^53 - 1) a number that JSON writes as an integer is stored
    only if 15 digits are enough (1e20): no two such numbers fall together, whereas 9007199254740993
    would arrive as 9007199254740992. From 10^21 on ``JSON.stringify`` writes an exponent, and
    nobody takes such a number for anything but a measurement.
    """
    if isinstance(value, Decimal):
        value = exact(value)
        if isinstance(value, Decimal):
            return _INEXACT
    if -REVISION_MAX <= value <= REVISION_MAX:
        return None
    if isinstance(value, int):
        if value.bit_length() > _DOUBLE_BITS_MAX:
            return "a number is too large"
        if abs(value) > _LARGEST or Decimal(repr(float(value))) != value:
            return _INEXACT
        value = float(value)
    elif not math.isfinite(value):
        return "a number is not finite"
    return (
        None
        if abs(value) >= _EXPONENT_FROM or float(f"{value:.{_EXACT_DIGITS}g}") == value
        else _INEXACT
    )


_EXACT_DIGITS = sys.float_info.dig
_DOUBLE_BITS_MAX = sys.float_info.max_exp
_EXPONENT_FROM = 10**21
_LARGEST = int(sys.float_info.max)
_INEXACT = "a number has more digits than a device holds exactly: store it as a text"


def exact(value: Decimal) -> float | Decimal:
    """Return a decimal as an integer or an equal double; without either, the decimal."""
    if not value.is_finite():
        return float(value)
    if value == value.to_integral_value():
        return int(value) if value.adjusted() <= _DOUBLE_BITS_MAX else math.inf
    double = float(value)
    return double if Decimal(repr(double)) == value else value


def value_problem(
    value: Json, depth_left: int = JSON_DEPTH_MAX - 1, *, plain: bool = False
) -> str | None:
    """Return why a field's value cannot be stored (text, numbers, keys, depth), or None.

    `shared/json.ts` has the same rules. A record is one level deep, so a field may add
    JSON_DEPTH_MAX - 1 more. ``plain``: the value was parsed from a text that ``is_plain``, so that
    strings need no check.
    """
    if isinstance(value, str):
        return None if plain else text_problem(value)
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, int | float | Decimal):
        return number_problem(value)
    if not isinstance(value, dict | list | tuple):
        return f"a value of type {type(value).__name__} cannot become JSON"
    if depth_left == 0:
        return f"nested more than {JSON_DEPTH_MAX} levels deep"
    if isinstance(value, dict):
        if message := keys_problem(value, plain=plain):
            return message
        value = value.values()
    for item in value:
        if not (plain and type(item) is str) and (
            message := value_problem(item, depth_left - 1, plain=plain)
        ):
            return message
    return None


def keys_problem(value: Mapping[str, Json], *, plain: bool = False) -> str | None:
    """Say why an object's keys cannot be stored, or None."""
    if unfit := UNFIT_KEYS & value.keys():
        return f"a key is {min(unfit)!r}"
    return None if plain else next(filter(None, map(text_problem, value)), None)
