"""Runs both DAGs in the environment's Airflow, and writes findings as JSON (test_dags.py)."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from airflow.dag_processing.dagbag import DagBag
from airflow.models.asset import AssetDagRunQueue, AssetEvent, AssetModel
from airflow.models.dag import DagModel
from airflow.models.serialized_dag import SerializedDagModel
from airflow.models.trigger import Trigger
from airflow.models.variable import Variable
from airflow.models.xcom import XComModel
from airflow.sdk import DAG
from airflow.utils.db import initdb
from airflow.utils.session import create_session

from airflow_updraft.dags import updraft_sync
from airflow_updraft.dags.exchange import answer
from airflow_updraft.demo_seed import seed
from airflow_updraft.errors import NoTriggeringUserError

HOME = os.environ["AIRFLOW_HOME"]
USER = "dag_test"  # whom dag.test() names as the triggering user


def run(dag: DAG, conf: dict[str, Any] | None = None) -> dict[str, Any]:
    dag_run = dag.test(run_conf=conf)
    with create_session() as session:
        query = sa.select(XComModel).where(
            XComModel.run_id == dag_run.run_id, XComModel.key == "return_value"
        )
        stored = {
            row.task_id: row.value for row in session.scalars(query)
        }  # as the REST API returns dates
        states = {ti.task_id: str(ti.state) for ti in dag_run.get_task_instances(session=session)}
    main_task = dag.dag_id.removeprefix("updraft_")
    found = {"run": dag_run.run_id, "state": str(dag_run.state), "xcom": stored.get(main_task)}
    return found | {"xcoms": stored, "tasks": states}


def request(**more: Any) -> dict[str, str]:
    pull = {"protocol": 1, "replicaId": "r1", "user": USER, "epoch": None, "last": None}
    return {"updraft": json.dumps(pull | {"since": 0, "floor": 0, "limit": 100} | more)}


def describe(dag: Any) -> dict[str, Any]:
    return {
        "schedule": dag.schedule
        if not isinstance(dag.schedule, list)
        else [asset.uri for asset in dag.schedule],
        "paused": dag.is_paused_upon_creation,
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "tasks": {t.task_id: {"pool": t.pool, "retries": t.retries} for t in dag.tasks},
    }


def published_doc() -> Any:
    """Return the DAG's doc as the REST API shows the doc after Airflow's own parse.

    A parse in this process would say less: only tasks and the DAG processor can read Variables.
    """
    command = [sys.executable, "-m", "airflow", "dag-processor", "--num-runs", "1"]
    # Without half a minute's wait after the writes of dag.test().
    at_once = {"AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0"}
    done = subprocess.run(
        command, env=os.environ | at_once, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    with create_session() as session:
        dag = SerializedDagModel.get_dag("updraft_exchange", session=session)
        assert dag is not None
        return dag.doc_md


def sql(text: str) -> list[Any]:
    engine = sa.create_engine(f"sqlite:///{HOME}/demo.db")
    with engine.begin() as conn:
        result = conn.execute(sa.text(text))
        return list(result.all()) if result.returns_rows else []


def revision() -> int:
    with sa.create_engine(f"sqlite:///{HOME}/store.db").connect() as conn:
        return int(conn.execute(sa.text("SELECT revision FROM updraft_meta")).scalar_one())


def run_pipelines(exchange: DAG, put: dict[str, Any], epoch: str) -> dict[str, Any]:
    """Run the demo's pipeline and that of docs/dag-authors.md at each ring; return the results."""
    captured = {
        "i2": {"site": "A7", "status": "fail"},
        "i3": {"site": "nowhere", "status": "ok"},
        "i4": {"site": "B2", "status": "watch", "reading": 700},
    }
    mutations = [put | {"id": record_id, "set": fields} for record_id, fields in captured.items()]
    batch = json.dumps({"number": 2, "nonce": "m", "mutations": mutations})
    digest = hashlib.sha256(batch.encode()).hexdigest()
    run(exchange, request(epoch=epoch, batch=batch, hash=digest, last={"number": 1, "nonce": "n"}))
    bag = DagBag(os.environ["UPDRAFT_TEST_PIPELINES"])
    before = revision()
    runs = {"example": [run(bag.dags["follow_up"])]}
    runs["scoring"] = [run(bag.dags["inspection_scoring"]) for _ in range(3)]
    after = revision()
    runs["example"].append(run(bag.dags["follow_up"]))
    settled = revision()
    runs["forward"] = [run(bag.dags["forward"]) for _ in range(2)]
    runs["mapped"] = [run(bag.dags["score_each"]) for _ in range(2)]
    with sa.create_engine(f"sqlite:///{HOME}/store.db").connect() as conn:
        query = (
            "SELECT collection, id, fields, updated_by FROM updraft_records "
            "WHERE collection <> 'sites' ORDER BY 1, 2"
        )
        set_aside = [
            list(row)
            for row in conn.execute(sa.text("SELECT id, message FROM updraft_refused_changes"))
        ]
        records = {
            f"{row[0]}/{row[1]}": [json.loads(row[2]), row[3]]
            for row in conn.execute(sa.text(query))
        }
    return {
        "pipeline_errors": bag.import_errors,
        "pipeline_states": {
            name: [done["state"] for done in all_runs] for name, all_runs in runs.items()
        },
        "forwarded": [done["xcoms"].get("forward") for done in runs["forward"]],
        "set_aside": set_aside,
        "mapped_found": [len(done["xcoms"]["read"]) for done in runs["mapped"]],
        "outcomes": [done["xcoms"].get("score") for done in runs["scoring"]],
        "open_tasks": [done["xcoms"].get("follow_up") for done in runs["example"]],
        "pipeline_records": records,
        "pipeline_revisions": [before, after, settled],
    }


