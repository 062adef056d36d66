"""Errors told without the values of records: more people read logs, XComs and answers.

A database quotes the values that a statement had in the message (``invalid input syntax for type
integer: "…"``), in DETAIL and CONTEXT, and SQLAlchemy adds the parameters. So nothing of a driver's
text is passed on: the words are made from the names in the error (SQLSTATE, table, column,
constraint), in place, before anybody can log the error or its causes.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import ExceptionContext

from airflow_updraft.errors import UpdraftError

T = TypeVar("T")

FRAMES_MAX = 8

_MEANING = {
    "22001": "a text is too long for its column",
    "22003": "a number is too large for its column",
    "22007": "a text is no date or time",
    "22008": "a date or time is out of range",
    "22021": "a text holds a character that cannot be stored",
    "22P02": "a text is no value of its column's type",
    "23502": "a column that must have a value would have none",
    "23503": "a row that is referred to is missing",
    "23505": "a value that must be unique is there already",
    "23514": "a check of the table is not fulfilled",
    "40001": "another transaction came first",
    "40P01": "a deadlock",
    "42501": "the Connection's user may not do this",
    "42703": "a column does not exist",
    "42804": "a value has another type than its column",
    "42P01": "a table does not exist",
    "53100": "the database's disk is full",
    "53300": "the database has too many connections",
    "57014": "it took too long",
    "57P01": "the database was stopped",
}
"""Words for SQLSTATEs, which every driver but SQLite's tells."""

_NAMED = (("table_name", "table"), ("column_name", "column"), ("constraint_name", "constraint"))
_SAFE = re.compile(
    # Messages of SQLite and MySQL that name declared things; anchored, since a quoted value stands
    # in between.
    r"^(?:(?:NOT NULL|UNIQUE|FOREIGN KEY) constraint failed(?:: \w+\.\w+(?:, \w+\.\w+)*)?"
    r"|no such (?:table|column): [\w.]+|database is locked|database or disk is full|disk I/O error"
    r"|attempt to write a readonly database|unable to open database file)$"
)
_MYSQL_COLUMN = re.compile(r"column '(\w+)'(?: at row \d+)?$")


def make_discreet(engine: sa.Engine) -> sa.Engine:
    """Strip values from all errors of the engine, raised and logged anywhere; return the engine."""
    engine.hide_parameters = True
    sa.event.listen(engine, "handle_error", _redact)
    return engine


def _redact(context: ExceptionContext) -> None:
    # A connection that was never made has sent nothing, and the operator must know the driver's
    # words.
    if context.connection is None:
        return
    redact(context.original_exception)
    if (wrapped := context.sqlalchemy_exception) is not None:
        wrapped.args = (database_words(context.original_exception),)
        wrapped.hide_parameters = True


def redact(error: BaseException) -> None:
    """Replace a driver's error text in place: the error stays the cause of later errors."""
    number = (
        [error.args[0]] if error.args and isinstance(error.args[0], int) else []
    )  # MySQL's drivers look at this
    words = database_words(error)
    error.args = (*number, words)
    setattr(error, _WORDS, words)


def database_words(error: BaseException) -> str:
    """Return a driver's error as SQLSTATE, meaning, and names from the database."""
    if (known := getattr(error, _WORDS, None)) is not None:
        return str(known)
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    code = f"SQLSTATE {state}" if state else getattr(error, "sqlite_errorname", None)
    words = [type(error).__name__, code, _MEANING.get(str(state))]
    said = str(error.args[-1]) if error.args else ""
    if error.args and isinstance(error.args[0], int):
        found = _MYSQL_COLUMN.search(said)
        words += [f"error {error.args[0]}", f"column {found[1]!r}" if found else None]
    diag = getattr(error, "diag", None)
    words += [
        f"{word} {name!r}" for attribute, word in _NAMED if (name := getattr(diag, attribute, None))
    ]
    words.append(said if _SAFE.match(said) else None)
    return ", ".join(filter(None, words))


_WORDS = "updraft_words"
"""Attribute that holds the words made of an error: a second pass over these words would lose some.
"""


def describe(error: BaseException) -> str:
    """Describe any error for everybody: kind, place in the code, and words that quote no record."""
    match error:
        case UpdraftError():
            return str(error)
        case sa.exc.DBAPIError() if error.orig is not None:
            return f"the database refused: {database_words(error.orig)}"
    return f"{type(error).__name__} at {_place(error)}"


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES_MAX:]
    return (
        " < ".join(
            f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in reversed(frames)
        )
        or "?"
    )


def discreetly(
    work: Callable[[], T], error_of: Callable[[str], Exception], *passed: type[Exception]
) -> T:
    """Return the work's result; raise an error as another error without quotes and cause.

    Airflow logs an error with all causes. ``passed`` are errors with words of Updraft's own.
    """
    try:
        return work()
    except passed:
        raise
    except Exception as error:  # of any kind: nobody knows the text that this error quotes
        words = describe(error)
    # Raised outside of the handler, so that not even a suppressed context is kept.
    raise error_of(words)
