"""Sources in, targets out: ordinary SQL tables on both sides of the store."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from world import NOW, World, create, delete, patch

from airflow_updraft import demo_seed
from airflow_updraft.collections import load_collections
from airflow_updraft.errors import TableSyncError
from airflow_updraft.exchange.proof import Proofs
from airflow_updraft.store import tables
from airflow_updraft.sync.run import sync
from airflow_updraft.sync.targets import read_cursor

DEMO = load_collections(Path(__file__).parents[2] / "demo" / "collections.json")


class Demo:
    """The demo's two collections, with their tables in another database than the store's."""

    def __init__(self, store: sa.Engine, other: sa.Engine) -> None:
        self.world = World(store)
        self.world.collections = DEMO
        self.other = other
        demo_seed.seed(other)

    def sync(self) -> dict[str, Any]:
        return sync(self.world.engine, {"updraft_demo": self.other}.__getitem__, DEMO, NOW)

    def sql(self, text: str, **values: Any) -> list[Any]:
        with self.other.begin() as conn:
            result = conn.execute(sa.text(text), values)
            return list(result.mappings()) if result.returns_rows else []

    def target(self) -> list[Any]:
        return self.sql("SELECT * FROM inspections ORDER BY id")


@pytest.fixture
def demo(bare_engine: sa.Engine, tmp_path: Path) -> Demo:
    if bare_engine.dialect.name == "sqlite":
        return Demo(bare_engine, sa.create_engine(f"sqlite:///{tmp_path}/other.db"))
    return Demo(bare_engine, bare_engine)


def inspection(record_id: str, **more: Any) -> dict[str, Any]:
    return create(record_id, collection="inspections", **({"site": "A7", "status": "ok"} | more))


def test_source_rows_reach_a_device_and_only_changed_ones_again(demo: Demo) -> None:
    device = demo.world.device()
    assert demo.sync()["collections"]["sites"]["source"]["changed"] == 12
    first = {c["id"]: c["record"] for c in device.pull()["changes"]}
    assert first["B2"] == {
        "id": "B2",
        "name": "Mill Lane depot",
        "region": "North",
        "floor_area_m2": 1850.5,
    }
    assert demo.sync()["collections"]["sites"]["source"]["changed"] == 0
    assert device.pull()["changes"] == []
    demo.sql("UPDATE sites SET name = 'Renamed' WHERE id = 'A7'")
    demo.sql("INSERT INTO sites (id, name) VALUES ('Z9', 'New')")
    demo.sync()
    assert {c["id"]: c["record"]["name"] for c in device.pull()["changes"]} == {
        "A7": "Renamed",
        "Z9": "New",
    }


def test_row_that_vanished_becomes_a_tombstone_and_comes_back(demo: Demo) -> None:
    device = demo.world.device()
    demo.sync()
    device.pull()
    demo.sql("DELETE FROM sites WHERE id = 'A7'")
    assert demo.sync()["collections"]["sites"]["source"]["deleted"] == 1
    assert [(c["id"], c["deleted"]) for c in device.pull()["changes"]] == [("A7", True)]
    demo.sql("INSERT INTO sites (id, name) VALUES ('A7', 'Back')")
    demo.sync()
    assert [c["record"] for c in device.pull()["changes"]] == [{"id": "A7", "name": "Back"}]


def test_source_row_that_fails_its_schema_is_reported_and_keeps_no_other_back(demo: Demo) -> None:
    demo.sql("INSERT INTO sites (id, name, floor_area_m2) VALUES ('X1', '', 1), ('X2', 'Good', 2)")
    part = demo.sync()["collections"]["sites"]["source"]
    assert (part["rejected"], part["firstRejected"][0]["id"]) == (1, "X1")
    assert "X2" in demo.world.records("sites")


def test_captured_records_reach_the_target_and_only_new_ones_are_read_again(demo: Demo) -> None:
    device = demo.world.device()
    device.push(
        inspection("i1", reading=1.5, visits=2, note="é", inspected_on="2026-03-01"),
        inspection("i2"),
    )
    part = demo.sync()["collections"]["inspections"]
    assert (part["target"]["written"], part["behind"]) == (2, 0)
    first = dict(demo.target()[0])
    assert str(first.pop("inspected_on")) == "2026-03-01"
    assert first == {
        "id": "i1",
        "site": "A7",
        "status": "ok",
        "reading": 1.5,
        "visits": 2,
        "note": "é",
    }
    assert demo.sync()["collections"]["inspections"]["target"]["written"] == 0
    base = device.since
    device.push(patch("i1", base=base, collection="inspections", status="fail"))
    device.push(delete("i2", base=base, collection="inspections"))
    assert demo.sync()["collections"]["inspections"]["target"] == {
        "written": 1,
        "deleted": 1,
        "revision": 16,
    }
    assert [(row["id"], row["status"]) for row in demo.target()] == [("i1", "fail")]


def test_removed_field_becomes_null_and_foreign_columns_stay(demo: Demo) -> None:
    device = demo.world.device()
    device.push(inspection("i1", note="n"))
    demo.sql("ALTER TABLE inspections ADD COLUMN billed TEXT")
    demo.sync()
    demo.sql("UPDATE inspections SET billed = 'yes'")
    base = demo.world.revision
    device.push({**patch("i1", base=base, collection="inspections"), "removed": ["note"]})
    demo.sync()
    assert [(row["note"], row["billed"]) for row in demo.target()] == [(None, "yes")]


def test_case_c2_refused_row_is_set_aside_and_named_and_the_others_go_on(demo: Demo) -> None:
    """case C2, fault 70: the row is tried again when the table changes."""
    demo.world.device().push(inspection("i1", note="x"), inspection("i2"))
    demo.sql("DROP TABLE inspections")
    demo.sql(
        "CREATE TABLE inspections (id VARCHAR(9) PRIMARY KEY, site TEXT, note TEXT CHECK (note <> "
        "'x'))"
    )
    for _ in range(2):
        part = demo.sync()["collections"]["inspections"]
        assert ("error" in part, part["target"]["refused"]) == (False, 1)
        (first,) = part["target"]["firstRefused"]
        assert first["id"] == "i1"
        assert "'x'" not in first["message"]
        assert [row["id"] for row in demo.target()] == ["i2"]
    assert read_cursor(demo.world.engine, "inspections") == demo.world.revision - 12
    demo.sql("DROP TABLE inspections")
    demo_seed.seed(demo.other)
    demo.sync()
    assert [row["id"] for row in demo.target()] == ["i1"], (
        "of a table made anew, the one that was refused is tried"
    )


def test_export_killed_between_target_and_cursor_writes_the_same_rows_again(demo: Demo) -> None:
    demo.world.device().push(inspection("i1"))
    demo.sync()
    with demo.world.engine.begin() as conn:
        conn.execute(tables.consumers.update().values(revision=0))
    demo.sync()
    assert [row["id"] for row in demo.target()] == ["i1"]


def test_more_records_than_a_chunk_all_arrive(demo: Demo) -> None:
    device = demo.world.device()
    for start in (0, 400, 800):
        device.push(*[inspection(f"i{start + number}") for number in range(400)])
    assert demo.sync()["collections"]["inspections"]["target"]["written"] == 1200
    assert len(demo.target()) == 1200


@pytest.mark.parametrize("table", ["nowhere", "inspections; DROP TABLE sites"])
def test_missing_table_is_named(demo: Demo, table: str) -> None:
    from dataclasses import replace

    from airflow_updraft.sync.sql_tables import reflect

    collection = DEMO["inspections"]
    assert collection.target
    with pytest.raises(TableSyncError, match=r"inspections: table .* does not exist: create it"):
        reflect(demo.other, replace(collection.target, table=table), collection)
    with pytest.raises(TableSyncError, match="no key column 'nr'"):
        reflect(demo.other, replace(collection.target, key="nr"), collection)
    with pytest.raises(TableSyncError, match="no columns \\['colour'\\]"):
        reflect(
            demo.other,
            replace(collection.target, columns={"site": "site", "colour": "colour"}),
            collection,
        )


def test_table_whose_key_is_not_unique_is_not_imported(demo: Demo) -> None:
    demo.sql("DROP TABLE sites")
    demo.sql("CREATE TABLE sites (id TEXT, name TEXT)")
    demo.sql("INSERT INTO sites VALUES ('A', 'one'), ('A', 'two')")
    assert "not unique" in demo.sync()["collections"]["sites"]["error"]
    assert demo.world.records("sites") == {}


def test_seeding_again_changes_nothing(demo: Demo) -> None:
    demo.sql("UPDATE sites SET name = 'Mine' WHERE id = 'A7'")
    demo_seed.seed(demo.other)
    assert demo.sql("SELECT name FROM sites WHERE id = 'A7'")[0]["name"] == "Mine"
    assert demo.sql("SELECT count(*) AS n FROM sites")[0]["n"] == 12


def test_case_b11_report_counts_devices_and_names_nobody(demo: Demo) -> None:
    """case B11: any viewer reads the XCom; users, replicas and times are for operators, on the
    page."""
    device = demo.world.device("anas-phone", "ana")
    device.push(inspection("i1"))
    report = demo.sync()
    counts = {"deviceCount", "otherEpochCount", "overdueCount"}
    assert report.keys() == {"collections", "consumers"} | counts
    assert not any(told in str(report) for told in ("ana", "anas-phone", "2026", "e1'"))
    assert report["collections"]["inspections"]["records"] == 1
    assert report["collections"]["sites"]["revision"] == 13


def test_overdue_devices_are_counted(demo: Demo) -> None:
    for name, days in (("r1", 1), ("r2", 9), ("r3", 20)):
        demo.world.device(name, name)
        with demo.world.engine.begin() as conn:
            row = tables.replicas.update().where(tables.replicas.c.replica_id == name)
            conn.execute(row.values(last_seen=NOW - timedelta(days=days)))
    report = demo.sync()
    assert (report["deviceCount"], report["overdueCount"]) == (3, 2)


def test_case_b4_claim_and_renewal_are_logged_with_who_made_them_and_counted(
    demo: Demo, caplog: pytest.LogCaptureFixture
) -> None:
    """case B4: operators see who claims too much, and separately that the store was restored."""
    one, *_ = (demo.world.device(name, name) for name in ("one", "two", "three"))
    one.since = 10**9
    answer = one.pull()
    assert (answer["reset"], answer["epoch"]) == (True, "e1.e2")
    demo.world.proofs = Proofs("outside the store")
    one.push(create("a", collection="inspections", site="A7", status="ok"))
    backup = demo.world.snapshot()
    one.push(create("b", collection="inspections", site="A7", status="ok"))
    demo.world.restore(backup)
    assert one.pull()["epoch"] == "e3"
    claimed, renewed = (
        record.message
        for record in caplog.records
        if record.name == "airflow_updraft.exchange.epoch"
    )
    assert "'one' of one reads again: it names revision 1000000000" in claimed
    assert "epoch e1 becomes e3" in renewed
    assert "'one' of one" in renewed
    assert demo.sync()["otherEpochCount"] == 2


def test_reports_become_metrics_one_a_number() -> None:
    from airflow_updraft.sync.metrics import prune_gauges, sync_gauges, verify_gauges

    part = {"records": 3, "tombstones": 1, "revision": 9, "behind": 2, "source": {"rejected": 4}}
    report = {
        "deviceCount": 5,
        "overdueCount": 1,
        "otherEpochCount": 2,
        "collections": {"a b": part, "c": {"records": 0, "error": "x"}},
        "consumers": [
            {"name": "score 1", "collection": "c", "behind": 3, "refused": 1},
            {"name": "score 1", "collection": "a b", "behind": 4, "refused": 0},
        ],
    }
    assert sync_gauges(report) == {
        "updraft.devices": 5,
        "updraft.devices.overdue": 1,
        "updraft.devices.other_epoch": 2,
        "updraft.collection.a_b.records": 3,
        "updraft.collection.a_b.tombstones": 1,
        "updraft.collection.a_b.behind": 2,
        "updraft.collection.a_b.rejected": 4,
        "updraft.collection.a_b.failed": 0,
        "updraft.collection.c.records": 0,
        "updraft.collection.c.rejected": 0,
        "updraft.collection.c.failed": 1,
        "updraft.consumer.score_1.behind": 7,
        "updraft.consumer.score_1.refused": 1,
    }
    assert verify_gauges({"violations": [{}, {}]}) == {"updraft.store.violations": 2}
    pruned = {"horizon": 7, "tombstones": 2, "heldBackBy": [{}], "expired": []}
    assert list(prune_gauges(pruned).values()) == [7, 2, 1, 0]


def test_gauges_reach_airflows_metrics_backend() -> None:
    """In a separate process, begun as by Airflow's task runner, but for the backend."""
    code = (
        "from airflow.sdk.observability import stats\n"
        "class Backend:\n"
        "    def gauge(self, name, value): print(name, value)\n"
        "stats.initialize(factory=Backend, export_legacy_names=False)\n"
        "from airflow_updraft.sync.metrics import emit\n"
        "emit({'updraft.devices': 5})"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout == "updraft.devices 5\n"


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (Decimal("2.50"), 2.5),
        (Decimal("7"), 7),
        (date(2026, 1, 2), "2026-01-02"),
        (datetime(2026, 1, 2, 3, 4), "2026-01-02T03:04:00"),
        (True, True),
    ],
)
def test_column_values_become_json(value: Any, field: Any) -> None:
    from airflow_updraft.sync.sql_tables import to_field

    assert to_field(value) == field
    assert type(to_field(value)) is type(field)


def test_value_json_cannot_hold_is_an_error() -> None:
    from airflow_updraft.sync.sql_tables import to_field

    with pytest.raises(TableSyncError, match="bytes"):
        to_field(b"x")