def run_export(bag: DagBag, exchange: DAG, put: dict[str, Any], epoch: str) -> dict[str, Any]:
    """Run the export as the target's bell does, and twice more than there is news."""
    export = bag.dags["updraft_export_inspections"]
    runs = [run(export), run(export)]
    mutations = [put | {"id": "x1", "set": {"site": "B2", "status": "fail"}}]
    batch = json.dumps({"number": 1, "nonce": "x", "mutations": mutations})
    digest = hashlib.sha256(batch.encode()).hexdigest()
    run(exchange, request(replicaId="r2", epoch=epoch, batch=batch, hash=digest))
    runs += [run(export), run(export)]
    told = [target_events()]
    # The schedule moves a row, and the bell's run, which finds it done, makes the event.
    batch = batch.replace('"x1"', '"x2"').replace('"number": 1', '"number": 2')
    digest = hashlib.sha256(batch.encode()).hexdigest()
    last = {"number": 1, "nonce": "x"}
    run(exchange, request(replicaId="r2", epoch=epoch, batch=batch, hash=digest, last=last))
    run(bag.dags["updraft_sync"])
    told.append(target_events())
    runs += [run(export), run(export)]
    told.append(target_events())
    return {
        "exports": runs,
        "export_row": [list(row) for row in sql(EXPORTED)],
        "target_events": told,
        "followers": followers(),
    }


def target_events() -> list[Any]:
    """Return the extra of each event of the target's asset."""
    query = sa.select(AssetEvent).join(AssetModel, AssetModel.id == AssetEvent.asset_id)
    with create_session() as session:
        events = session.scalars(query.where(AssetModel.uri == TARGET).order_by(AssetEvent.id))
        return [event.extra for event in events]


def followers() -> dict[str, Any]:
    """Return the DAGs that the target's event has queued, and run the documented one."""
    with create_session() as session:
        queued = list(session.scalars(sa.select(AssetDagRunQueue.target_dag_id)))
    sql("CREATE TABLE per_site (site TEXT, visits INTEGER)")
    done = run(DagBag(os.environ["UPDRAFT_TEST_PIPELINES"]).dags["per_site"])
    counted = [list(row) for row in sql("SELECT site, visits FROM per_site ORDER BY site")]
    expected = [list(row) for row in sql(PER_SITE)]
    return {"queued": queued, "state": done["state"], "is_counted": counted == expected}


TARGET = "x-updraft://inspections/target"
PER_SITE = "SELECT site, count(*) FROM inspections GROUP BY site ORDER BY site"


BELL = "x-updraft://inspections/for-its-target"
EXPORTED = "SELECT site, status FROM inspections WHERE id = 'x1'"


def parsed_export() -> dict[str, Any]:
    """Return what the scheduler and triggerer know of the export, after Airflow's own parse."""
    with create_session() as session:
        dag = session.get(DagModel, "updraft_export_inspections")
        assert dag is not None
        bells = sa.select(Trigger).where(Trigger.assets.any(AssetModel.uri == BELL))
        watched = [bell.classpath for bell in session.scalars(bells)]
        return {"schedule": dag.asset_expression, "watched": watched}


def with_options() -> dict[str, Any]:
    """Parse the stub of docs/operations.md as Airflow does; describe its DAGs and a refused one."""
    text = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")
    stub = next(block for block in text.split("```python\n") if block.startswith("# dags/"))
    folder = Path(HOME) / "with-options"
    folder.mkdir()
    (folder / "updraft_dags.py").write_text(stub.split("```")[0])
    for name, call in REFUSED_OPTIONS.items():
        lines = ["from airflow.sdk import Param", "from airflow_updraft.dags import *", call]
        (folder / f"{name}.py").write_text("\n".join(lines))
    bag = DagBag(folder)
    return {
        "refused": {Path(file).stem: error for file, error in bag.import_errors.items()},
        "dags": {
            dag_id: describe(dag)
            | {
                "queues": [task.queue for task in dag.tasks],
                "owner": dag.owner,
                "calls_on_failure": dag.has_on_failure_callback,
            }
            for dag_id, dag in bag.dags.items()
        },
    }


