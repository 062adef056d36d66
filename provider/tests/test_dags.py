"""The DAGs in a real Airflow, a process for all, with a SQLite file in a temporary AIRFLOW_HOME."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from airflow_updraft.exchange.signature import public_key, signed_text

PROVIDER = Path(__file__).parents[1]
SCRIPT = Path(__file__).parent / "run_dags.py"


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run tests/run_dags.py in a separate Airflow and return the findings."""
    home = tmp_path_factory.mktemp("airflow")
    environment = dict(os.environ) | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROVIDER / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        # As the demo's: the first Variable that a DAG file reads loads Airflow's API, half a minute
        # beside busy cores.
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "120",
        "AIRFLOW__UPDRAFT__COLLECTIONS": str(PROVIDER.parent / "demo" / "collections.json"),
        "AIRFLOW__UPDRAFT__SYNC_SCHEDULE": "* * * * *",
        "AIRFLOW_CONN_UPDRAFT_DEMO": json.dumps({"conn_type": "sqlite", "host": f"{home}/demo.db"}),
        "UPDRAFT_TEST_STORE": json.dumps({"conn_type": "sqlite", "host": f"{home}/store.db"}),
    }
    pipelines = home / "pipelines"
    pipelines.mkdir()
    environment["UPDRAFT_TEST_PIPELINES"] = str(pipelines)
    local = {"classpath": "airflow.dag_processing.bundles.local.LocalDagBundle"}
    bundles = [
        local | {"name": "dags-folder", "kwargs": {}},
        local | {"name": "pipelines", "kwargs": {"path": str(pipelines)}},
    ]
    environment["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"] = json.dumps(bundles)
    demo = PROVIDER.parent / "demo" / "dags" / "inspection_scoring.py"
    (pipelines / demo.name).write_text(demo.read_text())
    text = (PROVIDER.parent / "docs" / "dag-authors.md").read_text()
    for block in text.split("```python\n")[1:]:
        code = block.split("```")[0]
        if code.startswith("# dags/"):
            (pipelines / code.splitlines()[0].removeprefix("# dags/")).write_text(code)
    command = [sys.executable, str(SCRIPT), str(home / "found.json")]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-5000:]
    found: dict[str, Any] = json.loads((home / "found.json").read_text())
    return found


def test_stub_makes_airflow_find_all_dags(ran: dict[str, Any]) -> None:
    assert ran["import_errors"] == {}
    assert set(ran["dags"]) == {"updraft_exchange", "updraft_export_inspections", "updraft_sync"}


def test_dags_take_what_an_installation_needs(ran: dict[str, Any]) -> None:
    dags = ran["with_options"]["dags"]
    assert set(dags) == {"updraft_exchange", "updraft_export_inspections", "updraft_sync"}
    assert dags["updraft_exchange"]["queues"] == ["phones"]
    assert dags["updraft_exchange"]["owner"] == "field"
    assert set(dags["updraft_sync"]["queues"]) == {"tables"}
    assert dags["updraft_export_inspections"]["queues"] == ["tables"]
    assert {name: dag["calls_on_failure"] for name, dag in dags.items()} == {
        "updraft_exchange": False,
        "updraft_export_inspections": True,
        "updraft_sync": True,
    }
    for name, plain in ran["dags"].items():
        assert {key: dags[name][key] for key in plain} == plain, "what is needed stays"


def test_alerts_are_given_once_and_again_where_nobody_heard(ran: dict[str, Any]) -> None:
    assert ran["alerting"] == ["failed", "success", "success"]
    [alerts] = ran["heard"]
    assert alerts == [{"kind": "overdue", "about": "devices", "count": 1}]


def test_options_that_would_do_something_else_are_refused(ran: dict[str, Any]) -> None:
    refused = ran["with_options"]["refused"]
    assert "updraft_exchange() has no option 'que'. Did you mean 'queue'?" in refused["misspelt"]
    assert "'day' has no default" in refused["nobody_gives_it"]
    assert "NoSuchExecutor" in refused["no_such_executor"]
    assert set(refused) == {"misspelt", "nobody_gives_it", "no_such_executor"}


def test_export_is_started_by_its_targets_bell_one_run_at_a_time(ran: dict[str, Any]) -> None:
    export = ran["dags"]["updraft_export_inspections"]
    assert export["schedule"] == ["x-updraft://inspections/for-its-target"]
    assert (export["max_active_runs"], export["paused"], export["catchup"]) == (1, False, False)
    assert list(export["tasks"]) == ["export"]
    parsed = ran["parsed_export"]
    assert parsed["schedule"]["all"][0]["asset"]["uri"] == "x-updraft://inspections/for-its-target"
    assert parsed["watched"] == ["airflow_updraft.trigger.TargetBehindTrigger"]


