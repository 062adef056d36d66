"""The check of a well installation, and the guarantees of the table and the runner."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from well_site import Well

from airflow_updraft.check.finding import Verdict, Verdicts, failed, ok
from airflow_updraft.check.report import as_json, as_text
from airflow_updraft.check.run import Check, run_checks
from airflow_updraft.check.site import Site
from airflow_updraft.check.table import CHECKS


def test_installation_that_is_well_is_all_green(well: Well) -> None:
    findings = well.findings()
    assert {finding.name: finding for finding in findings if finding.state != "ok"} == {}
    assert {finding.name.split()[0] for finding in findings} == {check.name for check in CHECKS}
    assert as_json(findings)["state"] == "ok"


def test_page_shows_the_findings_and_says_what_needs_a_command_line(well: Well) -> None:
    answer = well.plugin.get("/health", "olga").json()
    states = {finding["name"]: finding["state"] for finding in answer["findings"]}
    assert answer["state"] == "ok"
    assert (states["store"], states["target visits"], states["plugin"]) == ("ok", "ok", "ok")
    skipped = {f["name"]: f["what"] for f in answer["findings"] if f["state"] == "skipped"}
    assert set(skipped) == {check.name for check in CHECKS if not check.on_page}
    assert set(skipped.values()) == {"only on the command line: airflow updraft check"}


def test_page_shows_health_though_there_is_no_store(
    well: Well, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_UPDRAFT_DEFAULT")
    well.plugin.restart()
    assert well.plugin.get("/overview", "olga").status_code == 503
    answer = well.plugin.get("/health", "olga").json()
    (finding,) = [f for f in answer["findings"] if f["state"] == "failed"]
    assert (finding["name"], "airflow connections add" in finding["mend"]) == ("connection", True)


@pytest.mark.parametrize("user", ["ana", "vera"])
def test_health_is_for_operators(well: Well, user: str) -> None:
    assert well.plugin.get("/health", user).status_code == 403


def checks(*runs: Any) -> tuple[Check, ...]:
    return tuple(Check(f"c{at}", run, needs) for at, (run, needs) in enumerate(runs))


def well_part(_: Site) -> Verdicts:
    yield ok("here")


class Hanging:
    """A part of a check that does not end before the test lets it."""

    def __init__(self) -> None:
        self.end, self.ended = threading.Event(), threading.Event()

    def __call__(self, _: Site) -> Verdicts:
        yield ok("first")
        self.end.wait(60)
        self.ended.set()


def breaking_part(_: Site) -> Verdicts:
    yield ok("first")
    raise ValueError("a record's own words")


def test_check_that_hangs_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow_updraft.check.run.CHECK_SECONDS_MAX", 1.0)
    hanging = Hanging()
    findings = run_checks(Site(), checks((hanging, ()), (well_part, ())))
    assert not hanging.ended.is_set()
    hanging.end.set()
    assert [(f.name, f.state) for f in findings] == [("c0", "ok"), ("c0", "failed"), ("c1", "ok")]
    assert "no answer within" in findings[1].what


def test_check_that_breaks_is_a_finding_without_what_it_quotes() -> None:
    findings = run_checks(
        Site(), checks((breaking_part, ()), (well_part, ("c0",)), (well_part, ()))
    )
    assert [(f.name, f.state) for f in findings] == [
        ("c0", "ok"),
        ("c0", "failed"),
        ("c1", "skipped"),
        ("c2", "ok"),
    ]
    assert "the check itself broke: ValueError at test_check.py" in findings[1].what
    assert "a record's own words" not in json.dumps(as_json(findings))
    assert findings[2].what == "needs c0"


def test_checks_without_time_left_are_skipped() -> None:
    findings = run_checks(Site(), checks((well_part, ())), seconds_max=0)
    assert [(f.state, "no time was left" in f.what) for f in findings] == [("skipped", True)]


def test_every_needed_check_comes_before() -> None:
    names = [check.name for check in CHECKS]
    assert len(set(names)) == len(names)
    for at, check in enumerate(CHECKS):
        assert set(check.needs) <= set(names[:at]), check.name


def failing_part(_: Site) -> Verdicts:
    yield failed(
        "word " * 40, "another reason", "airflow connections add " + "x" * 150, about="of something"
    )


def test_text_is_aligned_and_keeps_commands_whole() -> None:
    text = as_text(run_checks(Site(), checks((well_part, ()), (failing_part, ()))))
    lines = text.splitlines()
    assert lines[0] == "ok       c0               here"
    assert lines[1].startswith("FAILED   c1 of something  word word")
    assert max(len(line) for line in lines if "mend:" not in line) <= 100
    assert any(line.endswith("x" * 150) for line in lines)
    assert lines[-1] == "1 failed, 0 warnings, 1 well, 0 skipped."


@pytest.mark.parametrize(
    ("states", "strict", "status"),
    [
        (["ok", "skipped"], True, 0),
        (["ok", "warning"], False, 0),
        (["ok", "warning"], True, 1),
        (["warning", "failed"], False, 1),
    ],
)
def test_exit_status_follows_the_worst(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    states: list[Any],
    strict: bool,
    status: int,
) -> None:
    from airflow_updraft.cli import main

    def run(site: Site) -> Iterator[Verdict]:
        assert (site.user, site.url) == ("ana", "https://x.example")
        yield from (Verdict(state, "words") for state in states)

    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "server")
    monkeypatch.setattr("airflow_updraft.check.table.CHECKS", (Check("c", run),))
    options = [
        "--user",
        "ana",
        "--url",
        "https://x.example",
        "--json",
        *(["--strict"] if strict else []),
    ]
    assert main(["check", *options]) == status
    report = json.loads(capsys.readouterr().out)
    assert [finding["state"] for finding in report["findings"]] == states


def test_checks_change_nothing(well: Well) -> None:
    well.plugin.get("/hello", "ana")  # the API server bonds its store when it is first asked
    before = well.plugin.world.snapshot()
    tables = set(sa.inspect(well.engine).get_table_names())
    well.findings()
    assert well.plugin.world.snapshot() == before
    assert set(sa.inspect(well.engine).get_table_names()) == tables


def test_command_prints_json_alone(tmp_path: Path) -> None:
    """Airflow logs to standard output, too."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")
    }
    command = [sys.executable, "-m", "airflow_updraft", "check", "--json"]
    home = environment | {"AIRFLOW_HOME": str(tmp_path)}
    done = subprocess.run(command, env=home, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr[-2000:]
    states = {finding["name"]: finding["state"] for finding in json.loads(done.stdout)["findings"]}
    assert (states["airflow-database"], states["connection"], states["pool"]) == (
        "failed",
        "failed",
        "skipped",
    )
    assert "Traceback" not in done.stdout + done.stderr


def test_airflows_own_command_line_has_the_command() -> None:
    from airflow_updraft.cli import airflow_commands

    (group,) = airflow_commands()
    (found,) = [command for command in group.subcommands if command.name == "check"]
    assert [arg.flags for arg in found.args] == [
        ("--user",),
        ("--url",),
        ("--json",),
        ("--strict",),
    ]
