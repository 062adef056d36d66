"""DAG ``updraft_exchange``: an exchange as a DAG run, for an Airflow's stock REST API alone."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import Any, Unpack

from airflow.configuration import conf
from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowTaskTimeout,
)
from airflow.sdk import DAG, get_current_context, get_parsing_context, task

from airflow_updraft.dags.options import DagOptions, dag_arguments
from airflow_updraft.errors import (
    CollectionsFileError,
    NoTriggeringUserError,
    SecretError,
    StoreNotConfiguredError,
    StoreRefusedError,
)
from airflow_updraft.limits import REPLICAS_PER_USER_MAX

RUNS_AT_ONCE_MAX = 64
RETRIES = 2
KEY_LABEL = "Answers are signed (ECDSA P-256, SHA-256) with updraft-key:"
NO_KEY = "none-yet"

log = logging.getLogger(__name__)


def updraft_exchange(**options: Unpack[DagOptions]) -> DAG:
    """Make the DAG, triggered by devices with conf ``{"updraft": "<the request as JSON>"}``.

    The task ``exchange`` returns the response as a JSON string. A retry is harmless: the ledger
    replays. ``options``: see DagOptions; raises as ``dag_arguments`` does.
    """
    with DAG(
        dag_id="updraft_exchange",
        description="Applies one batch of a device and answers it with verdicts and changes.",
        schedule=None,
        catchup=False,
        is_paused_upon_creation=False,
        max_active_runs=RUNS_AT_ONCE_MAX,
        tags=["updraft"],
        doc_md=f"{__doc__}\n\n{_key_line()}",
        **dag_arguments("updraft_exchange", options),
    ) as dag:
        exchange_task()
    return dag


@task(
    task_id="exchange",
    # A separate pool: a hundred phones that come back at once must not starve other DAGs, nor other
    # DAGs the phones.
    pool=conf.get("updraft", "pool", fallback="updraft"),
    retries=RETRIES,
    retry_delay=timedelta(seconds=2),
    show_return_value_in_logs=False,
)
def exchange_task() -> str:
    """Run the exchange as the run's triggering user; never as anybody conf names."""
    context = get_current_context()
    run: Any = context["dag_run"]
    from airflow_updraft.discreet import discreetly  # noqa: PLC0415 (not for the DAG processor)

    def work() -> str:
        try:
            return answer(run.triggering_user_name, run.conf, run.run_id)
        except (
            NoTriggeringUserError,
            StoreNotConfiguredError,
            StoreRefusedError,
            CollectionsFileError,
            SecretError,
        ) as error:
            raise AirflowFailException(str(error)) from None  # a retry would fail alike

    # Other errors are told without a database's quotes of the batch: more people read the log than
    # the records.
    return discreetly(work, AirflowException, AirflowFailException)


def answer(user: str | None, run_conf: dict[str, Any] | None, run_id: str) -> str:
    """Answer a run's conf with the response's signed JSON.

    Raises NoTriggeringUserError for a run nobody triggered.
    """
    # Imported late: the DAG processor reads this file every few seconds and needs none of these.
    from airflow_updraft.airflow_bridge import (  # noqa: PLC0415
        VariableEpochKeeper,
        declared_collections,
        store_engine,
        task_secret,
    )
    from airflow_updraft.exchange.exchange import exchange  # noqa: PLC0415
    from airflow_updraft.exchange.proof import Proofs  # noqa: PLC0415
    from airflow_updraft.exchange.signature import sign  # noqa: PLC0415

    if not user:
        raise NoTriggeringUserError(
            "this run has no triggering user, so there is nobody to act as: "
            "trigger it through Airflow's REST API, signed in"
        )
    request = (run_conf or {}).get("updraft")
    collections, engine = declared_collections(), store_engine()
    try:
        secret = task_secret(engine)
        response = exchange(
            # A value that is no text is as malformed as text that is no JSON; "null" gets the same
            # clear answer.
            request if isinstance(request, str) else "null",
            user,
            engine,
            collections,
            transport="dag",
            epoch_keeper=VariableEpochKeeper(),
            replicas_max=conf.getint(
                "updraft", "replicas_per_user_max", fallback=REPLICAS_PER_USER_MAX
            ),
            proofs=Proofs(secret),
        )
    finally:
        engine.dispose()
    return sign(secret, json.dumps(response), run_id, user)


def _key_line() -> str:
    """State the public key that answers are signed with; devices read the key in this DAG's doc.

    Nobody but this file writes that doc. The key is read at each parse, so that a new secret is
    known soon. A missing secret is made here: otherwise the first device would wait for a key until
    after the first answer. A task also parses this file before each answer, and nobody reads the
    doc that a task makes: a task asks for no key.
    """
    if get_parsing_context().task_id is not None:
        return f"{KEY_LABEL} {NO_KEY}"
    from airflow_updraft.airflow_bridge import known_secret, store_engine, task_secret  # noqa: PLC0415
    from airflow_updraft.exchange.signature import public_key  # noqa: PLC0415

    try:
        secret = known_secret()
        if secret is None:
            engine = store_engine()
            try:
                secret = task_secret(engine)
            finally:
                engine.dispose()
    except (Exception, AirflowTaskTimeout) as error:
        # The line is never left out: a device would take that for a provider that does not sign
        # yet. Nor may a slow Variable make the import fail: without this DAG no exchange would run
        # at all.
        from airflow_updraft.discreet import describe  # noqa: PLC0415

        log.warning(
            "no key can be published: %s. Devices that exchange by DAG runs wait for it",
            describe(error),
        )
        return f"{KEY_LABEL} {NO_KEY}"
    return f"{KEY_LABEL} {public_key(secret)}"
