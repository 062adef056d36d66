"""Options of the provider's DAGs, which an installation may need and the provider cannot know."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any, TypedDict

from airflow.sdk import Param

Callback = Callable[[Any], None]


class DagOptions(TypedDict, total=False):
    """Options of ``updraft_exchange()``, ``updraft_sync()`` and ``updraft_exports()``.

    ``queue`` and ``executor`` are those of each task. ``default_args`` are Airflow's own; what a
    task must have to be right (pool, retries, outlets) stays as it is. ``on_success_callback`` and
    ``on_failure_callback`` are the DAG's: called with the context after a run. ``access_control``
    is for auth managers that know rights of single DAGs (FAB). ``params`` need a default: neither a
    device nor a schedule gives any.
    """

    queue: str
    executor: str
    default_args: Mapping[str, Any]
    on_success_callback: Callback | list[Callback]
    on_failure_callback: Callback | list[Callback]
    access_control: dict[str, Any]
    params: dict[str, Any]


OF_TASKS = ("queue", "executor")


def dag_arguments(call: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return a DAG's arguments for these options.

    Raises TypeError for an option that is not known, and ValueError for a parameter that nobody
    would give: in the DAG file, where Airflow shows it as an import error.
    """
    known = DagOptions.__annotations__
    for name in options:
        if name not in known:
            meant = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean {meant[0]!r}?" if meant else ""
            raise TypeError(f"{call}() has no option {name!r}.{hint} It has {', '.join(known)}.")
    for name, param in options.get("params", {}).items():
        if isinstance(param, Param) and not param.has_value:
            raise ValueError(
                f"{call}(): the parameter {name!r} has no default. Neither a device nor a schedule "
                "gives one, so no run would start. Give it a default."
            )
    of_tasks = {name: options[name] for name in OF_TASKS if name in options}
    of_dag = {
        name: value for name, value in options.items() if name not in (*OF_TASKS, "default_args")
    }
    defaults = {**options.get("default_args", {}), **of_tasks}
    return of_dag | ({"default_args": defaults} if defaults else {})
