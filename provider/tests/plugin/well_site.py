"""An installation that is well: store, collections, SQL tables, Airflow's own database, API server.

Tests plant a fault into it, one at a time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from plugin_site import Site as PluginSite
from world import OPEN_SCHEMA

from airflow_updraft.check.finding import Finding
from airflow_updraft.check.run import run_checks
from airflow_updraft.check.site import Site
from airflow_updraft.check.table import CHECKS
from airflow_updraft.exchange.signature import public_key

SECRET = "a well kept secret of more than 32 characters"
KEY = f"Answers are signed (ECDSA P-256, SHA-256) with updraft-key: {public_key(SECRET)}"

STOCK = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "name": {"type": "string"},
        "count": {"type": "integer"},
    },
    "required": ["id", "name"],
    "additionalProperties": False,
}
VISITS = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "site": {"type": "string", "maxLength": 50},
        "status": {"enum": ["ok", "fail"]},
        "reading": {"type": "number"},
        "visited_on": {"type": "string", "format": "date"},
    },
    "required": ["id", "site"],
    "additionalProperties": False,
}
COLLECTIONS: dict[str, Any] = {
    "asks": {"schema": OPEN_SCHEMA},
    "stock": {
        "schema": STOCK,
        "write": "none",
        "source": {"connection": "warehouse", "table": "stock", "key": "id"},
    },
    "visits": {
        "schema": VISITS,
        "target": {"connection": "warehouse", "table": "visits", "key": "id"},
    },
}
TABLES = (
    "CREATE TABLE stock (id VARCHAR(40) PRIMARY KEY, name VARCHAR(120) NOT NULL, count INTEGER)",
    "CREATE TABLE visits (id VARCHAR(40) PRIMARY KEY, site VARCHAR(50) NOT NULL, status "
    "VARCHAR(10), "
    "reading FLOAT, visited_on DATE)",
)


@dataclass
class Well:
    """The installation into which a fault is planted."""

    plugin: PluginSite
    patch: pytest.MonkeyPatch
    folder: Path

    @property
    def engine(self) -> sa.Engine:
        return self.plugin.world.engine

    def environment(self, **variables: str | None) -> None:
        for name, value in variables.items():
            if value is None:
                self.patch.delenv(name, raising=False)
            else:
                self.patch.setenv(name, value)

    def store(self, statement: str) -> None:
        with self.engine.begin() as conn:
            conn.execute(sa.text(statement))

    def warehouse(self, *statements: str) -> None:
        engine = sa.create_engine(f"sqlite:///{self.folder}/warehouse.db")
        with engine.begin() as conn:
            for statement in statements:
                conn.execute(sa.text(statement))
        engine.dispose()

    def airflow(self, statement: Any) -> None:
        from airflow.utils.session import create_session

        with create_session() as session:
            session.execute(statement)

    def variable(self, key: str, value: str | None) -> None:
        from airflow.models.variable import Variable

        self.airflow(sa.delete(Variable).where(Variable.key == key))
        if value is not None:
            from airflow.utils.session import create_session

            with create_session() as session:
                session.add(Variable(key=key, val=value))

    def declare(self, change: Callable[[dict[str, Any]], Any]) -> None:
        collections = json.loads(json.dumps(COLLECTIONS))
        change(collections)
        text = json.dumps({"version": 1, "collections": collections})
        self.plugin.collections_file.write_text(text)

    def findings(self, **options: Any) -> list[Finding]:
        return run_checks(Site(**{"user": "ana"} | options), CHECKS)

    def finding(self, name: str, **options: Any) -> Finding:
        """The worst finding of the check of this name."""
        order = ("failed", "warning", "skipped", "ok")
        found = [f for f in self.findings(**options) if f.name.split()[0] == name]
        return min(found, key=lambda finding: order.index(finding.state))


def make_well(plugin: PluginSite, patch: pytest.MonkeyPatch, folder: Path) -> Well:
    well = Well(plugin, patch, folder)
    well.environment(
        _AIRFLOW_PROCESS_CONTEXT="server",
        AIRFLOW__API__BASE_URL=plugin.url,
        AIRFLOW_CONN_WAREHOUSE=json.dumps(
            {"conn_type": "sqlite", "host": f"{folder}/warehouse.db"}
        ),
    )
    well.declare(lambda collections: None)
    well.warehouse(*TABLES)
    fill_airflow()
    well.variable("updraft_epoch", "e1")
    well.variable("updraft_secret", SECRET)
    plugin.restart()
    return well


def fill_airflow() -> None:
    """Write the rows that a running Airflow writes into its own database."""
    from airflow.models.dagbundle import DagBundleModel
    from airflow.models.pool import Pool
    from airflow.utils.session import create_session

    empty_airflow()
    with create_session() as session:
        session.add(DagBundleModel(name="dags-folder"))
        session.add(Pool(pool="updraft", slots=16, description="", include_deferred=False))
        session.flush()
        session.add_all([*_dags(), *_jobs(), _run()])
    publish(KEY)


def empty_airflow() -> None:
    from airflow import settings
    from airflow.models.base import Base

    names = (
        "serialized_dag",
        "dag_version",
        "dag_run",
        "dag",
        "dag_bundle",
        "job",
        "import_error",
        "trigger",
    )
    with settings.engine.begin() as conn:
        for name in (*names, "slot_pool", "variable", "connection"):
            conn.execute(Base.metadata.tables[name].delete())


def _dags() -> Sequence[Any]:
    from airflow.models.dag import DagModel

    common = {
        "bundle_name": "dags-folder",
        "is_paused": False,
        "is_stale": False,
        "relative_fileloc": "updraft_dags.py",
        "fileloc": "/dags/updraft_dags.py",
        "max_active_tasks": 16,
        "max_consecutive_failed_dag_runs": 0,
        "has_task_concurrency_limits": False,
    }
    soon = datetime.now(UTC) + timedelta(minutes=5)
    return [
        DagModel(dag_id="updraft_exchange", **common),
        DagModel(dag_id="updraft_export_visits", **common),
        DagModel(dag_id="updraft_sync", next_dagrun_create_after=soon, **common),
    ]


def _jobs() -> Sequence[Any]:
    from airflow.jobs.job import Job

    kinds = ("SchedulerJob", "DagProcessorJob", "TriggererJob")
    return [
        Job(job_type=kind, state="running", latest_heartbeat=datetime.now(UTC)) for kind in kinds
    ]


def _run() -> Any:
    from airflow.models.dagrun import DagRun
    from airflow.utils.types import DagRunType

    now = datetime.now(UTC)
    run = DagRun(
        dag_id="updraft_sync",
        run_id="scheduled__1",
        run_type=DagRunType.SCHEDULED,
        state="success",
        run_after=now,
    )
    run.start_date = run.end_date = now
    return run


def publish(doc: str) -> None:
    """Write the DAG of the exchange as the DAG processor does, with this description."""
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.sdk import DAG
    from airflow.serialization.serialized_objects import LazyDeserializedDAG

    dag = DAG("updraft_exchange", schedule=None, doc_md=doc)
    SerializedDagModel.write_dag(
        LazyDeserializedDAG.from_dag(dag), bundle_name="dags-folder", min_update_interval=0
    )
