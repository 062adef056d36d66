"""A device's report about itself beside an exchange: labels for operators, which decide nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from airflow_updraft.json_values import Json, is_number, parse_json, text_problem, write_json

COUNT_MAX = 2**53 - 1
APP_LENGTH_MAX = 64
COUNTS = ("unsent", "oldestSeconds", "failures", "keptOut")


def read_report(body: Json) -> str | None:
    """Return the storable part of a report as JSON of at most 250 characters, or None.

    Reports come from a device: unfit parts are left out, and never a reason to refuse the request.
    """
    if not isinstance(body, Mapping):
        return None
    kept: dict[str, Json] = {
        name: int(cast("int", body[name])) for name in COUNTS if _is_count(body.get(name))
    }
    if body.get("wake") in ("sync", "page"):
        kept["wake"] = body["wake"]
    app = body.get("app")
    if isinstance(app, str) and 1 <= len(app) <= APP_LENGTH_MAX and text_problem(app) is None:
        kept["app"] = app
    return write_json(kept) if kept else None


def show_report(text: str | None) -> dict[str, Any]:
    """Return a kept report as an object, for the overview."""
    return {} if text is None else cast("dict[str, Any]", parse_json(text))


def _is_count(value: Json) -> bool:
    return is_number(value) and 0 <= cast("float", value) <= COUNT_MAX
