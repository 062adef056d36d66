"""DAG ``updraft_sync``: scheduled imports, exports, verification of the store, and pruning.

The DAG has two branches, so that a broken target does not keep the store from being verified:
``sync``, and ``verify`` before ``prune``, because nothing is forgotten of a store that is not in
order. Each task's report is an XCom, also after a failure, and the report's numbers are Airflow
metrics.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Unpack

from airflow.configuration import conf
from airflow.providers.common.compat.sdk import AirflowException
from airflow.sdk import DAG, task

from airflow_updraft.dags.options import DagOptions, dag_arguments
from airflow_updraft.dags.task_parts import mismatches, push, reported, require_own_store

if TYPE_CHECKING:
    from airflow_updraft.sync.alerts import OnAlert

log = logging.getLogger(__name__)

TOMBSTONE_DAYS, CONSUMER_DAYS, OVERDUE_DAYS = 90.0, 365.0, 7.0


def updraft_sync(*, on_alert: OnAlert | None = None, **options: Unpack[DagOptions]) -> DAG:
    """Make the DAG, scheduled by ``[updraft] sync_schedule``.

    ``on_alert`` is called in the task ``sync`` with what a person has to hear of, once for each
    alert and again when its number has grown; where it fails, the task fails, and the next run
    calls it again. ``options``: see DagOptions; raises as ``dag_arguments`` does.
    """
    with DAG(
        dag_id="updraft_sync",
        description=(
            "Imports source tables, brings captured records into target tables, "
            "maintains the store, reports."
        ),
        schedule=conf.get("updraft", "sync_schedule", fallback="*/5 * * * *"),
        start_date=datetime(2025, 1, 1, tzinfo=UTC),
        catchup=False,
        is_paused_upon_creation=False,
        max_active_runs=1,  # two runs would import the same source into each other's diff
        dagrun_timeout=timedelta(hours=1),
        tags=["updraft"],
        doc_md=__doc__,
        **dag_arguments("updraft_sync", options),
    ) as dag:
        sync_task(on_alert)
        verify_task() >> prune_task()
    return dag


def sync_task(on_alert: OnAlert | None) -> None:
    """Make the task, around a callback that no serialized DAG could hold."""

    @task(task_id="sync")
    def synchronize() -> None:
        sync_once(on_alert)

    synchronize()


def sync_once(on_alert: OnAlert | None = None) -> None:
    """Synchronize once. The report is kept also when a collection, and then the task, failed."""
    # Imported late, here and below: the DAG processor reads this file every few seconds and needs
    # none of these.
    from airflow_updraft.sync import metrics  # noqa: PLC0415

    report = reported(run_sync)
    push(report)
    unheard = give_alerts(report, on_alert) if on_alert else None
    metrics.emit(metrics.sync_gauges(report))
    if report["overdueCount"]:
        log.warning("%s devices are overdue: the page Updraft names them", report["overdueCount"])
    failed = {
        name: part["error"] for name, part in report["collections"].items() if "error" in part
    }
    if failed:
        raise AirflowException(f"not synchronized: {failed}")
    if unheard:
        raise AirflowException(unheard)


def give_alerts(report: dict[str, Any], on_alert: OnAlert) -> str | None:
    """Call the callback with what is new since it last heard; return its failure.

    The numbers of the last run and what the callback has heard are kept in a Variable.
    """
    from airflow_updraft.airflow_bridge import VariableAlertsKeeper  # noqa: PLC0415
    from airflow_updraft.sync.alerts import alerts_of, news_of, read_kept, write_kept  # noqa: PLC0415

    keeper = VariableAlertsKeeper()
    earlier, told = read_kept(keeper.get())
    alerts = alerts_of(report, earlier)
    failure = None
    if news := news_of(alerts, told):
        try:
            on_alert(news)
        except Exception as error:  # of any kind: the next run calls again
            failure = f"on_alert failed with {type(error).__name__}: {error}"
    keeper.set(write_kept(report, told if failure else alerts))
    return failure and f"{failure}. The next run calls it again."


@task(task_id="verify")
def verify_task() -> None:
    """Check the store's invariants; a violation fails the task with rule, place and remedy."""
    from airflow_updraft.airflow_bridge import declared_collections, store_engine  # noqa: PLC0415
    from airflow_updraft.sync import metrics  # noqa: PLC0415
    from airflow_updraft.sync.invariants import verify  # noqa: PLC0415

    report = reported(lambda: _with_mismatches(verify(store_engine(), declared_collections())))
    push(report)
    metrics.emit(metrics.verify_gauges(report))
    if report["violations"]:
        lines = [
            f"{v['rule']}: not so at {'; '.join(v['where'])}. {v['todo']}"
            for v in report["violations"]
        ]
        raise AirflowException("the store is not in order. " + "\n".join(lines))


@task(task_id="prune")
def prune_task() -> None:
    """Forget tombstones older than ``[updraft] tombstone_days``; long absent devices re-read."""
    from airflow_updraft.airflow_bridge import store_engine  # noqa: PLC0415
    from airflow_updraft.sync import metrics  # noqa: PLC0415
    from airflow_updraft.sync.maintenance import prune_store  # noqa: PLC0415

    days = _days("tombstone_days", TOMBSTONE_DAYS), _days("consumer_days", CONSUMER_DAYS)
    report = reported(lambda: prune_store(store_engine(), datetime.now(UTC), *days))
    push(report)
    metrics.emit(metrics.prune_gauges(report))
    if report["heldBackBy"]:
        log.warning(
            "tombstones are kept for readers that have not read them: %s", report["heldBackBy"]
        )
    if report["expired"]:
        log.error("these readers were away too long and must begin anew: %s", report["expired"])


def run_sync() -> dict[str, Any]:
    """Synchronize with the store and the Connections of this Airflow; return the report."""
    from airflow_updraft.airflow_bridge import (  # noqa: PLC0415
        VariableBondKeeper,
        connection_engine,
        declared_collections,
        store_engine,
    )
    from airflow_updraft.store.bond import note_reached  # noqa: PLC0415
    from airflow_updraft.sync.run import sync  # noqa: PLC0415

    overdue_days = _days("overdue_days", OVERDUE_DAYS)
    require_own_store("imported or exported")
    store = store_engine()
    report = sync(store, connection_engine, declared_collections(), datetime.now(UTC), overdue_days)
    note_reached(store, VariableBondKeeper())
    for name, part in report["collections"].items():
        log.info("%s: %s", name, part)
    return report


def _with_mismatches(report: dict[str, Any]) -> dict[str, Any]:
    wrong = [{"rule": rule, "where": [where], "todo": todo} for rule, where, todo in mismatches()]
    return report | {"violations": [*report["violations"], *wrong]}


def _days(option: str, fallback: float) -> float:
    days = conf.getfloat("updraft", option, fallback=fallback)
    if not days > 0:
        raise AirflowException(f"[updraft] {option} must be above 0, not {days}")
    return days
