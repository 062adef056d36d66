"""DAG ``updraft_sync``: on a schedule, sources in, targets out, and a report per collection and device."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.configuration import conf
from airflow.providers.common.compat.sdk import AirflowException
from airflow.sdk import DAG, get_current_context, task

log = logging.getLogger(__name__)


def updraft_sync() -> DAG:
    """Make the DAG; its schedule is ``[updraft] sync_schedule``. The report is the XCom of the task ``sync``."""
    with DAG(
        dag_id="updraft_sync",
        description="Imports source tables, brings captured records into target tables, and reports.",
        schedule=conf.get("updraft", "sync_schedule", fallback="*/5 * * * *"),
        start_date=datetime(2025, 1, 1, tzinfo=UTC),
        catchup=False,
        is_paused_upon_creation=False,
        max_active_runs=1,  # two runs would import the same source into each other's diff
        dagrun_timeout=timedelta(hours=1),
        tags=["updraft"],
        doc_md=__doc__,
    ) as dag:
        sync_task()
    return dag


@task(task_id="sync")
def sync_task() -> None:
    """Synchronize once. The report is kept also when a collection failed, and then the task fails."""
    report = run_sync()
    context = get_current_context()
    context["ti"].xcom_push(key="return_value", value=report)
    failed = {name: part["error"] for name, part in report["collections"].items() if "error" in part}
    if failed:
        raise AirflowException(f"not synchronized: {failed}")


def run_sync() -> dict[str, Any]:
    """Synchronize with the store and the Connections of this Airflow; return the report."""
    # Here, not above: the DAG processor reads this file every few seconds and needs none of it.
    from airflow_updraft.airflow_bridge import (  # noqa: PLC0415
        connection_engine,
        declared_collections,
        store_engine,
    )
    from airflow_updraft.sync import sync  # noqa: PLC0415

    report = sync(store_engine(), connection_engine, declared_collections(), datetime.now(UTC))
    for name, part in report["collections"].items():
        log.info("%s: %s", name, part)
    return report
