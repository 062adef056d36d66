"""DAG ``updraft_exchange``: an exchange as a DAG run, for any Airflow that has only its stock REST API."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from airflow.configuration import conf
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import DAG, get_current_context, task

from airflow_updraft.errors import CollectionsFileError, NoTriggeringUserError, StoreNotConfiguredError

RUNS_AT_ONCE_MAX = 64
RETRIES = 2


def updraft_exchange() -> DAG:
    """Make the DAG. Triggered by devices; its conf is ``{"updraft": "<the request as a JSON string>"}``.

    The task ``exchange`` returns the response as a JSON string. A retry is harmless: the ledger replays.
    """
    with DAG(
        dag_id="updraft_exchange",
        description="Applies one batch of a device and answers it with verdicts and changes.",
        schedule=None,
        catchup=False,
        is_paused_upon_creation=False,
        max_active_runs=RUNS_AT_ONCE_MAX,
        tags=["updraft"],
        doc_md=__doc__,
    ) as dag:
        exchange_task()
    return dag


@task(
    task_id="exchange",
    # A pool of its own: a hundred phones that come back at once must not starve other DAGs, nor they the phones.
    pool=conf.get("updraft", "pool", fallback="updraft"),
    retries=RETRIES,
    retry_delay=timedelta(seconds=2),
    show_return_value_in_logs=False,
)
def exchange_task() -> str:
    """Run the exchange as the run's triggering user; never as anybody conf names."""
    context = get_current_context()
    run: Any = context["dag_run"]
    try:
        return answer(run.triggering_user_name, run.conf)
    except (NoTriggeringUserError, StoreNotConfiguredError, CollectionsFileError) as error:
        raise AirflowFailException(str(error)) from error  # the same in two seconds: no retry


def answer(user: str | None, run_conf: dict[str, Any] | None) -> str:
    """Answer a run's conf with the response's JSON; raise NoTriggeringUserError for a run nobody triggered."""
    # Here, not above: the DAG processor reads this file every few seconds and needs none of it.
    from airflow_updraft.airflow_bridge import (  # noqa: PLC0415
        VariableEpochKeeper,
        declared_collections,
        store_engine,
    )
    from airflow_updraft.exchange import exchange  # noqa: PLC0415

    if not user:
        raise NoTriggeringUserError(
            "this run has no triggering user, so there is nobody to act as: "
            "trigger it through Airflow's REST API, signed in"
        )
    request = (run_conf or {}).get("updraft")
    collections, engine = declared_collections(), store_engine()
    try:
        response = exchange(
            # What is no text is as malformed as text that is no JSON; "null" gets the same clear answer.
            request if isinstance(request, str) else "null",
            user,
            engine,
            collections,
            transport="dag",
            epoch_keeper=VariableEpochKeeper(),
        )
    finally:
        engine.dispose()
    return json.dumps(response)