REFUSED_OPTIONS = {
    "misspelt": "updraft_exchange(que='phones')",
    "nobody_gives_it": "updraft_sync(params={'day': Param(type='string')})",
    "no_such_executor": "updraft_exports(executor='NoSuchExecutor')",
}


def run_with_alerts() -> dict[str, Any]:
    """Synchronize while devices are overdue: the callback fails, hears, has heard already."""
    heard: list[Any] = []

    def no_mail(alerts: list[Any]) -> None:
        raise OSError(f"no mail server for {len(alerts)}")

    os.environ["AIRFLOW__UPDRAFT__OVERDUE_DAYS"] = "0.00000001"
    runs = [run(updraft_sync(on_alert=call)) for call in (no_mail, heard.append, heard.append)]
    del os.environ["AIRFLOW__UPDRAFT__OVERDUE_DAYS"]
    return {"alerting": [done["tasks"]["sync"] for done in runs], "heard": heard}


def run_with_another_epoch(sync: DAG) -> dict[str, Any]:
    """Synchronize a store that is not the one whose epoch Airflow keeps."""
    epoch = Variable.get("updraft_epoch")
    Variable.set("updraft_epoch", "of another store")
    done = run(sync)
    Variable.set("updraft_epoch", epoch)
    return {"kept_store": Variable.get("updraft_store"), "other_epoch_sync": done}


def main() -> dict[str, Any]:
    initdb()
    seed(sa.create_engine(f"sqlite:///{HOME}/demo.db"))
    bag = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
    exchange, sync = bag.dags["updraft_exchange"], bag.dags["updraft_sync"]
    found: dict[str, Any] = {
        "import_errors": bag.import_errors,
        "dags": {dag_id: describe(dag) for dag_id, dag in bag.dags.items()},
    }
    found["with_options"] = with_options()
    found["no_store"] = run(exchange, request())
    try:
        answer(USER, request(), "a run")
    except Exception as error:
        found["no_store"]["error"] = str(error)
    os.environ["AIRFLOW_CONN_UPDRAFT_DEFAULT"] = os.environ["UPDRAFT_TEST_STORE"]
    run(sync)
    found["pull"] = run(exchange, request())
    found["kept_epoch"] = Variable.get("updraft_epoch")
    found["kept_secret"] = Variable.get("updraft_secret")
    found["doc"] = published_doc()
    found["parsed_export"] = parsed_export()
    with create_session() as session:  # as a person does: a paused DAG gets no events
        session.execute(
            sa.update(DagModel).where(DagModel.dag_id == "per_site").values(is_paused=False)
        )
    found["doc_without_store"] = exchange.doc_md
    found["as_another"] = run(exchange, request(user="ana"))
    before = revision()
    found["malformed"] = [
        run(exchange, conf)["xcom"]
        for conf in (None, {"updraft": {"protocol": 1}}, {"updraft": "{"})
    ]
    found["malformed_wrote"] = revision() != before
    try:
        answer(None, request(), "a run")
    except NoTriggeringUserError as error:
        found["nobody"] = str(error)
    put = {
        "collection": "inspections",
        "id": "i1",
        "firstSeq": 1,
        "lastSeq": 1,
        "baseRevision": 0,
        "op": "create",
    }
    mutations = [put | {"set": {"site": "A7", "status": "ok"}}]
    batch = json.dumps({"number": 1, "nonce": "n", "mutations": mutations})
    digest = hashlib.sha256(batch.encode()).hexdigest()
    run(exchange, request(epoch=found["kept_epoch"], batch=batch, hash=digest))
    found["sync"] = run(sync)
    found |= run_with_alerts()
    sql("DROP TABLE sites")
    found["failed_sync"] = run(sync)
    found |= run_pipelines(exchange, put, str(found["kept_epoch"]))
    found |= run_export(bag, exchange, put, str(found["kept_epoch"]))
    found |= run_with_another_epoch(sync)
    with sa.create_engine(f"sqlite:///{HOME}/store.db").begin() as conn:
        conn.execute(
            sa.text("UPDATE updraft_records SET revision = revision + 100 WHERE id = 'i1'")
        )
    found["corrupt_sync"] = run(sync)
    return found


if __name__ == "__main__":
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        json.dump(main(), file)
