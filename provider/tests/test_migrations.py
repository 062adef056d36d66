"""A store of an older version is updated with its data; a newer store is left alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import store_v1
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from world import World, create, mutation, patch

from airflow_updraft.errors import StoreVersionError
from airflow_updraft.store import migrations, tables
from airflow_updraft.store.transaction import transaction


def stored_version(engine: sa.Engine) -> int:
    with engine.connect() as conn:
        return int(conn.scalar(sa.select(tables.meta.c.schema_version)) or 0)


def assert_has_v1_data(world: World) -> None:
    held = world.snapshot()
    (meta,) = held["updraft_meta"]
    assert (meta["epoch"], meta["revision"], meta["horizon"]) == ("old-epoch", 4, 2)
    live, tombstone = held["updraft_records"]
    assert (live["id"], live["fields"], live["field_revisions"], live["owner"]) == (
        "a",
        {"note": "é", "visits": 2},
        {"visits": 4},
        "ana",
    )
    assert (tombstone["id"], tombstone["deleted"]) == ("b", True)
    assert [row["id"] for row in held["updraft_gone"]] == ["c"]
    assert [row["revision"] for row in held["updraft_consumers"]] == [3]
    assert [(row["number"], row["transport"]) for row in held["updraft_replicas"]] == [
        (7, None),
        (0, None),
    ]


def test_store_of_version_1_is_migrated_with_its_data_and_its_devices_go_on(
    bare_engine: sa.Engine,
) -> None:
    store_v1.create(bare_engine)
    world = World(bare_engine)
    assert stored_version(bare_engine) == tables.SCHEMA_VERSION
    assert_has_v1_data(world)
    device = world.device("r2", "bob")
    assert device.epoch == "old-epoch"
    assert (
        device.push(mutation("patch", "a", base=4, inc={"visits": 1}))["verdicts"][0]["verdict"]
        == "applied"
    )
    assert world.records()["a"] == {"note": "é", "visits": 3}
    assert world.snapshot()["updraft_replicas"][1]["transport"] == "plugin"


def test_store_is_migrated_once_by_four_processes_at_once(bare_engine: sa.Engine) -> None:
    store_v1.create(bare_engine)
    code = (
        "import sys, sqlalchemy as sa; from airflow_updraft.store.tables import create_store\n"
        "engine = sa.create_engine(sys.argv[1]); input(); create_store(engine)"
    )
    command = [sys.executable, "-c", code, bare_engine.url.render_as_string(hide_password=False)]
    running = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for process in running:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    assert [process.communicate(timeout=60)[1] for process in running] == [""] * 4
    assert [process.returncode for process in running] == [0] * 4
    assert_has_v1_data(World(bare_engine))


def test_verdicts_kept_whole_before_version_5_are_answered_as_they_were(
    bare_engine: sa.Engine,
) -> None:
    world = World(bare_engine)
    device = world.device()
    request = device.batch_request(create("a", note="n"), patch("absent", base=0, note="n"))
    first = world.exchange(request)["verdicts"]
    assert [verdict["verdict"] for verdict in first] == ["applied", "conflicted"]
    (kept,) = (row["verdicts"] for row in world.snapshot()["updraft_replicas"])
    assert kept == [["asks", "a", 1], first[1]]
    with bare_engine.begin() as conn:
        conn.execute(tables.replicas.update().values(verdicts=first))
    assert world.exchange(request)["verdicts"] == first


@pytest.mark.parametrize("made", ["new", "migrated"])
def test_migrations_build_what_the_tables_say(bare_engine: sa.Engine, made: str) -> None:
    if made == "migrated":
        store_v1.create(bare_engine)
    tables.create_store(bare_engine)
    with bare_engine.connect() as conn:
        options = {"version_table": migrations.VERSION_TABLE, "compare_type": True}
        context = MigrationContext.configure(conn, opts=options)
        assert compare_metadata(context, tables.metadata) == []


def test_newest_migration_is_the_packages_schema_version() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    script = ScriptDirectory.from_config(config)
    assert script.get_current_head() == migrations.revision_name(tables.SCHEMA_VERSION)
    assert [step.revision for step in script.walk_revisions()][-1] == "0001"
    for step in script.walk_revisions():
        with pytest.raises(StoreVersionError, match="not downgraded"):
            step.module.downgrade()


def test_migrating_from_nothing_builds_the_same_tables(bare_engine: sa.Engine) -> None:
    with transaction(bare_engine) as conn:
        migrations.upgrade(conn, 0)
    with bare_engine.connect() as conn:
        context = MigrationContext.configure(conn, opts={"version_table": migrations.VERSION_TABLE})
        assert compare_metadata(context, tables.metadata) == []


@pytest.mark.parametrize("version", [99, 0])
def test_store_of_a_version_nobody_knows_is_not_touched(
    bare_engine: sa.Engine, version: int
) -> None:
    store_v1.create(bare_engine)
    with bare_engine.begin() as conn:
        conn.execute(tables.meta.update().values(schema_version=version))
    with pytest.raises(
        StoreVersionError, match=rf"version {version}.*install the airflow-provider-updraft"
    ):
        tables.create_store(bare_engine)
    assert stored_version(bare_engine) == version
    with bare_engine.connect() as conn:
        assert not sa.inspect(conn).has_table(migrations.VERSION_TABLE)


def test_migration_that_fails_half_way_leaves_the_old_store(
    bare_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_v1.create(bare_engine)

    def break_down(*_: Any, **__: Any) -> None:
        raise RuntimeError("the machine stops here")

    with monkeypatch.context() as patched:
        patched.setattr("alembic.op.execute", break_down)
        with pytest.raises(RuntimeError, match="stops here"):
            tables.create_store(bare_engine)
    assert stored_version(bare_engine) == 1
    assert "transport" not in {
        column["name"] for column in sa.inspect(bare_engine).get_columns("updraft_replicas")
    }
    assert_has_v1_data(World(bare_engine))


def test_store_that_is_up_to_date_costs_one_select_and_no_alembic(bare_engine: sa.Engine) -> None:
    tables.create_store(bare_engine)
    code = (
        "import json, sys, sqlalchemy as sa; from airflow_updraft.store.tables import "
        "create_store\n"
        "engine = sa.create_engine(sys.argv[1]); seen = []\n"
        "sa.event.listen(engine, 'before_cursor_execute', lambda *event: seen.append(event[2]))\n"
        "create_store(engine); print(json.dumps([seen, 'alembic' in sys.modules]))"
    )
    command = [sys.executable, "-c", code, bare_engine.url.render_as_string(hide_password=False)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    statements, has_alembic = json.loads(run.stdout)
    assert len(statements) == 1, statements
    assert not has_alembic
