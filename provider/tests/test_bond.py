"""Which store belongs to this Airflow: decided before anything is made, migrated or read."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
import store_v1
from world import KeptEpoch, World, create

from airflow_updraft.errors import (
    ForeignStoreError,
    OlderStoreError,
    StoreIsNewError,
    StoreRefusedError,
)
from airflow_updraft.exchange.new_epoch import begin_epoch, why_refused
from airflow_updraft.store import bond, tables
from airflow_updraft.store.bond import admit, note_reached
from airflow_updraft.store.bond_rules import Bond, Outside, Seen, bond_of, look, problem
from airflow_updraft.store.key_mark import mark_key, mismatches

Case = tuple[str, Seen | None, Outside, type[StoreRefusedError] | None]
OURS, EPOCH = Bond("ours", 5), "e1"
CASES: tuple[Case, ...] = (
    ("first use", None, Outside(None, None), None),
    ("empty beside a bond", None, Outside(OURS, EPOCH), StoreIsNewError),
    ("empty beside a bond without exchanges", None, Outside(OURS, None), StoreIsNewError),
    ("empty after an upgrade", None, Outside(None, EPOCH), StoreIsNewError),
    ("tables alone", Seen("e9", 0, None), Outside(OURS, EPOCH), StoreIsNewError),
    ("tables alone, first use", Seen("e9", 0, None), Outside(None, None), None),
    ("tables of a crash", Seen("e1", 0, None), Outside(Bond("ours", 0, "e1"), None), None),
    ("tables beside a bond", Seen("e9", 0, None), Outside(OURS, None), StoreIsNewError),
    ("upgrade", Seen("e1", 9, None), Outside(None, EPOCH), None),
    ("upgrade before an epoch was kept", Seen("e1", 9, None), Outside(None, None), None),
    ("upgrade onto a foreign store", Seen("e9", 9, None), Outside(None, EPOCH), ForeignStoreError),
    ("crash between the two", Seen("e1", 5, None), Outside(OURS, EPOCH), None),
    ("foreign, from before bonds", Seen("e9", 9, None), Outside(OURS, EPOCH), ForeignStoreError),
    ("backup from before bonds", Seen("e1", 4, None), Outside(OURS, EPOCH), OlderStoreError),
    ("ours", Seen("e1", 5, "ours"), Outside(OURS, EPOCH), None),
    ("ours, renewed meanwhile", Seen("e2", 7, "ours"), Outside(OURS, EPOCH), None),
    ("ours, restored", Seen("e1", 4, "ours"), Outside(OURS, EPOCH), OlderStoreError),
    ("another's", Seen("e9", 9, "theirs"), Outside(OURS, EPOCH), ForeignStoreError),
    (
        "another's in an Airflow without",
        Seen("e9", 9, "theirs"),
        Outside(None, None),
        ForeignStoreError,
    ),
    ("another's, unused", Seen("e9", 0, "theirs"), Outside(OURS, EPOCH), ForeignStoreError),
    ("Variable of the bond deleted", Seen("e1", 9, "ours"), Outside(None, EPOCH), None),
    ("both Variables deleted", Seen("e1", 9, "ours"), Outside(None, None), ForeignStoreError),
)


@pytest.mark.parametrize(
    ("seen", "outside", "expected"), [pytest.param(*case[1:], id=case[0]) for case in CASES]
)
def test_fault_79_every_pair_of_store_and_memory_is_decided(
    seen: Seen | None, outside: Outside, expected: type[StoreRefusedError] | None
) -> None:
    """fault 79"""
    found = problem(seen, outside)
    assert type(found) is (expected or type(None))
    if found:
        assert "new-epoch" in str(found)
        assert "updraft_default" in str(found) or found.kind == "older_store"


class Airflow:
    """The memory of one Airflow: its two Variables."""

    def __init__(self) -> None:
        self.bonds, self.epochs = KeptEpoch(), KeptEpoch()

    def opens(self, store: sa.Engine, **options: bool) -> str | None:
        return admit(store, self.bonds, self.epochs.get, **options)

    def uses(self, world: World) -> None:
        """Exchange once, as the plugin does."""
        known = self.opens(world.engine)
        world.keeper = self.epochs
        world.exchange(world.device("r9").batch_request(create(f"x{world.revision}")), bond=known)


def test_store_is_bonded_at_its_first_use_and_opened_ever_after(bare_engine: sa.Engine) -> None:
    airflow = Airflow()
    known = airflow.opens(bare_engine)
    assert airflow.opens(bare_engine) == known
    seen = look(bare_engine)
    assert seen
    assert bond_of(airflow.bonds.get()) == Bond(str(known), 0, seen.epoch)
    assert seen.bond == known


def test_fault_79_another_airflow_is_refused_until_an_operator_confirms(
    bare_engine: sa.Engine,
) -> None:
    """fault 79: two Airflows with a Connection to the same database."""
    ours, theirs = Airflow(), Airflow()
    ours.uses(World(bare_engine))
    with pytest.raises(ForeignStoreError, match="belongs to another Airflow"):
        theirs.opens(bare_engine)
    assert theirs.bonds.get() is None
    epoch = begin_epoch(bare_engine, theirs.epochs, theirs.bonds)
    assert theirs.opens(bare_engine)
    assert why_refused(bare_engine, theirs.epochs, theirs.bonds) is None
    assert theirs.epochs.get() == epoch
    with pytest.raises(ForeignStoreError):
        ours.opens(bare_engine)


def test_case_c10_empty_database_is_refused_and_nothing_is_made_in_it(
    bare_engine: sa.Engine,
) -> None:
    """case C10: a Connection edited to an empty database emptied every phone in a second."""
    airflow = Airflow()
    airflow.bonds.set("ours:7")
    with pytest.raises(StoreIsNewError):
        airflow.opens(bare_engine)
    with bare_engine.connect() as conn:
        assert sa.inspect(conn).get_table_names() == []
    begin_epoch(bare_engine, airflow.epochs, airflow.bonds)
    assert airflow.opens(bare_engine)


def test_case_c10_airflows_own_database_is_refused(bare_engine: sa.Engine) -> None:
    """case C10: its backup would bring back both, and no restore would show."""
    with bare_engine.begin() as conn:
        for name in ("dag_run", "task_instance"):
            conn.execute(sa.text(f"CREATE TABLE {name} (id INTEGER)"))
    airflow = Airflow()
    with pytest.raises(ForeignStoreError, match="Airflow's own metadata database"):
        airflow.opens(bare_engine)
    assert airflow.bonds.get() is None


def test_case_c10_exchange_notices_a_database_exchanged_under_an_open_connection(
    world: World,
) -> None:
    """case C10: without a statement more, and nothing is written."""
    airflow = Airflow()
    airflow.uses(world)
    known = airflow.opens(world.engine)
    with world.engine.begin() as conn:
        conn.execute(tables.meta.update().values(bond="theirs"))
    before = world.snapshot()
    device = world.device("r9")
    with pytest.raises(ForeignStoreError):
        world.exchange(device.batch_request(create("late")), bond=known)
    after = world.snapshot()
    assert after["updraft_records"] == before["updraft_records"]


def test_store_restored_from_a_backup_is_older_once_its_revision_was_kept(world: World) -> None:
    airflow = Airflow()
    airflow.uses(world)
    backup = world.snapshot()
    for name in ("r1", "r2"):
        world.device(name).push(create(name))
    assert airflow.opens(world.engine, notes=True)
    kept = bond_of(airflow.bonds.get())
    assert kept
    assert (kept.reached, kept.epoch) == (3, "e1")
    world.restore(backup)
    with pytest.raises(OlderStoreError, match="at revision 1 and had reached 3"):
        airflow.opens(world.engine)
    begin_epoch(world.engine, airflow.epochs, airflow.bonds)
    assert airflow.opens(world.engine)
    note_reached(world.engine, airflow.bonds)
    again = bond_of(airflow.bonds.get())
    assert again
    assert (again.id, again.reached) == (airflow.opens(world.engine), 1)


def test_case_c10_two_api_servers_with_two_databases_at_the_very_first_use(
    bare_engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """case C10: both find no bond; the second one must find the first one's."""
    airflow = Airflow()
    other = sa.create_engine(f"sqlite:///{tmp_path}/other.db")
    create, come_first = tables.create_store, [bare_engine]

    def create_after_another(engine: sa.Engine) -> None:
        create(engine)
        if come_first:
            airflow.opens(come_first.pop())

    monkeypatch.setattr(bond, "create_store", create_after_another)
    with pytest.raises(StoreIsNewError):
        airflow.opens(other)
    assert airflow.opens(bare_engine)
    other.dispose()


