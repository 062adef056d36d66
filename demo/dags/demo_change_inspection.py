"""DAG ``demo_change_inspection``: somebody in the office changes an inspection.

The devices receive the change by the feed.
"""

from __future__ import annotations

from airflow.sdk import DAG, get_current_context, task

from airflow_updraft import Collection


@task(task_id="change")
def change() -> bool:
    """Set the fields of conf ``{"id": …, "set": {field: value}}``; fail for an unknown record."""
    conf = get_current_context()["dag_run"].conf or {}
    return Collection("inspections").patch(str(conf["id"]), dict(conf["set"]))


with DAG(
    dag_id="demo_change_inspection",
    description="The demo's button “change it in Airflow”.",
    schedule=None,
    catchup=False,
    is_paused_upon_creation=False,
    tags=["updraft", "demo"],
):
    change()
