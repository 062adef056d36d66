"""Checks of the store itself: made, of this version, and the one that Airflow remembers."""

from __future__ import annotations

import sqlalchemy as sa

from airflow_updraft.airflow_bridge import (
    BOND_VARIABLE,
    EPOCH_VARIABLE,
    MetadataBondKeeper,
    MetadataEpochKeeper,
)
from airflow_updraft.check.finding import Verdicts, command, failed, ok, warning
from airflow_updraft.check.site import Site
from airflow_updraft.store.bond_rules import Outside, bond_of, look, problem
from airflow_updraft.store.tables import SCHEMA_VERSION, meta, metadata

_RENEW = (
    "after a restore: {renew}. Otherwise correct the Connection updraft_default, so that it names "
    "the "
    "database it named before"
)


def check_store(site: Site) -> Verdicts:
    """The tables are made; where Airflow remembers a store, a database without is the wrong one."""
    with site.connect() as conn:
        is_made = sa.inspect(conn).has_table(meta.name)
    kept, bond = MetadataEpochKeeper().get(), MetadataBondKeeper().get()
    if not is_made and (kept or bond):
        what = f"the database holds no store, and Airflow remembers one (epoch {kept})"
        why = (
            "a new store would let every device read an empty one: the Connection names another "
            "database"
        )
        yield failed(what, why, _RENEW.format(renew=command("new-epoch")))
    elif not is_made:
        what = "the database holds no store yet"
        yield failed(
            what, "nothing of Updraft has run with this Connection so far", command("verify")
        )
    else:
        head = site.head
        yield ok(f"revision {head.revision:,}, {head.devices:,} devices")


def check_bond(site: Site) -> Verdicts:
    """The store belongs to this Airflow, and has lost nothing that it had reached."""
    outside = Outside(bond_of(MetadataBondKeeper().get()), MetadataEpochKeeper().get())
    with site.connect():  # a missing SQLite file would be made by looking
        seen = look(site.store)
    found = problem(seen, outside)
    if found:
        what = str(found).partition(". ")[0]
        why = "it is refused: devices wait, and keep what they have"
        yield failed(what, why, _RENEW.format(renew=command("new-epoch")))
    elif seen is None or seen.bond is None or outside.bond is None:
        yield ok("bonded at the next use")
    else:
        yield ok(f"{seen.bond}, in the store and in the Variable {BOND_VARIABLE}")


def check_migrations(site: Site) -> Verdicts:
    """The store has the schema version of this package, and all of its tables and columns."""
    found = site.head.version
    if found > SCHEMA_VERSION:
        what = f"the store has schema version {found}, this package knows up to {SCHEMA_VERSION}"
        why = "a newer package has migrated the store: this one is refused"
        yield failed(
            what, why, "pip install --upgrade airflow-provider-updraft   (in every part of Airflow)"
        )
        return
    if found < SCHEMA_VERSION:
        what = f"the store has schema version {found}, this package needs {SCHEMA_VERSION}"
        why = "the first process that opens the store migrates it; none has so far"
        yield failed(what, why, f"{command('verify')}   (migrates first; make a backup before)")
        return
    with site.connect() as conn:
        lost = _missing(conn)
    if lost:
        what = f"the store lacks {', '.join(lost)}"
        why = "somebody changed its tables by hand, or restored single ones"
        yield failed(
            what, why, f"restore the whole database from a backup, then {command('new-epoch')}"
        )
        return
    yield ok(f"schema version {found}, the newest")


def _missing(conn: sa.Connection) -> list[str]:
    """The tables and columns that are declared and not there."""
    inspector = sa.inspect(conn)
    there = set(inspector.get_table_names())
    lost = [f"the table {name}" for name in metadata.tables if name not in there]
    for table in metadata.sorted_tables:
        if table.name in there:
            columns = {column["name"] for column in inspector.get_columns(table.name)}
            lost += [f"the column {table.name}.{c.name}" for c in table.c if c.name not in columns]
    return lost


def check_epoch(site: Site) -> Verdicts:
    """The epoch that Airflow keeps is the store's: else the store is a restored or another one."""
    kept, head = MetadataEpochKeeper().get(), site.head
    if kept is None and head.is_unused:
        yield ok("kept with the first exchange")
    elif kept is None:
        what = f"the Variable {EPOCH_VARIABLE} is missing, though devices have exchanged"
        why = "a restored backup would go unnoticed until devices prove it"
        yield warning(what, why, f"airflow variables set {EPOCH_VARIABLE} {head.epoch}")
    elif kept != head.epoch:
        what = f"the store's epoch is {head.epoch}, Airflow remembers {kept}"
        why = "the store was restored from a backup, or the Connection names another database"
        yield failed(what, why, _RENEW.format(renew=command("new-epoch")))
    else:
        yield ok(f"{kept}, in the store and in the Variable {EPOCH_VARIABLE}")
