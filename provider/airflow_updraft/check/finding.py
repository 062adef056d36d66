"""The result of a check: a state, and words that say how to mend the installation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import Literal, TypeAlias

State = Literal["ok", "warning", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A check's answer. ``about`` names the collection, DAG or reader where there are several."""

    state: State
    what: str
    why: str = ""
    mend: str = ""
    about: str = ""


Verdicts: TypeAlias = Iterator[Verdict]


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict with the name of its check, as people, scripts and the page read it."""

    name: str
    state: State
    what: str
    why: str = ""
    mend: str = ""


def ok(what: str, about: str = "") -> Verdict:
    """A verdict that asks nobody to do anything."""
    return Verdict("ok", what, about=about)


def warning(what: str, why: str, mend: str, about: str = "") -> Verdict:
    """A verdict about an installation that works, and will not for long, or not for everybody."""
    return Verdict("warning", what, why, mend, about)


def failed(what: str, why: str, mend: str, about: str = "") -> Verdict:
    """A verdict about an installation that does not work; ``mend`` is a command where possible."""
    return Verdict("failed", what, why, mend, about)


def skipped(why: str) -> Verdict:
    """A verdict about a question that was not asked."""
    return Verdict("skipped", why)


def command(words: str) -> str:
    """The command line of Updraft's own command, as this Airflow knows it.

    Providers' commands are part of ``airflow`` from 3.2 on.
    """
    major, minor = map(int, version("apache-airflow").split(".")[:2])
    return (
        f"{'airflow updraft' if (major, minor) >= (3, 2) else 'python -m airflow_updraft'} {words}"
    )
