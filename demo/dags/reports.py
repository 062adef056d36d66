"""DAGs that a person starts from the device.

``daily_report`` counts the inspections; ``publish_report`` asks somebody before it goes on,
``sign_off_report`` asks one named person.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import DAG, get_current_context, task

from airflow_updraft import Collection

inspections = Collection("inspections")


@task(task_id="compile")
def compile_report() -> dict[str, Any]:
    """Count the inspections, of one site if ``conf`` names a site; fail for a site without
    inspections.
    """
    run = get_current_context()["dag_run"]
    site = (run.conf or {}).get("site") if run else None
    records = (
        record
        for page in inspections.pages({} if site is None else {"site": site})
        for record in page
    )
    counted = Counter(str(record.get("status")) for record in records)
    if site is not None and not counted:
        message = f"There is no inspection of the site {site!r} to report on."
        raise ValueError(message)
    return {"site": site, "inspections": counted.total(), **counted}


with DAG("daily_report", schedule=None, tags=["updraft", "demo"], max_active_runs=4):
    compile_report()

with DAG("publish_report", schedule=None, tags=["updraft", "demo"], max_active_runs=8):
    approve = ApprovalOperator(
        task_id="approve",
        subject="Publish the report of the day?",
        body="It goes to everybody who reads the reports. Reject it if inspections are missing.",
        response_timeout=timedelta(hours=12),
    )

    @task
    def publish() -> str:
        """Report the publication; a real DAG would send the report."""
        return "published"

    approve >> publish()

with DAG("sign_off_report", schedule=None, tags=["updraft", "demo"], max_active_runs=8):
    ApprovalOperator(
        task_id="sign_off",
        subject="Sign off the report of the day?",
        assigned_users=[{"id": "ben", "name": "ben"}],
        response_timeout=timedelta(hours=12),
    )
