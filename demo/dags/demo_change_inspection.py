"""DAG ``demo_change_inspection``: somebody in the office changes an inspection. The devices learn of it by the feed."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.sdk import DAG, get_current_context, task


@task(task_id="change")
def change() -> str:
    """Set the fields of conf ``{"id": …, "set": {field: value}}``; fail where there is no such record."""
    # Here, not above: the DAG processor reads this file every few seconds and needs none of it.
    from airflow_updraft import revision, server_changes  # noqa: PLC0415
    from airflow_updraft.airflow_bridge import declared_collections, store_engine  # noqa: PLC0415
    from airflow_updraft.apply import load_records  # noqa: PLC0415
    from airflow_updraft.request import Mutation  # noqa: PLC0415
    from airflow_updraft.transaction import transaction  # noqa: PLC0415

    run = get_current_context()["dag_run"]
    conf = run.conf or {}
    record_id, fields = str(conf["id"]), dict(conf["set"])
    collections = declared_collections()
    with transaction(store_engine()) as conn:
        counter = revision.lock_counter(conn)
        stored = load_records(conn, [Mutation("inspections", record_id, 0, "delete")]).get(("inspections", record_id))
        if stored is None or stored.deleted:
            raise ValueError(f"there is no inspection {record_id!r} in the store")
        document = {**stored.fields, **fields, "id": record_id}
        by = run.triggering_user_name or "airflow"
        verdicts = server_changes.put_records(
            conn, counter, "inspections", [document], collections, datetime.now(UTC), by=by
        )
        revision.save_counter(conn, counter)
    refused = [verdict for verdict in verdicts if verdict["verdict"] == "rejected"]
    if refused:
        raise ValueError(f"not changed: {refused}")
    return f"{len(verdicts)} changed"


with DAG(
    dag_id="demo_change_inspection",
    description="The demo's button “change it in Airflow”.",
    schedule=None,
    catchup=False,
    is_paused_upon_creation=False,
    tags=["updraft", "demo"],
):
    change()
