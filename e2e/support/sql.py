"""Answers SQL for the tests: a JSON request per line on stdin, a JSON answer per line on stdout.

A named session has a separate connection, and holds the transaction open until COMMIT or
ROLLBACK; the others commit each statement.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import psycopg2
import psycopg2.extras
import sqlalchemy as sa

connections: dict[tuple[str, str], Any] = {}


def connection(uri: str, session: str) -> Any:
    """Return the connection of this database and session, opened at first use."""
    known = connections.get((uri, session))
    if known is None or known.closed:
        url = sa.engine.make_url(uri)
        known = psycopg2.connect(dbname=url.database, user=url.username, host=url.query["host"])
        known.autocommit = session == ""
        connections[uri, session] = known
    return known


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Run a statement; return the rows as objects."""
    conn = connection(request["uri"], request["session"])
    with conn.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
        try:
            cursor.execute(request["sql"], request["params"])
        except psycopg2.OperationalError:
            connections.pop((request["uri"], request["session"]), None)
            raise
        return {"rows": cursor.fetchall() if cursor.description else []}


for line in sys.stdin:
    asked = json.loads(line)
    try:
        reply = answer(asked)
    except psycopg2.Error as error:
        reply = {"error": str(error)}
    print(json.dumps({"id": asked["id"], **reply}, default=str), flush=True)
