"""DAG ``updraft_export_<collection>``: brings captured records into the target table at once.

The target's bell starts a run while the table lacks a change (docs/adr/0047). One run at a time: a
run exports all that is there, and news meanwhile becomes the next. The scheduled ``updraft_sync``
exports as well, for rings that are missed, and tries rows again that the table refused.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from airflow.providers.common.compat.sdk import AirflowException, AirflowSkipException
from airflow.sdk import DAG, get_parsing_context, task

from airflow_updraft.dag_api.asset import target_bell_asset
from airflow_updraft.dags.task_parts import push, require_own_store, told

log = logging.getLogger(__name__)

PREFIX = "updraft_export_"


def updraft_exports() -> list[DAG]:
    """Make a DAG for each collection with a target; Airflow finds the DAGs by itself.

    A broken collections.json makes no DAG and is logged: an error here would take the other DAGs of
    the same file with it, and devices could not exchange.
    """
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
    return [_export_dag(name) for name, declared in collections.items() if declared.target]


def _export_dag(collection: str) -> DAG:
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
    ) as dag:
        export_task(collection)
    return dag


@task(task_id="export", retries=2, retry_delay=timedelta(seconds=5))
def export_task(collection: str) -> None:
    """Export; skipped where the table lacks nothing (any more)."""
    report = told(lambda: run_export(collection))
    push(report)
    if not report:
        raise AirflowSkipException(f"the target of {collection} lacks nothing")
    log.info("%s: %s", collection, report)


def run_export(collection: str) -> dict[str, Any]:
    """Export a collection with store and Connections of this Airflow; {} if nothing was due."""
    from airflow_updraft.airflow_bridge import (  # noqa: PLC0415
        connection_engine,
        declared_collections,
        store_engine,
    )
    from airflow_updraft.sync.targets import export_target, is_behind  # noqa: PLC0415

    declared = declared_collections().get(collection)
    if declared is None or declared.target is None:
        raise AirflowException(f"collections.json declares no target for {collection!r} any more")
    store, target = store_engine(), declared.target
    try:
        if not is_behind(store, collection):
            return {}
        require_own_store("exported")
        engine = connection_engine(target.connection)
        try:
            return export_target(store, engine, target, declared, retry_refused=False)
        finally:
            engine.dispose()
    finally:
        store.dispose()
