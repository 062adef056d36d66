"""The provider's description for Airflow, read at installation."""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Return the provider's description, with the config section ``[updraft]``."""
    return {
        "package-name": "airflow-provider-updraft",
        "name": "Updraft",
        "description": "Exactly-once, offline-first sync between a PWA and Apache Airflow.",
        "cli": ["airflow_updraft.cli.airflow_commands"],  # known to Airflow 3.2 and newer
        "config": {
            "updraft": {"description": "Settings of the Updraft provider.", "options": _OPTIONS}
        },
    }


def _option(kind: str, default: str, example: str | None, description: str) -> dict[str, Any]:
    return {
        "description": description,
        "version_added": "0.1.0",
        "type": kind,
        "example": example,
        "default": default,
    }


def _count(default: str, description: str) -> dict[str, Any]:
    return _option("integer", default, default, description)


def _days(default: str, description: str) -> dict[str, Any]:
    return _option("float", default, "0.5", f"{description} In days.")


_OPTIONS = {
    "collections": _option(
        "string",
        "",
        "/opt/airflow/collections.json",
        "Path of collections.json, the declaration of all collections.",
    ),
    "sync_schedule": _option(
        "string",
        "*/5 * * * *",
        "* * * * *",
        "Schedule of the DAG updraft_sync: a cron expression or preset.",
    ),
    "tombstone_days": _days(
        "90",
        "Deleted records are remembered this long. A device that was away longer reads everything "
        "again when it comes back; nothing it captured is lost.",
    ),
    "consumer_days": _days(
        "365",
        "A consumer or target that has not read a deletion keeps it remembered beyond "
        "tombstone_days, at most this long; then its next run fails, saying what to do.",
    ),
    "overdue_days": _days(
        "7",
        "A device not seen for this long is overdue in the report of updraft_sync: what its user "
        "captured since is still on it.",
    ),
    "pool": _option(
        "string",
        "updraft",
        "default_pool",
        "Pool of the DAG updraft_exchange. It must exist: airflow pools set updraft 16 'Updraft'.",
    ),
    "dev_sqlite": _option(
        "boolean",
        "False",
        "True",
        "Development only: without the Connection updraft_default, keep the store in the SQLite "
        "file updraft.db in AIRFLOW_HOME. Never with two API servers or two workers' machines: "
        "two files would be two ledgers.",
    ),
    "secret": _option(
        "string",
        "",
        None,
        "The shared secret that proofs and signed answers are made with, 32 characters or more, "
        "the same for every part of this Airflow. Empty: the Variable updraft_secret, which is "
        "made when it is first needed.",
    )
    | {"sensitive": True},
    "exchanges_at_once": _count(
        "4",
        "Exchanges that one API-server process works on at once, each in a thread and with a "
        "connection of its own. They take turns at the store anyway: more of them slow down "
        "Airflow's API, not the queue.",
    ),
    "exchanges_waiting_max": _count(
        "128",
        "Exchanges that may wait for their turn in one API-server process, five seconds at most; "
        "others are answered 503 with Retry-After.",
    ),
    "streams_max": _count(
        "2000",
        "Live streams of one API-server process; others poll. Never more than half of the files "
        "the process may open (ulimit -n).",
    ),
    "streams_per_user_max": _count(
        "50",
        "Live streams of one user in one API-server process; a browser needs one.",
    ),
    "replicas_per_user_max": _count(
        "50",
        "Replicas (browser profiles, and reinstalled apps) that one user may have. Those that "
        "never sent anything give way; a new one beyond that is refused until this is raised, or "
        "the rows of lost devices are deleted.",
    ),
}
