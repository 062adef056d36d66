"""DAG ``updraft_export_<collection>``: brings captured records into the target table at once.

The target's bell starts a run while the table lacks a change (docs/adr/0047). One run at a time: a
run exports all that is there, and news meanwhile becomes the next. The scheduled ``updraft_sync``
exports as well, for rings that are missed, and tries rows again that the table refused.

Once rows have moved the task makes an event of the target's Asset, for the DAGs that read the
table. Writes are counted in the store until Airflow has noted the event, so a killed task's event
is made by the next run.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial
from typing import Any, Unpack

from airflow.providers.common.compat.sdk import AirflowException, AirflowSkipException
from airflow.sdk import DAG, get_current_context, get_parsing_context, task

from airflow_updraft.dag_api.asset import target_asset, target_bell_asset
from airflow_updraft.dags.options import DagOptions, dag_arguments
from airflow_updraft.dags.task_parts import push, reported, require_own_store

log = logging.getLogger(__name__)

PREFIX = "updraft_export_"


def updraft_exports(**options: Unpack[DagOptions]) -> list[DAG]:
    """Make a DAG for each collection with a target; Airflow finds the DAGs by itself.

    A broken collections.json makes no DAG and is logged: an error here would take the other DAGs of
    the same file with it, and devices could not exchange. ``options``: see DagOptions; raises as
    ``dag_arguments`` does.
    """
    arguments = dag_arguments("updraft_exports", options)
    asked = get_parsing_context().dag_id
    if asked is not None and not asked.startswith(PREFIX):
        return []  # the task of another DAG in the same file: an exchange need not wait for this
    from airflow_updraft.airflow_bridge import declared_collections  # noqa: PLC0415
    from airflow_updraft.errors import CollectionsFileError  # noqa: PLC0415

    try:
        collections = declared_collections()
    except CollectionsFileError as error:
        log.warning("no DAG exports to a target: %s", error)
        return []
    return [
        _export_dag(name, arguments) for name, declared in collections.items() if declared.target
    ]


def _export_dag(collection: str, arguments: dict[str, Any]) -> DAG:
    with DAG(
        dag_id=f"{PREFIX}{collection}",
        description=f"Brings captured records of {collection} into their target table at once.",
        schedule=[target_bell_asset(collection)],
        catchup=False,
        is_paused_upon_creation=False,
        max_active_runs=1,
        dagrun_timeout=timedelta(hours=1),
        tags=["updraft"],
        doc_md=__doc__,
        **arguments,
    ) as dag:
        export_task.override(
            outlets=[target_asset(collection)],
            on_success_callback=partial(_note_told, collection),
        )(collection)
    return dag


@task(task_id="export", retries=2, retry_delay=timedelta(seconds=5))
def export_task(collection: str) -> None:
    """Export; skipped, so that it makes no event, where no row of the table has moved."""
    report = reported(lambda: run_export(collection))
    push(report)
    log.info("%s: %s", collection, report)
    if not report["untold"]:
        raise AirflowSkipException(f"no row of the target of {collection} has moved")
    event = get_current_context()["outlet_events"][target_asset(collection)]
    event.extra = {name: report[name] for name in ("collection", "revision", "untold")}


def _note_told(collection: str, context: Any) -> None:
    """Forget the writes that the event told of: Airflow has noted it with the task's success."""
    from airflow_updraft.airflow_bridge import store_engine  # noqa: PLC0415
    from airflow_updraft.store.cursors import forget_untold  # noqa: PLC0415
    from airflow_updraft.store.transaction import run_transaction  # noqa: PLC0415

    count = context["outlet_events"][target_asset(collection)].extra["untold"]
    store = store_engine()
    try:
        run_transaction(store, lambda conn: forget_untold(conn, collection, count), repeatable=True)
    finally:
        store.dispose()


def run_export(collection: str) -> dict[str, Any]:
    """Export a collection, if its table lacks anything, with this Airflow's store and Connections.

    ``untold``: how many writes the followers of the table have not been told of.
    """
    from airflow_updraft.airflow_bridge import (  # noqa: PLC0415
        connection_engine,
        declared_collections,
        store_engine,
    )
    from airflow_updraft.store.cursors import untold  # noqa: PLC0415
    from airflow_updraft.sync.targets import export_target, is_behind, read_cursor  # noqa: PLC0415

    declared = declared_collections().get(collection)
    if declared is None or declared.target is None:
        raise AirflowException(f"collections.json declares no target for {collection!r} any more")
    store, target = store_engine(), declared.target
    try:
        require_own_store("exported")
        report = {"collection": collection, "revision": read_cursor(store, collection)}
        if is_behind(store, collection):
            engine = connection_engine(target.connection)
            try:
                report |= export_target(store, engine, target, declared, retry_refused=False)
            finally:
                engine.dispose()
        with store.connect() as conn:
            return report | {"untold": untold(conn, collection)}
    finally:
        store.dispose()
