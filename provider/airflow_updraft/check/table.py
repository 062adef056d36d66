"""Every check, in the order in which the findings are shown.

A check needs a row here and a planted fault in the tests.
"""

from __future__ import annotations

from airflow_updraft.check.airflow import (
    DAGS,
    alive,
    check_airflow_database,
    check_dags,
    check_exports,
    check_last_sync,
    check_pool,
)
from airflow_updraft.check.clock import check_clock
from airflow_updraft.check.connection import (
    check_connection,
    check_database,
    check_driver,
    check_own_database,
    check_rights,
)
from airflow_updraft.check.declaration import check_collections, check_undeclared
from airflow_updraft.check.http import (
    check_authorization,
    check_hello,
    check_live,
    check_request_size,
    check_signed_in,
)
from airflow_updraft.check.readers import (
    check_readers,
    check_refused_changes,
    check_refused_rows,
)
from airflow_updraft.check.run import Check
from airflow_updraft.check.secret import check_published_key, check_same_secret, check_secret
from airflow_updraft.check.settings import check_base_url, check_cors, check_options, check_plugin
from airflow_updraft.check.store import check_bond, check_epoch, check_migrations, check_store
from airflow_updraft.check.tables import check_sources, check_targets
from airflow_updraft.check.user import check_user

_NOT_STARTED = "DAGs that new data should start are not started, exports to targets too"
_NO_RUNS = f"no DAG runs: {DAGS['updraft_sync']}"
_NOT_PARSED = "DAG files are not read: changes of DAGs, collections and keys are not seen"

_AIRFLOW = ("airflow-database",)

CHECKS: tuple[Check, ...] = (
    Check("airflow-database", check_airflow_database),
    Check("connection", check_connection),
    Check("driver", check_driver, ("connection",)),
    Check("database", check_database, ("connection",)),
    Check("rights", check_rights, ("database",)),
    Check("own-database", check_own_database, ("database",)),
    Check("store", check_store, ("database", "own-database", "airflow-database")),
    Check("bond", check_bond, ("store",)),
    Check("migrations", check_migrations, ("store",)),
    Check("epoch", check_epoch, ("migrations",)),
    Check("clock", check_clock, ("database",)),
    Check("secret", check_secret, ("migrations",)),
    Check("same-secret", check_same_secret, ("secret",)),
    Check("published-key", check_published_key, ("secret",)),
    Check("options", check_options),
    Check("collections", check_collections),
    Check("undeclared", check_undeclared, ("collections", "migrations")),
    Check("source", check_sources, ("collections",)),
    Check("target", check_targets, ("collections",)),
    Check("scheduler", alive("SchedulerJob", "airflow scheduler", _NO_RUNS), _AIRFLOW),
    Check(
        "dag-processor", alive("DagProcessorJob", "airflow dag-processor", _NOT_PARSED), _AIRFLOW
    ),
    Check("triggerer", alive("TriggererJob", "airflow triggerer", _NOT_STARTED), _AIRFLOW),
    Check("dag", check_dags, _AIRFLOW),
    Check("export", check_exports, ("airflow-database", "collections")),
    Check("pool", check_pool, _AIRFLOW),
    Check("last-sync", check_last_sync, _AIRFLOW),
    Check("reader", check_readers, ("migrations",)),
    Check("refused-rows", check_refused_rows, ("migrations",)),
    Check("refused-changes", check_refused_changes, ("migrations",)),
    Check("plugin", check_plugin),
    Check("base-url", check_base_url),
    Check("cors", check_cors),
    Check("hello", check_hello, on_page=False),
    Check("authorization", check_authorization, ("hello",), on_page=False),
    Check("request-size", check_request_size, ("hello",), on_page=False),
    Check("user", check_user, on_page=False),
    Check(
        "signed-in", check_signed_in, ("hello", "user", "migrations", "collections"), on_page=False
    ),
    Check("live", check_live, ("signed-in",), on_page=False),
)
