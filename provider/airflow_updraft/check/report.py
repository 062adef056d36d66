"""Findings as text for people, and as JSON for scripts and the page."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from airflow_updraft.check.finding import Finding, State
from airflow_updraft.json_values import Json

WIDTH = 100
_STATES: dict[State, str] = {
    "ok": "ok",
    "warning": "WARNING",
    "failed": "FAILED",
    "skipped": "skipped",
}
_LABEL_WIDTH = max(map(len, _STATES.values()))


def as_json(findings: Sequence[Finding]) -> dict[str, Json]:
    """The whole report; ``state`` is the worst of all findings."""
    counts = Counter(finding.state for finding in findings)
    state = next((state for state in ("failed", "warning") if counts[state]), "ok")
    return {
        "version": 1,
        "state": state,
        "counts": {state: counts[state] for state in _STATES},
        "findings": [asdict(finding) for finding in findings],
    }


def as_text(findings: Sequence[Finding]) -> str:
    """A line a finding, and under the unwell ones why that matters and how to mend it."""
    names = min(30, max((len(finding.name) for finding in findings), default=0))
    lines = [line for finding in findings for line in _lines(finding, names)]
    counts = Counter(finding.state for finding in findings)
    warnings = "1 warning" if counts["warning"] == 1 else f"{counts['warning']} warnings"
    total = (
        f"{counts['failed']} failed, {warnings}, {counts['ok']} well, {counts['skipped']} skipped"
    )
    return "\n".join([*lines, "", f"{total}."])


def _lines(finding: Finding, names: int) -> Iterator[str]:
    head = f"{_STATES[finding.state]:<{_LABEL_WIDTH}}  {finding.name:<{names}}  "
    # A long name has a line of its own.
    indent = " " * (_LABEL_WIDTH + names + 4)
    if len(head) > len(indent):
        yield head.rstrip()
        head = indent
    yield from _wrapped(head, finding.what, indent)
    if finding.why:
        yield from _wrapped(f"{indent}why: ", finding.why, f"{indent}     ")
    if finding.mend:
        # Unbroken, so that a command can be copied.
        yield f"{indent}mend: {finding.mend}"


def _wrapped(head: str, words: str, indent: str) -> list[str]:
    return textwrap.wrap(
        " ".join(words.split()),
        WIDTH,
        initial_indent=head,
        subsequent_indent=indent,
        break_long_words=False,
    )
