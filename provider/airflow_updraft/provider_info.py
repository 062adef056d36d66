"""What Airflow learns about this package when it is installed."""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Return the provider's description, with its config section ``[updraft]``."""
    return {
        "package-name": "airflow-provider-updraft",
        "name": "Updraft",
        "description": "Exactly-once, offline-first sync between a PWA and Apache Airflow.",
        "cli": ["airflow_updraft.cli.airflow_commands"],  # known to Airflow 3.2 and newer
        "config": {
            "updraft": {
                "description": "Settings of the Updraft provider.",
                "options": {
                    "collections": {
                        "description": "Path of collections.json, the declaration of all collections.",
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "/opt/airflow/collections.json",
                        "default": "",
                    },
                    "sync_schedule": {
                        "description": "Schedule of the DAG updraft_sync: a cron expression or preset.",
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "* * * * *",
                        "default": "*/5 * * * *",
                    },
                    "tombstone_days": _days(
                        "Deleted records are remembered this long. A device that was away longer reads everything "
                        "again when it comes back; nothing it captured is lost.",
                        "90",
                    ),
                    "consumer_days": _days(
                        "A consumer or target that has not read a deletion keeps it remembered beyond tombstone_days, "
                        "at most this long; then its next run fails, saying what to do.",
                        "365",
                    ),
                    "overdue_days": _days(
                        "A device not seen for this long is overdue in the report of updraft_sync: what its user "
                        "captured since is still on it.",
                        "7",
                    ),
                    "pool": {
                        "description": (
                            "Pool of the DAG updraft_exchange. It must exist: airflow pools set updraft 16 'Updraft'."
                        ),
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "default_pool",
                        "default": "updraft",
                    },
                    "dev_sqlite": {
                        "description": (
                            "Development only: without the Connection updraft_default, keep the store in the "
                            "SQLite file updraft.db in AIRFLOW_HOME. Never with two API servers or two workers' "
                            "machines: two files would be two ledgers."
                        ),
                        "version_added": "0.1.0",
                        "type": "boolean",
                        "example": "True",
                        "default": "False",
                    },
                    "exchanges_at_once": _count(
                        "Exchanges that one API-server process works on at once, each in a thread and with a "
                        "connection of its own. They take turns at the store anyway: more of them slow down "
                        "Airflow's API, not the queue.",
                        "4",
                    ),
                    "exchanges_waiting_max": _count(
                        "Exchanges that may wait for their turn in one API-server process, five seconds at most; "
                        "others are answered 503 with Retry-After.",
                        "128",
                    ),
                    "streams_max": _count(
                        "Live streams of one API-server process; others poll. Never more than half of the files the "
                        "process may open (ulimit -n).",
                        "2000",
                    ),
                },
            }
        },
    }


def _count(description: str, default: str) -> dict[str, str]:
    return {
        "description": description,
        "version_added": "0.1.0",
        "type": "integer",
        "example": default,
        "default": default,
    }


def _days(description: str, default: str) -> dict[str, str]:
    return {
        "description": f"{description} In days.",
        "version_added": "0.1.0",
        "type": "float",
        "example": "0.5",
        "default": default,
    }
