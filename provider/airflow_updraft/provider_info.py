"""What Airflow learns about this package when it is installed."""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Return the provider's description, with its config section ``[updraft]``."""
    return {
        "package-name": "airflow-provider-updraft",
        "name": "Updraft",
        "description": "Exactly-once, offline-first sync between a PWA and Apache Airflow.",
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
                },
            }
        },
    }