def test_export_writes_what_the_table_lacks_and_is_skipped_where_it_lacks_nothing(
    ran: dict[str, Any],
) -> None:
    assert [done["tasks"] for done in ran["exports"]] == [
        {"export": "success"},
        {"export": "skipped"},
        {"export": "success"},
        {"export": "skipped"},
        {"export": "success"},
        {"export": "skipped"},
    ]
    assert ran["exports"][2]["xcoms"]["export"]["written"] == 1
    assert ran["export_row"] == [["B2", "fail"]]


def test_target_is_an_asset_with_an_event_whenever_rows_have_moved(ran: dict[str, Any]) -> None:
    """fault 78: rows that the schedule moved are told of by the bell's next run."""
    before, after_schedule, in_the_end = ran["target_events"]
    assert [len(before), len(after_schedule), len(in_the_end)] == [2, 2, 3]
    assert [event["collection"] for event in in_the_end] == ["inspections"] * 3
    assert in_the_end[1]["untold"] == 1
    assert before[0]["revision"] < before[1]["revision"] < in_the_end[2]["revision"]


def test_dag_of_the_docs_follows_the_target(ran: dict[str, Any]) -> None:
    assert ran["followers"] == {"queued": ["per_site"], "state": "success", "is_counted": True}


def test_broken_declaration_takes_no_other_dag_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """An export that cannot be made must not keep devices from exchanging."""
    from airflow_updraft import dags

    monkeypatch.setenv("AIRFLOW__UPDRAFT__COLLECTIONS", "/nowhere/collections.json")
    assert dags.updraft_exports() == []


def test_exchange_is_unpaused_unscheduled_retried_and_in_its_own_pool(ran: dict[str, Any]) -> None:
    exchange = ran["dags"]["updraft_exchange"]
    assert exchange["schedule"] is None
    assert exchange["paused"] is False
    assert exchange["tasks"] == {"exchange": {"pool": "updraft", "retries": 2}}
    assert exchange["max_active_runs"] == 64


def test_sync_is_scheduled_by_config_one_run_at_a_time_without_catchup(ran: dict[str, Any]) -> None:
    sync = ran["dags"]["updraft_sync"]
    assert (sync["schedule"], sync["paused"], sync["catchup"]) == ("* * * * *", False, False)
    assert (sync["max_active_runs"], sorted(sync["tasks"])) == (1, ["prune", "sync", "verify"])


def test_missing_store_fails_clearly_without_retry(ran: dict[str, Any]) -> None:
    assert ran["no_store"]["state"] == "failed"
    assert "store_not_configured" in ran["no_store"]["error"]
    assert "airflow connections add updraft_default" in ran["no_store"]["error"]


def test_response_is_a_json_string_in_xcom(ran: dict[str, Any]) -> None:
    assert ran["pull"]["state"] == "success"
    response = json.loads(ran["pull"]["xcom"])
    assert response["reset"] is True
    assert len(response["changes"]) == 12


def test_user_is_the_triggering_one_never_conf(ran: dict[str, Any]) -> None:
    response = json.loads(ran["as_another"]["xcom"])
    assert response["refused"] == "user_mismatch"


def test_malformed_conf_gets_a_clear_answer_and_writes_nothing(ran: dict[str, Any]) -> None:
    for answer in ran["malformed"]:
        response = json.loads(answer)
        assert (response["refused"], response["reason"]["kind"]) == ("invalid", "malformed")
    assert ran["malformed_wrote"] is False


def test_run_that_nobody_triggered_fails_clearly(ran: dict[str, Any]) -> None:
    assert "no triggering user" in ran["nobody"]


def test_sync_imports_and_exports_and_reports_as_xcom(ran: dict[str, Any]) -> None:
    report = ran["sync"]["xcom"]
    assert ran["sync"]["state"] == "success"
    assert report["collections"]["sites"]["source"]["rows"] == 12
    assert report["collections"]["inspections"]["target"]["written"] == 1
    assert report["deviceCount"] == 1
    assert "dag_test" not in json.dumps(report), "case B11: who has a device is for operators"


def test_epoch_is_kept_in_a_variable(ran: dict[str, Any]) -> None:
    assert ran["kept_epoch"] == json.loads(ran["pull"]["xcom"])["epoch"]


def test_case_b3_answer_is_signed_with_the_key_that_the_dag_publishes(ran: dict[str, Any]) -> None:
    """case B3: a device reads the key in the DAG's description, and verifies the answer's very
    text."""
    assert ran["doc_without_store"].endswith("updraft-key: none-yet"), "never no key at all"
    key = ran["doc"].split("updraft-key: ")[1]
    assert key == public_key(ran["kept_secret"])
    text, signature = ran["pull"]["xcom"].removesuffix('"}').split(',"signature":"')
    raw = base64.b64decode(signature)
    der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), base64.b64decode(key))
    for run_id, user in (
        (ran["pull"]["run"], "dag_test"),
        ("another run", "dag_test"),
        (ran["pull"]["run"], "ben"),
    ):
        is_its_own = (run_id, user) == (ran["pull"]["run"], "dag_test")
        with nullcontext() if is_its_own else pytest.raises(InvalidSignature):
            point.verify(der, signed_text(text + "}", run_id, user), ec.ECDSA(hashes.SHA256()))


