"""A route that stores an array of records, as an app without Updraft would have on the server.

A single statement and transaction, authorised by Airflow like the exchange. No schema, no
revisions,
no ledger: a record that is sent twice is stored twice.
"""

from __future__ import annotations

from airflow.api_fastapi.core_api.security import GetUserDep
from airflow.plugins_manager import AirflowPlugin
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import text

from airflow_updraft.airflow_bridge import MetadataBondKeeper, MetadataEpochKeeper
from airflow_updraft.plugin.store import Store

app = FastAPI(title="Bench")
store = Store(4, MetadataBondKeeper(), MetadataEpochKeeper())

TABLE = text(
    "CREATE TABLE IF NOT EXISTS bench_records "
    "(seq bigserial PRIMARY KEY, id text NOT NULL, fields json NOT NULL)"
)
INSERT = text(
    "INSERT INTO bench_records (id, fields) "
    "SELECT value ->> 'id', value FROM json_array_elements(CAST(:body AS json))"
)


@app.put("/records")
def make_table(_: GetUserDep) -> None:
    """Create the table unless the table exists."""
    with store.open().engine.begin() as conn:
        conn.execute(TABLE)


@app.post("/records")
async def post_records(request: Request, _: GetUserDep) -> dict[str, int]:
    """Store the records of the body, a JSON array; return their number."""
    body = (await request.body()).decode()
    return {"stored": await run_in_threadpool(_insert, body)}


def _insert(body: str) -> int:
    with store.open().engine.begin() as conn:
        return conn.execute(INSERT, {"body": body}).rowcount


class BenchRecords(AirflowPlugin):
    """Mounts ``/bench`` in the API server of the bench's own Airflow."""

    name = "bench_records"
    fastapi_apps = [{"name": "Bench records", "app": app, "url_prefix": "/bench"}]  # noqa: RUF012
