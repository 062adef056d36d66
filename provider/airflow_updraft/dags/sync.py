"""DAG ``updraft_sync``: on a schedule, sources in, targets out, the store verified, old tombstones forgotten.

Two branches, so that a broken target does not keep the store from being verified: ``sync``, and ``verify`` before
``prune``, because nothing is forgotten of a store that is not in order. Each task's report is its XCom, also when it
failed, and its numbers are Airflow metrics.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.configuration import conf
from airflow.providers.common.compat.sdk import AirflowException
from airflow.sdk import DAG, get_current_context, task

log = logging.getLogger(__name__)

TOMBSTONE_DAYS, CONSUMER_DAYS, OVERDUE_DAYS = 90.0, 365.0, 7.0


def updraft_sync() -> DAG:
    """Make the DAG; its schedule is ``[updraft] sync_schedule``."""
    with DAG(
        dag_id="updraft_sync",
        description="Imports source tables, brings captured records into target tables, maintains the store, reports.",
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
        verify_task() >> prune_task()
    return dag


@task(task_id="sync")
def sync_task() -> None:
    """Synchronize once. The report is kept also when a collection failed, and then the task fails."""
    # Here and below, not above: the DAG processor reads this file every few seconds and needs none of it.
    from airflow_updraft import metrics  # noqa: PLC0415

    report = run_sync()
    _push(report)
    metrics.emit(metrics.sync_gauges(report))
    if report["overdueCount"]:
        log.warning("%s devices are overdue: %s", report["overdueCount"], report["overdue"])
    failed = {name: part["error"] for name, part in report["collections"].items() if "error" in part}
    if failed:
        raise AirflowException(f"not synchronized: {failed}")


@task(task_id="verify")
def verify_task() -> None:
    """Check the store's invariants. A broken one fails the task, naming what, where, and what to do."""
    from airflow_updraft import metrics  # noqa: PLC0415
    from airflow_updraft.airflow_bridge import store_engine  # noqa: PLC0415
    from airflow_updraft.invariants import verify  # noqa: PLC0415

    report = verify(store_engine())
    _push(report)
    metrics.emit(metrics.verify_gauges(report))
    if report["violations"]:
        lines = [f"{v['rule']}: not so at {'; '.join(v['where'])}. {v['todo']}" for v in report["violations"]]
        raise AirflowException("the store is not in order. " + "\n".join(lines))


@task(task_id="prune")
def prune_task() -> None:
    """Forget tombstones older than ``[updraft] tombstone_days``; devices away longer read everything again."""
    from airflow_updraft import metrics  # noqa: PLC0415
    from airflow_updraft.airflow_bridge import store_engine  # noqa: PLC0415
    from airflow_updraft.maintenance import prune_store  # noqa: PLC0415

    days = _days("tombstone_days", TOMBSTONE_DAYS), _days("consumer_days", CONSUMER_DAYS)
    report = prune_store(store_engine(), datetime.now(UTC), *days)
    _push(report)
    metrics.emit(metrics.prune_gauges(report))
    if report["heldBackBy"]:
        log.warning("tombstones are kept for readers that have not read them: %s", report["heldBackBy"])
    if report["expired"]:
        log.error("these readers were away too long and must begin anew: %s", report["expired"])


def run_sync() -> dict[str, Any]:
    """Synchronize with the store and the Connections of this Airflow; return the report."""
    from airflow_updraft.airflow_bridge import (  # noqa: PLC0415
        connection_engine,
        declared_collections,
        store_engine,
    )
    from airflow_updraft.sync import sync  # noqa: PLC0415

    overdue_days = _days("overdue_days", OVERDUE_DAYS)
    report = sync(store_engine(), connection_engine, declared_collections(), datetime.now(UTC), overdue_days)
    for name, part in report["collections"].items():
        log.info("%s: %s", name, part)
    return report


def _days(option: str, fallback: float) -> float:
    days = conf.getfloat("updraft", option, fallback=fallback)
    if not days > 0:
        raise AirflowException(f"[updraft] {option} must be above 0, not {days}")
    return days


def _push(report: dict[str, Any]) -> None:
    """The XCom, kept also where the task then fails."""
    get_current_context()["ti"].xcom_push(key="return_value", value=report)
