"""Outcome of a batch in few bytes, counted when settled, so that nobody reads the verdicts.

A batch's verdicts can be half a megabyte, and operators look at hundreds of devices at once.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from operator import itemgetter
from typing import Any, cast

from airflow_updraft.exchange.apply import Verdict
from airflow_updraft.json_values import Json, parse_json, write_json

REFUSALS_KEPT = 10
_kind = itemgetter("verdict")


def sum_up(verdicts: Sequence[Verdict]) -> str:
    """Return ``{"applied": 3, "rejected": 1, "refused": [[collection, id, kind, path]]}`` as JSON.

    The outcome holds no values.
    """
    outcome: dict[str, Json] = dict(Counter(map(_kind, verdicts)))
    if "rejected" not in outcome:
        return write_json(outcome)
    refused = [verdict for verdict in verdicts if verdict["verdict"] == "rejected"][:REFUSALS_KEPT]
    outcome["refused"] = [_refusal(verdict) for verdict in refused]
    # ASCII, because the database may be unable to hold a rejected id.
    return json.dumps(outcome, separators=(",", ":"))


def _refusal(verdict: Verdict) -> list[Json]:
    reason = verdict.get("reason") or {}
    return [verdict["collection"], verdict["id"], reason.get("kind"), reason.get("path")]


def show_outcome(text: str | None) -> dict[str, Any]:
    """Return a kept outcome; empty if nothing was settled or kept."""
    return {} if text is None else cast("dict[str, Any]", parse_json(text))
