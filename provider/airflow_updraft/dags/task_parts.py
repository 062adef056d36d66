"""Common to the tasks of the provider's DAGs: the right store, discreet errors, a kept report."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from airflow.providers.common.compat.sdk import AirflowException
from airflow.sdk import get_current_context


def mismatches() -> list[tuple[str, str, str]]:
    """Compare epoch, bond and secret of the store with what this task knows of them."""
    # Imported late, here and below: the DAG processor reads the DAG files every few seconds.
    from airflow_updraft.airflow_bridge import (  # noqa: PLC0415
        VariableBondKeeper,
        VariableEpochKeeper,
        known_secret,
        store_engine,
    )
    from airflow_updraft.store.bond_rules import Outside, bond_of  # noqa: PLC0415
    from airflow_updraft.store.key_mark import mismatches as compared  # noqa: PLC0415

    store = store_engine()
    outside = Outside(bond_of(VariableBondKeeper().get()), VariableEpochKeeper().get())
    return compared(store, outside, known_secret())


def require_own_store(done: str) -> None:
    """Raise TableSyncError for a store that is not the one that this Airflow knows."""
    from airflow_updraft.errors import TableSyncError  # noqa: PLC0415

    if wrong := mismatches():
        rule, where, todo = wrong[0]
        raise TableSyncError(f"nothing was {done}. Not so: {rule} ({where}). {todo}")


def reported(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return the work's report; end the task on an error, quoting no record in the log."""
    from airflow_updraft.discreet import discreetly  # noqa: PLC0415

    return discreetly(work, AirflowException, AirflowException)


def push(report: dict[str, Any]) -> None:
    """Push the XCom, which is kept also when the task then fails."""
    get_current_context()["ti"].xcom_push(key="return_value", value=report)
