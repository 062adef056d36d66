"""The command after a restore, run by an operator: a shell with Airflow's environment alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa
from world import KeptEpoch, World, create, patch

from airflow_updraft.exchange.new_epoch import begin_epoch, store_state
from airflow_updraft.store import tables

PACKAGE = [sys.executable, "-m", "airflow_updraft"]


def test_every_device_reads_again_and_sends_what_it_has(world: World) -> None:
    world.keeper = KeptEpoch("e1")
    device = world.device()
    device.push(create("a", note="n"))
    backup = world.snapshot()
    device.push(patch("a", base=1, note="lost"))
    world.restore(backup)
    assert world.keeper
    epoch = begin_epoch(world.engine, world.keeper)
    assert (world.keeper.epoch, epoch) == (epoch, store_state(world.engine, world.keeper).epoch)
    answer = device.pull()
    assert (answer["epoch"], answer["reset"], [c["record"] for c in answer["changes"]]) == (
        epoch,
        True,
        [{"id": "a", "note": "n"}],
    )
    assert device.pull()["reset"] is False


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of an Airflow with a database, and a store whose Connection is in that
    database."""
    home = tmp_path_factory.mktemp("airflow")
    environment = dict(os.environ) | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }
    connection = json.dumps({"conn_type": "sqlite", "host": f"{home}/store.db"})
    airflow(environment, "db", "migrate")
    airflow(environment, "connections", "add", "updraft_default", "--conn-json", connection)
    tables.create_store(store(environment), lambda: "before")
    return environment


def airflow(environment: dict[str, str], *arguments: str) -> str:
    return run(environment, [sys.executable, "-m", "airflow", *arguments]).stdout


def run(
    environment: dict[str, str], command: Sequence[str], expected: int = 0
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == expected, done.stdout + done.stderr
    return done


def store(environment: dict[str, str]) -> sa.Engine:
    return sa.create_engine(f"sqlite:///{Path(environment['AIRFLOW_HOME']) / 'store.db'}")


def epoch_of(environment: dict[str, str]) -> str:
    with store(environment).connect() as conn:
        return str(conn.scalar(sa.select(tables.meta.c.epoch)))


def kept(environment: dict[str, str]) -> str:
    return airflow(environment, "variables", "get", "updraft_epoch").strip()


def test_nothing_happens_without_a_yes_where_nobody_can_be_asked(shell: dict[str, str]) -> None:
    before = epoch_of(shell)
    done = run(shell, [*PACKAGE, "new-epoch"], expected=2)
    assert "Add --yes" in done.stderr
    assert epoch_of(shell) == before


def test_epoch_is_renewed_in_the_store_and_in_airflow(shell: dict[str, str]) -> None:
    before = epoch_of(shell)
    done = run(shell, [*PACKAGE, "new-epoch", "--yes"])
    after = epoch_of(shell)
    assert after != before
    assert f"Old epoch: {before}\nNew epoch: {after}" in done.stdout
    assert "reads everything again" in done.stdout
    assert kept(shell) == after


def test_airflows_own_command_line_has_it_too(shell: dict[str, str]) -> None:
    before = epoch_of(shell)
    airflow(shell, "updraft", "new-epoch", "--yes")
    assert epoch_of(shell) != before


def test_fault_79_foreign_store_is_refused_by_commands_until_it_is_confirmed(
    shell: dict[str, str],
) -> None:
    """fault 79"""
    with store(shell).begin() as conn:
        conn.execute(tables.meta.update().values(bond="theirs"))
    done = run(shell, [*PACKAGE, "verify"], expected=1)
    assert "belongs to another Airflow" in done.stderr
    done = run(shell, [*PACKAGE, "new-epoch", "--yes"])
    assert "Refused so far (foreign_store): the store belongs to another Airflow" in done.stdout
    run(shell, [*PACKAGE, "verify"])
    with store(shell).connect() as conn:
        bond = conn.scalar(sa.select(tables.meta.c.bond))
    assert airflow(shell, "variables", "get", "updraft_store").startswith(f"{bond}:")


def test_missing_store_is_a_clear_error(shell: dict[str, str]) -> None:
    with sa.create_engine(f"sqlite:///{shell['AIRFLOW_HOME']}/airflow.db").begin() as conn:
        conn.exec_driver_sql("DELETE FROM connection")
    done = run(shell, [*PACKAGE, "new-epoch", "--yes"], expected=1)
    assert "store_not_configured" in done.stderr
    assert "airflow connections add updraft_default" in done.stderr


def test_called_wrongly_it_says_how() -> None:
    done = run(dict(os.environ), PACKAGE, expected=2)
    assert "new-epoch" in done.stderr