def test_store_from_before_bonds_is_bonded_without_a_question(bare_engine: sa.Engine) -> None:
    """An upgrade of a store with data in it, whose epoch Airflow keeps."""
    store_v1.create(bare_engine)
    airflow = Airflow()
    airflow.epochs.set("old-epoch")
    assert airflow.opens(bare_engine)
    world = World(bare_engine)
    assert world.snapshot()["updraft_meta"][0]["schema_version"] == tables.SCHEMA_VERSION
    airflow.uses(world)


def test_foreign_store_of_an_older_version_is_not_migrated(bare_engine: sa.Engine) -> None:
    store_v1.create(bare_engine)
    airflow = Airflow()
    airflow.epochs.set("of another store")
    with pytest.raises(ForeignStoreError):
        airflow.opens(bare_engine)
    with bare_engine.connect() as conn:
        assert conn.scalar(sa.text("SELECT schema_version FROM updraft_meta")) == 1


def test_triggerer_writes_no_variable(bare_engine: sa.Engine) -> None:
    airflow = Airflow()
    assert airflow.opens(bare_engine, may_bond=False) is None
    assert airflow.bonds.get() is None
    known = airflow.opens(bare_engine)
    assert airflow.opens(bare_engine, may_bond=False) == known


def test_mismatches_name_epoch_bond_and_secret(world: World) -> None:
    airflow = Airflow()
    airflow.uses(world)
    mark_key(world.engine, "the API server's")
    ours = Outside(bond_of(airflow.bonds.get()), airflow.epochs.get())
    assert mismatches(world.engine, ours, "the API server's") == []
    assert mismatches(world.engine, Outside(None, None), None) == []
    wrong = mismatches(world.engine, Outside(Bond("theirs"), "e9"), "another")
    assert [rule for rule, _, _ in wrong] == [
        "the store has the epoch that Airflow keeps",
        "the store belongs to this Airflow",
        "every part of Airflow has the shared secret of the API server",
    ]
    assert "another" not in str([where for _, where, _ in wrong][2]).replace("has another", "")
