"""Several statements in one round trip, where the driver can.

Each wait for the database is also a wait for the processor and for Python's interpreter: on a busy machine it costs
many times what the database does meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeAlias

import sqlalchemy as sa

Statement: TypeAlias = tuple[sa.TextClause, Mapping[str, Any]]
"""A statement and its parameters, whose names are its own."""


def execute_together(conn: sa.Connection, *statements: Statement) -> sa.CursorResult[Any] | None:
    """Execute in order and return the last one's result, None where there are none.

    Each sees what those before it did, and what others had committed when it began: as if they were sent one by one,
    which they are but for psycopg2, the one driver that puts the parameters into the text itself.
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