def test_sync_that_failed_keeps_its_report(ran: dict[str, Any]) -> None:
    assert ran["failed_sync"]["state"] == "failed"
    assert "does not exist" in ran["failed_sync"]["xcom"]["collections"]["sites"]["error"]
    assert ran["failed_sync"]["xcom"]["collections"]["inspections"]["target"]["written"] == 0


def test_failed_synchronization_keeps_the_store_verified_and_pruned(ran: dict[str, Any]) -> None:
    assert ran["failed_sync"]["tasks"] == {
        "sync": "failed",
        "verify": "success",
        "prune": "success",
    }
    assert ran["failed_sync"]["xcoms"]["verify"]["violations"] == []
    assert ran["failed_sync"]["xcoms"]["prune"] == {
        "horizon": 0,
        "tombstones": 0,
        "gone": 0,
        "heldBackBy": [],
        "expired": [],
    }


def test_case_c10_nothing_is_exported_of_a_store_with_another_epoch(ran: dict[str, Any]) -> None:
    """case C10: verify was green, and the wrong store was exported."""
    other = ran["other_epoch_sync"]
    assert (other["tasks"]["sync"], other["tasks"]["verify"]) == ("failed", "failed")
    assert "sync" not in other["xcoms"], "nothing was done that could be reported"
    (violation,) = other["xcoms"]["verify"]["violations"]
    assert violation["rule"] == "the store has the epoch that Airflow keeps"
    assert int(ran["kept_store"].split(":")[1]) > 0, "the revision reached, kept by the sync"


def test_store_that_is_not_in_order_fails_the_run_and_is_not_pruned(ran: dict[str, Any]) -> None:
    corrupt = ran["corrupt_sync"]
    assert corrupt["state"] == "failed"
    assert (corrupt["tasks"]["verify"], corrupt["tasks"]["prune"]) == ("failed", "upstream_failed")
    violation = corrupt["xcoms"]["verify"]["violations"][0]
    assert "'i1'" in violation["where"][0]
    assert "new-epoch" in violation["todo"]


def test_example_of_the_docs_and_the_demos_pipeline_run(ran: dict[str, Any]) -> None:
    assert ran["pipeline_errors"] == {}
    assert ran["pipeline_states"] == {
        "example": ["success"] * 2,
        "scoring": ["success"] * 3,
        "forward": ["success"] * 2,
        "mapped": ["success"] * 2,
    }


def test_case_c8_example_that_writes_nothing_back_is_handed_everything_once(
    ran: dict[str, Any],
) -> None:
    assert ran["forwarded"] == [1, 0]
    assert sorted(record_id for record_id, _ in ran["set_aside"]) == ["i1", "i2", "i3"]
    assert {words for _, words in ran["set_aside"]} == {"it has no reading"}


def test_case_c9_mapped_example_acknowledges_when_all_is_scored(ran: dict[str, Any]) -> None:
    assert ran["mapped_found"] == [4, 0]


def test_example_plans_a_visit_once(ran: dict[str, Any]) -> None:
    assert ran["open_tasks"] == [1, 2]  # the demo writes the other in between
    task, by = ran["pipeline_records"]["tasks/i2"]
    assert task == {"site": "A7", "title": "Visit A7 again", "done": False}
    assert by.startswith("follow_up/")
    assert by.endswith("/follow_up")


def test_captured_inspections_are_scored_and_the_pipeline_comes_to_rest(
    ran: dict[str, Any],
) -> None:
    records = {name: record for name, (record, _) in ran["pipeline_records"].items()}
    assert records["inspections/i1"] == {
        "site": "A7",
        "status": "ok",
        "score": 100,
        "outcome": "ok",
    }
    assert (records["inspections/i2"]["score"], records["inspections/i2"]["outcome"]) == (
        20,
        "follow-up needed",
    )
    assert records["inspections/i3"] == {
        "site": "nowhere",
        "status": "ok",
        "outcome": "rejected by validation: site unknown",
    }
    assert records["inspections/i4"]["score"] == 45
    assert [name for name in records if name.startswith("tasks/")] == ["tasks/i2", "tasks/i4"]
    assert ran["pipeline_records"]["inspections/i2"][1].startswith("inspection_scoring/")
    first, again, at_rest = ran["outcomes"]
    assert (
        first
        == again
        == {"ok": 1, "follow-up needed": 2, "rejected by validation: site unknown": 1}
    )
    assert at_rest == {}
    before, after, settled = ran["pipeline_revisions"]
    # The example writes a task and an outcome; the demo four inspections and the other task; then
    # nothing.
    assert (after - before, settled - after) == (7, 0)
