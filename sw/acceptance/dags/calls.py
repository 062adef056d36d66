"""DAGs of the acceptance tests: runs that succeed, fail until cleared, or ask a person."""

from __future__ import annotations

from datetime import timedelta

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import DAG, get_current_context, task


@task(task_id="report")
def report() -> object:
    """Give back the run's conf; fail where it says so."""
    run = get_current_context()["dag_run"]
    conf = (run.conf or {}) if run else {}
    if conf.get("fail"):
        message = "The conf asked for a failure."
        raise ValueError(message)
    return dict(conf)


@task(task_id="second_time_lucky")
def second_time_lucky() -> int:
    """Fail the first time, whatever is tried; succeed once it was cleared."""
    tries = get_current_context()["ti"].try_number
    if tries < 2:
        message = "It works the second time."
        raise ValueError(message)
    return tries


with DAG("calls_report", schedule=None):
    report()

with DAG("calls_asleep", schedule=None, is_paused_upon_creation=True):
    report()

with DAG("calls_retry", schedule=None):
    second_time_lucky()

with DAG("calls_approval", schedule=None):
    ApprovalOperator(
        task_id="approve", subject="May it go on?", response_timeout=timedelta(hours=1)
    )
