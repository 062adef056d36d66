"""Several statements in one round trip, if the driver can.

Each wait for the database is also a wait for the processor and for Python's interpreter: on a busy
machine this costs many times the database's own work.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeAlias

import sqlalchemy as sa

Statement: TypeAlias = tuple[sa.TextClause, Mapping[str, Any]]
"""A statement and parameters, with names unique among statements sent together."""


def execute_together(conn: sa.Connection, *statements: Statement) -> sa.CursorResult[Any] | None:
    """Execute in order; return the last statement's result, None without statements.

    Each statement sees the effects of the earlier statements, and of others' commits before its own
    start, as if sent one by one. Only psycopg2 sends a single text, because only this driver puts
    the parameters into the text itself.
    """
    if conn.dialect.driver == "psycopg2" and len(statements) > 1:
        everything: dict[str, Any] = {}
        for _, parameters in statements:
            everything |= parameters
        return conn.execute(_joined(tuple(text for text, _ in statements)), everything)
    result = None
    for text, parameters in statements:
        result = conn.execute(text, parameters)
    return result


@cache
def _joined(texts: tuple[sa.TextClause, ...]) -> sa.TextClause:
    return sa.text("; ".join(text.text for text in texts))
