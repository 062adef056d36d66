"""Misconfigurations, each by a name, with the finding that must tell of it.

``words`` is part of what is told, ``mend`` of the command beside it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa
from faulty_proxy import Fault as ProxyFault
from plugin_site import connection
from well_site import Well, publish
from world import create

Database = Literal["sqlite", "postgres"]


@dataclass(frozen=True)
class Fault:
    name: str
    check: str
    words: str
    mend: str
    plant: Callable[[Well], Any]
    state: str = "failed"
    database: Database = "sqlite"
    options: dict[str, Any] = field(default_factory=dict)
    proxy: ProxyFault | None = None


def store_connection(**changes: Any) -> Callable[[Well], None]:
    def plant(well: Well) -> None:
        text = json.dumps(connection(well.engine.url) | changes)
        well.environment(AIRFLOW_CONN_UPDRAFT_DEFAULT=text)

    return plant


def env(**variables: str | None) -> Callable[[Well], None]:
    return lambda well: well.environment(**variables)


def store(statement: str) -> Callable[[Well], None]:
    return lambda well: well.store(statement)


def variable(key: str, value: str | None, *, used: bool = False) -> Callable[[Well], None]:
    def plant(well: Well) -> None:
        if used:
            well.plugin.world.device().push(create("a"))
        well.variable(key, value)

    return plant


def bonded(bond: str, kept: str) -> Callable[[Well], None]:
    def plant(well: Well) -> None:
        well.store(f"UPDATE updraft_meta SET bond = '{bond}'")
        well.variable("updraft_store", kept)

    return plant


def declare(change: Callable[[dict[str, Any]], Any]) -> Callable[[Well], None]:
    return lambda well: well.declare(change)


def warehouse(*statements: str) -> Callable[[Well], None]:
    return lambda well: well.warehouse(*statements)


def model(path: str) -> Any:
    from importlib import import_module

    module, _, name = path.rpartition(".")
    return getattr(import_module(f"airflow.{module}"), name)


def dag(dag_id: str, **values: Any) -> Callable[[Well], None]:
    def plant(well: Well) -> None:
        table = model("models.dag.DagModel")
        well.airflow(sa.update(table).where(table.dag_id == dag_id).values(**values))

    return plant


def no_dag(well: Well) -> None:
    dag("updraft_exchange", is_stale=True)(well)


def broken_file(well: Well) -> None:
    no_dag(well)
    errors = model("models.errors.ParseImportError")
    well.airflow(
        sa.insert(errors).values(
            filename="updraft_dags.py", bundle_name="dags-folder", stacktrace="secret"
        )
    )


def no_heartbeat(job_type: str) -> Callable[[Well], None]:
    def plant(well: Well) -> None:
        job = model("jobs.job.Job")
        long_ago = datetime.now(UTC) - timedelta(hours=2)
        well.airflow(
            sa.update(job).where(job.job_type == job_type).values(latest_heartbeat=long_ago)
        )

    return plant


def no_triggerer_though_needed(well: Well) -> None:
    no_heartbeat("TriggererJob")(well)
    trigger = model("models.trigger.Trigger")
    bell = "airflow_updraft.trigger.CollectionChangedTrigger"
    row = {"classpath": bell, "encrypted_kwargs": "", "created_date": datetime.now(UTC)}
    well.airflow(sa.insert(trigger).values(**row))


def pool(slots: int | None) -> Callable[[Well], None]:
    def plant(well: Well) -> None:
        pools = model("models.pool.Pool")
        well.airflow(sa.delete(pools) if slots is None else sa.update(pools).values(slots=slots))

    return plant


def failed_run(well: Well) -> None:
    well.airflow(sa.update(model("models.dagrun.DagRun")).values(state="failed"))


def consumer(name: str, revision: int, *, age: timedelta = timedelta()) -> Callable[[Well], None]:
    def plant(well: Well) -> None:
        well.plugin.world.device().push(create("a"))
        well.store(f"INSERT INTO updraft_consumers VALUES ('{name}', 'asks', {revision})")
        moment = datetime.now(UTC) - age
        with well.engine.begin() as conn:
            conn.execute(
                sa.text("UPDATE updraft_records SET updated_at = :at"), {"at": str(moment)[:26]}
            )

    return plant


def refused_change(well: Well) -> None:
    consumer("scoring", 1)(well)
    well.store("INSERT INTO updraft_refused_changes VALUES ('scoring', 'asks', 'a', 1, 'no site')")


def refused_row(well: Well) -> None:
    well.store(
        "INSERT INTO updraft_refused_rows (collection, id, revision, message, table_shape) "
        "VALUES ('visits', 'v1', 1, 'too long', '')"
    )


def metadata_database(well: Well) -> None:
    path = str(Path(os.environ["AIRFLOW_HOME"]) / "airflow.db")
    well.environment(AIRFLOW_CONN_UPDRAFT_DEFAULT=json.dumps({"conn_type": "sqlite", "host": path}))


def empty_database(*, is_remembered: bool) -> Callable[[Well], None]:
    def plant(well: Well) -> None:
        path = well.folder / "other.db"
        path.touch()
        well.environment(
            AIRFLOW_CONN_UPDRAFT_DEFAULT=json.dumps({"conn_type": "sqlite", "host": str(path)})
        )
        if not is_remembered:
            well.variable("updraft_epoch", None)

    return plant


def other_fernet_key(*, has_none: bool) -> Callable[[Well], None]:
    """The secret was encrypted elsewhere. Without a key here, Airflow returns the cipher."""

    def plant(well: Well) -> None:
        from cryptography.fernet import Fernet

        elsewhere, here = Fernet(Fernet.generate_key()), Fernet(Fernet.generate_key())
        text = elsewhere.encrypt(b"x" * 64).decode()
        table = model("models.variable.Variable").__table__
        well.airflow(
            table.update()
            .where(table.c.key == "updraft_secret")
            .values(val=text, is_encrypted=True)
        )
        if not has_none:
            well.patch.setattr("airflow.models.variable.get_fernet", lambda: here)

    return plant


def poor_role(well: Well) -> None:
    well.store(
        "DROP ROLE IF EXISTS poor; CREATE ROLE poor LOGIN; GRANT USAGE, CREATE ON SCHEMA public TO "
        "poor"
    )
    well.store("GRANT SELECT ON ALL TABLES IN SCHEMA public TO poor")
    store_connection(login="poor")(well)


def role_without_schema(well: Well) -> None:
    well.store(
        "DROP ROLE IF EXISTS plain; CREATE ROLE plain LOGIN; GRANT USAGE ON SCHEMA public TO plain"
    )
    well.store("GRANT ALL ON ALL TABLES IN SCHEMA public TO plain")
    well.store("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    store_connection(login="plain")(well)


def read_only(well: Well) -> None:
    extra = json.dumps({"options": "-c default_transaction_read_only=on"})
    store_connection(extra=extra)(well)


def nowhere(well: Well) -> None:
    store_connection(extra=json.dumps({"options": "-c search_path=nowhere"}))(well)


def lock_file(well: Well) -> None:
    """Root may write everywhere: the answer of the operating system is planted."""
    well.patch.setattr("os.access", lambda *_: False)


def other_store_in_the_api_server(well: Well) -> None:
    """The API server keeps what it opened; then this command is given another store."""
    well.plugin.get("/hello", "ana")
    path = well.folder / "other.db"
    well.environment(
        AIRFLOW_CONN_UPDRAFT_DEFAULT=json.dumps({"conn_type": "sqlite", "host": str(path)})
    )
    from airflow_updraft.store.tables import create_store

    engine = sa.create_engine(f"sqlite:///{path}")
    create_store(engine, lambda: "e1x")
    engine.dispose()
    well.variable("updraft_epoch", "e1x")


def other_jwt_secret(well: Well) -> None:
    well.patch.setattr(
        "airflow_updraft.check.http.token_of",
        lambda _: "eyJhbGciOiJIUzUxMiJ9.eyJzdWIiOiJhbmEifQ.c2ln",
    )


def no_plugin(well: Well) -> None:
    well.patch.setattr("airflow_updraft.check.settings.entry_points", lambda **_: [])


def broken_plugin(well: Well) -> None:
    class Entry:
        def load(self) -> Any:
            raise ImportError("No module named 'fastapi'")

    well.patch.setattr("airflow_updraft.check.settings.entry_points", lambda **_: [Entry()])


def no_postgres_provider(well: Well) -> None:
    from importlib.metadata import PackageNotFoundError

    def version(_: str) -> str:
        raise PackageNotFoundError

    well.patch.setattr("airflow_updraft.check.connection.version", version)


def broken_airflow_database(well: Well) -> None:
    def refuse() -> Any:
        raise sa.exc.OperationalError("SELECT", {}, Exception("connection refused"))

    well.patch.setattr("airflow_updraft.check.airflow.airflow_session", refuse)


def nothing(_: Well) -> None:
    pass


def wrong_clock(seconds: float) -> dict[str, Any]:
    return {"now": lambda: datetime.now(UTC) - timedelta(seconds=seconds)}


def visits(change: Callable[[dict[str, Any]], Any]) -> Callable[[Well], None]:
    return declare(lambda collections: change(collections["visits"]))


ADD_CONNECTION = "airflow connections add updraft_default"
NO_SQL = {"conn_type": "http", "host": "x"}
CORS = "AIRFLOW__API__ACCESS_CONTROL_ALLOW_"
APP = {f"{CORS}ORIGINS": "https://app.example", f"{CORS}METHODS": "GET,POST,PATCH"}
ALL_HEADERS = {f"{CORS}HEADERS": "authorization,content-type,content-encoding,x-updraft"}

FAULTS = (
    Fault(
        "Airflow's database is down",
        "airflow-database",
        "does not answer",
        "airflow db check",
        broken_airflow_database,
    ),
    Fault(
        "no Connection",
        "connection",
        "no Connection 'updraft_default'",
        ADD_CONNECTION,
        env(AIRFLOW_CONN_UPDRAFT_DEFAULT=None),
    ),
    Fault(
        "Connection that is no JSON",
        "connection",
        "cannot parse it",
        "export AIRFLOW_CONN_UPDRAFT_DEFAULT=",
        env(AIRFLOW_CONN_UPDRAFT_DEFAULT="{hunter2"),
    ),
    Fault(
        "Connection of another type",
        "connection",
        "of a type that no installed package knows",
        ADD_CONNECTION,
        store_connection(conn_type="http"),
    ),
    Fault(
        "SQLite beside Celery",
        "connection",
        "tasks run on other machines",
        ADD_CONNECTION,
        env(AIRFLOW__CORE__EXECUTOR="CeleryExecutor"),
    ),
    Fault(
        "no provider of PostgreSQL",
        "driver",
        "postgres is not installed",
        "pip install apache-airflow-providers-postgres",
        no_postgres_provider,
        "warning",
        "postgres",
    ),
    Fault(
        "SQLite file that is missing",
        "database",
        "there is no file",
        "verify",
        store_connection(host="/nowhere/store.db"),
    ),
    Fault(
        "PostgreSQL that nobody serves",
        "database",
        "does not let Updraft in",
        "airflow connections get updraft_default",
        store_connection(host="/nowhere"),
        "failed",
        "postgres",
    ),
    Fault(
        "database that is missing",
        "database",
        'database "nothing" does not exist',
        "airflow connections get updraft_default",
        store_connection(schema="nothing"),
        "failed",
        "postgres",
    ),
    Fault(
        "tables that may only be read",
        "rights",
        "lacks INSERT on the tables, UPDATE on the tables, DELETE",
        "GRANT ALL ON ALL TABLES",
        poor_role,
        "failed",
        "postgres",
    ),
    Fault(
        "schema in which nothing may be made",
        "rights",
        "may not make tables in the schema 'public'",
        "OWNER TO plain",
        role_without_schema,
        "failed",
        "postgres",
    ),
    Fault(
        "standby", "rights", "takes no writes", "primary server", read_only, "failed", "postgres"
    ),
    Fault(
        "search path that leads nowhere",
        "rights",
        "no schema that is there",
        "CREATE SCHEMA",
        nowhere,
        "failed",
        "postgres",
    ),
    Fault("file that cannot be written", "rights", "cannot be written", "chown", lock_file),
    Fault(
        "store in Airflow's own database",
        "own-database",
        "Airflow's own metadata database",
        "CREATE DATABASE updraft",
        metadata_database,
    ),
    Fault(
        "another, empty database",
        "store",
        "Airflow remembers one (epoch e1)",
        "new-epoch",
        empty_database(is_remembered=True),
    ),
    Fault(
        "store of another Airflow",
        "bond",
        "belongs to another Airflow",
        "new-epoch",
        bonded("ours", "theirs:0"),
    ),
    Fault(
        "store that has lost revisions",
        "bond",
        "is at revision 0 and had reached 99",
        "new-epoch",
        bonded("ours", "ours:99"),
    ),
    Fault(
        "secret of another part of Airflow",
        "same-secret",
        "another one than the API server signs with",
        "AIRFLOW__UPDRAFT__SECRET",
        store("UPDATE updraft_meta SET key_mark = 'of another'"),
    ),
    Fault(
        "store that was never made",
        "store",
        "holds no store yet",
        "updraft verify",
        empty_database(is_remembered=False),
    ),
    Fault(
        "store of a newer package",
        "migrations",
        "this package knows up to",
        "pip install --upgrade",
        store("UPDATE updraft_meta SET schema_version = 99"),
    ),
    Fault(
        "store of an older package",
        "migrations",
        "this package needs",
        "updraft verify",
        store("UPDATE updraft_meta SET schema_version = 1"),
    ),
    Fault(
        "table that somebody dropped",
        "migrations",
        "lacks the table updraft_consumers",
        "restore the whole database",
        store("DROP TABLE updraft_consumers"),
    ),
    Fault(
        "column that somebody dropped",
        "migrations",
        "the column updraft_replicas.device",
        "restore the whole database",
        store("ALTER TABLE updraft_replicas DROP COLUMN device"),
    ),
    Fault(
        "restored backup",
        "epoch",
        "store's epoch is e1, Airflow remembers e7",
        "new-epoch",
        variable("updraft_epoch", "e7"),
    ),
    Fault(
        "Variable of the epoch deleted",
        "epoch",
        "the Variable updraft_epoch is missing",
        "airflow variables set updraft_epoch e1",
        variable("updraft_epoch", None, used=True),
        "warning",
    ),
    Fault(
        "clock behind by minutes",
        "clock",
        "300 s ahead of this host",
        "timedatectl",
        nothing,
        "failed",
        "postgres",
        wrong_clock(300),
    ),
    Fault(
        "clock ahead by seconds",
        "clock",
        "30 s behind this host",
        "timedatectl",
        nothing,
        "warning",
        "postgres",
        wrong_clock(-30),
    ),
    Fault(
        "short secret",
        "secret",
        "[updraft] secret: the shared secret has 7 characters",
        "openssl rand -hex 32",
        env(AIRFLOW__UPDRAFT__SECRET="hunter2"),
    ),
    Fault(
        "short secret in the Variable",
        "secret",
        "has 7 characters",
        "airflow variables set updraft_secret",
        variable("updraft_secret", "hunter2"),
    ),
    Fault(
        "secret that was deleted",
        "secret",
        "the Variable updraft_secret is missing",
        "backup",
        variable("updraft_secret", None, used=True),
        "warning",
    ),
    Fault(
        "secret where the API server does not look",
        "secret",
        "AIRFLOW_VAR_UPDRAFT_SECRET",
        "export AIRFLOW__UPDRAFT__SECRET",
        env(AIRFLOW_VAR_UPDRAFT_SECRET="x" * 40),
    ),
    Fault(
        "another Fernet key",
        "secret",
        "cannot be decrypted",
        "AIRFLOW__CORE__FERNET_KEY",
        other_fernet_key(has_none=False),
    ),
    Fault(
        "no Fernet key",
        "secret",
        "cannot be decrypted",
        "AIRFLOW__CORE__FERNET_KEY",
        other_fernet_key(has_none=True),
    ),
    Fault(
        "DAG processor with another secret",
        "published-key",
        "does not belong to the secret",
        "airflow dags reserialize",
        lambda _: publish("updraft-key: BElsewhere"),
    ),
    Fault(
        "DAG processor without the secret",
        "published-key",
        "publishes no key",
        "airflow dags reserialize",
        lambda _: publish("updraft-key: none-yet"),
        "warning",
    ),
    Fault(
        "no collections configured",
        "collections",
        "no collections are configured",
        "export AIRFLOW__UPDRAFT__COLLECTIONS=",
        env(AIRFLOW__UPDRAFT__COLLECTIONS=None),
    ),
    Fault(
        "collections.json that is missing",
        "collections",
        "cannot read /nowhere/collections.json",
        "mend /nowhere/collections.json",
        env(AIRFLOW__UPDRAFT__COLLECTIONS="/nowhere/collections.json"),
    ),
    Fault(
        "schema that is none",
        "collections",
        "asks: bad schema",
        "mend ",
        declare(lambda c: c["asks"].update(schema={"type": 7})),
    ),
    Fault(
        "index without a field",
        "collections",
        'no record can have a field "colour"',
        "mend ",
        declare(lambda c: c["asks"].update(indexes=["colour"])),
    ),
    Fault(
        "collection with a bad name",
        "collections",
        "a collection's name is",
        "mend ",
        declare(lambda c: c.update({"9 lives": c["asks"]})),
    ),
    Fault(
        "misspelt key",
        "collections",
        'Did you mean "write"?',
        "mend ",
        declare(lambda c: c["asks"].update(wrte="all")),
    ),
    Fault(
        "records nobody declares any more",
        "undeclared",
        "records of it in the store: 1",
        "declare it again",
        lambda well: (
            well.plugin.world.device().push(create("a")),
            well.declare(lambda c: c.pop("asks")),
        ),
        "warning",
    ),
    Fault(
        "source without a Connection",
        "source",
        "no Connection 'elsewhere'",
        "airflow connections add elsewhere",
        declare(lambda c: c["stock"]["source"].update(connection="elsewhere")),
    ),
    Fault(
        "source without a table",
        "source",
        "does not exist",
        "CREATE TABLE stock",
        warehouse("DROP TABLE stock"),
    ),
    Fault(
        "source without a required column",
        "source",
        "no column for the required name",
        "ALTER TABLE stock ADD COLUMN name",
        warehouse("ALTER TABLE stock DROP COLUMN name"),
    ),
    Fault(
        "source whose column is of another type",
        "source",
        "the column gives string, the field takes integer",
        'declare the field "count"',
        warehouse(
            "DROP TABLE stock", "CREATE TABLE stock (id TEXT PRIMARY KEY, name TEXT, count TEXT)"
        ),
    ),
    Fault(
        "target without its key",
        "target",
        "no key column 'id'",
        "ALTER TABLE visits",
        warehouse("DROP TABLE visits", "CREATE TABLE visits (site TEXT)"),
    ),
    Fault(
        "target whose database is missing",
        "target",
        "there is no file",
        "airflow connections get warehouse",
        env(AIRFLOW_CONN_WAREHOUSE='{"conn_type": "sqlite", "host": "/nowhere/w.db"}'),
    ),
    Fault(
        "target whose column is too short",
        "target",
        "longer than the column's 50 characters",
        "ALTER TABLE visits ALTER COLUMN site TYPE",
        visits(lambda v: v["schema"]["properties"]["site"].update(maxLength=80)),
    ),
    Fault(
        "target whose column is of another type",
        "target",
        "the text is no date",
        "ALTER COLUMN visited_on TYPE",
        visits(lambda v: v["schema"]["properties"].update(visited_on={"type": "string"})),
    ),
    Fault(
        "target whose mapped column is missing",
        "target",
        "has no columns ['place']",
        "ALTER TABLE visits",
        declare(lambda c: c["visits"]["target"].update(columns={"site": "place"})),
    ),
    Fault(
        "target with a column for a misspelt field",
        "target",
        "the schema declares no field 'raeding' for column reading",
        'correct "columns" in collections.json',
        declare(
            lambda c: c["visits"]["target"].update(columns={"site": "site", "raeding": "reading"})
        ),
        "warning",
    ),
    Fault(
        "target column that nobody fills",
        "target",
        "visits.team is NOT NULL without a default",
        "DROP NOT NULL",
        warehouse(
            "DROP TABLE visits",
            "CREATE TABLE visits (id TEXT PRIMARY KEY, site TEXT, team TEXT NOT NULL)",
        ),
    ),
    Fault(
        "target column NOT NULL, field optional",
        "target",
        "is NOT NULL, and the field may be absent",
        "DROP NOT NULL",
        visits(lambda v: v["schema"].update(required=["id"])),
        "warning",
    ),
    Fault(
        "no scheduler",
        "scheduler",
        "none is alive: the last heartbeat",
        "airflow scheduler",
        no_heartbeat("SchedulerJob"),
    ),
    Fault(
        "no DAG processor",
        "dag-processor",
        "none is alive",
        "airflow dag-processor",
        no_heartbeat("DagProcessorJob"),
    ),
    Fault(
        "no triggerer",
        "triggerer",
        "none is alive",
        "airflow triggerer",
        no_heartbeat("TriggererJob"),
        "warning",
    ),
    Fault(
        "no triggerer though DAGs wait for it",
        "triggerer",
        "none is alive",
        "airflow triggerer",
        no_triggerer_though_needed,
    ),
    Fault(
        "no stub in the DAG folder",
        "dag",
        "no file in the DAG folder gives this DAG",
        "printf 'from airflow_updraft.dags",
        no_dag,
    ),
    Fault(
        "stub that cannot be imported",
        "dag",
        "these have import errors: updraft_dags.py",
        "airflow dags list-import-errors",
        broken_file,
    ),
    Fault(
        "stub that broke since",
        "dag",
        "has import errors since it was parsed",
        "airflow dags list-import-errors",
        dag("updraft_sync", has_import_errors=True),
    ),
    Fault(
        "paused DAG",
        "dag",
        "the DAG is paused",
        "airflow dags unpause updraft_exchange",
        dag("updraft_exchange", is_paused=True),
    ),
    Fault(
        "no DAG exports to a target",
        "export",
        "no file in the DAG folder gives this DAG",
        "printf 'from airflow_updraft.dags",
        dag("updraft_export_visits", is_stale=True),
        "warning",
    ),
    Fault(
        "paused export",
        "export",
        "the DAG is paused",
        "airflow dags unpause updraft_export_visits",
        dag("updraft_export_visits", is_paused=True),
        "warning",
    ),
    Fault(
        "no pool", "pool", "there is no pool 'updraft'", "airflow pools set updraft 16", pool(None)
    ),
    Fault("pool without slots", "pool", "has no slots", "airflow pools set updraft 16", pool(0)),
    Fault(
        "pool of another name",
        "pool",
        "there is no pool 'phones'",
        "airflow pools set phones 16",
        env(AIRFLOW__UPDRAFT__POOL="phones"),
    ),
    Fault(
        "synchronization that failed",
        "last-sync",
        "ended failed",
        "airflow tasks states-for-dag-run updraft_sync scheduled__1",
        failed_run,
    ),
    Fault(
        "synchronization that is late",
        "last-sync",
        "has not begun",
        "airflow jobs check",
        dag("updraft_sync", next_dagrun_create_after=datetime(2026, 1, 1, tzinfo=UTC)),
        "warning",
    ),
    Fault(
        "consumer that lies still",
        "reader",
        "unread changes: 1, the oldest for 5 hours",
        "airflow dags list-runs",
        consumer("scoring", 0, age=timedelta(hours=5)),
        "warning",
    ),
    Fault(
        "target that lies still",
        "reader",
        "unread changes: 1",
        "airflow dags trigger updraft_sync",
        consumer("target", 0, age=timedelta(hours=5)),
        "warning",
    ),
    Fault(
        "consumer that was away too long",
        "reader",
        "deletions it never read are forgotten",
        "consumers restart asks scoring",
        consumer("scoring", -1),
    ),
    Fault(
        "change that a consumer refuses",
        "refused-changes",
        "has set aside: 1",
        "consumers list --refused asks scoring",
        refused_change,
        "warning",
    ),
    Fault(
        "row that its table refuses",
        "refused-rows",
        "refuses: 1",
        "updraft_refused_rows",
        refused_row,
        "warning",
    ),
    Fault(
        "plugin that is not installed",
        "plugin",
        "no entry point",
        "pip install --force-reinstall",
        no_plugin,
    ),
    Fault(
        "plugin that cannot be imported",
        "plugin",
        "No module named 'fastapi'",
        "pip install --upgrade",
        broken_plugin,
    ),
    Fault(
        "no base_url",
        "base-url",
        "is not set",
        "AIRFLOW__API__BASE_URL",
        env(AIRFLOW__API__BASE_URL=None),
        "warning",
    ),
    Fault(
        "base_url without https",
        "base-url",
        "is not https",
        "AIRFLOW__API__BASE_URL",
        env(AIRFLOW__API__BASE_URL="http://field.example/airflow"),
    ),
    Fault(
        "base_url that is no URL",
        "base-url",
        "is no URL",
        "AIRFLOW__API__BASE_URL",
        env(AIRFLOW__API__BASE_URL="field.example/airflow"),
    ),
    Fault(
        "public path that is another",
        "base-url",
        "devices come by '/'",
        "export AIRFLOW__API__BASE_URL=http://localhost:1",
        nothing,
        options={"url": "http://localhost:1"},
    ),
    Fault(
        "CORS with *",
        "cors",
        "access_control_allow_origins is *",
        "ORIGINS=https://app.example",
        env(**APP | ALL_HEADERS | {f"{CORS}ORIGINS": "*"}),
    ),
    Fault(
        "CORS with a path",
        "cors",
        "has a path",
        "ORIGINS=https://app.example",
        env(**APP | ALL_HEADERS | {f"{CORS}ORIGINS": "https://app.example/"}),
    ),
    Fault("CORS without an origin", "cors", "no origin is allowed", "ORIGINS=", env(**ALL_HEADERS)),
    Fault(
        "CORS without the headers",
        "cors",
        "lacks authorization, content-type, content-encoding, x-updraft",
        "HEADERS=authorization",
        env(**APP),
    ),
    Fault(
        "CORS without PATCH",
        "cors",
        "access_control_allow_methods lacks PATCH",
        "METHODS=GET,POST,PATCH",
        env(**APP | ALL_HEADERS | {f"{CORS}METHODS": "GET,POST"}),
        "warning",
    ),
    Fault(
        "API server that is down",
        "hello",
        "cannot be reached",
        "curl -i http://localhost:1",
        env(AIRFLOW__API__BASE_URL="http://localhost:1"),
    ),
    Fault(
        "page of a network",
        "hello",
        "answers with a page (200)",
        "proxy_pass",
        nothing,
        proxy="html",
    ),
    Fault(
        "Airflow without the plugin",
        "hello",
        "is Airflow, without the plugin",
        "restart it",
        nothing,
        proxy="no-plugin",
    ),
    Fault(
        "sign-in before Airflow",
        "hello",
        "sends on to sso.example (302)",
        "let the proxy pass",
        nothing,
        proxy="sign-in",
    ),
    Fault(
        "gateway without a server",
        "hello",
        "answers 502",
        "logs of proxy and API server",
        nothing,
        proxy="gateway",
    ),
    Fault(
        "wrong path",
        "hello",
        "has no route /updraft/v1/hello (404)",
        "airflow config get-value api base_url",
        nothing,
        proxy="path",
    ),
    Fault("something strange", "hello", "answers 418", "curl -i", nothing, proxy="strange"),
    Fault(
        "everybody let in",
        "hello",
        "without a sign-in",
        "ALL_ADMINS=False",
        nothing,
        "warning",
        proxy="open",
    ),
    Fault(
        "proxy that strips Authorization",
        "authorization",
        "does not reach Airflow",
        "proxy_set_header Authorization",
        nothing,
        proxy="authorization",
    ),
    Fault(
        "proxy that refuses large requests",
        "request-size",
        "(413)",
        "client_max_body_size 2m",
        nothing,
        proxy="size",
    ),
    Fault(
        "proxy that buffers",
        "live",
        "first line of the live stream did not come",
        "proxy_buffering off",
        nothing,
        proxy="buffering",
    ),
    Fault(
        "user nobody knows",
        "user",
        "knows no user 'nobody'",
        "nobody:user",
        nothing,
        options={"user": "nobody"},
    ),
    Fault(
        "user who may only read",
        "user",
        "may not trigger any",
        "vera:user",
        nothing,
        options={"user": "vera"},
    ),
    Fault(
        "two secrets for tokens",
        "signed-in",
        "refuses a token that was signed here",
        "AIRFLOW__API_AUTH__JWT_SECRET",
        other_jwt_secret,
    ),
    Fault(
        "API server with another store",
        "signed-in",
        "has another store (epoch e1, here e1x)",
        "restart it",
        other_store_in_the_api_server,
    ),
    Fault(
        "API server with another collections.json",
        "signed-in",
        "declares other collections than this command: asks",
        "restart it",
        lambda well: (well.plugin.get("/hello", "ana"), well.declare(lambda c: c.pop("asks"))),
    ),
    Fault(
        "API server whose store is down",
        "signed-in",
        "answers 503: no store here",
        "restart it",
        nothing,
        proxy="store",
    ),
    Fault(
        "misspelt option",
        "options",
        "has no option colections: did you mean collections?",
        "unset",
        env(AIRFLOW__UPDRAFT__COLECTIONS="x"),
        "warning",
    ),
    Fault(
        "option that is no number",
        "options",
        "tombstone_days is 'ninety'",
        "TOMBSTONE_DAYS=90",
        env(AIRFLOW__UPDRAFT__TOMBSTONE_DAYS="ninety"),
    ),
    Fault(
        "option that stops every exchange",
        "options",
        "exchanges_at_once is '0'",
        "EXCHANGES_AT_ONCE=4",
        env(AIRFLOW__UPDRAFT__EXCHANGES_AT_ONCE="0"),
    ),
)
"""Enough to have one for each row of the table; a test says so."""
