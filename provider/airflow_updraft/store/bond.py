"""Which Airflow a store belongs to: a random id in the store, and the same id beside Airflow.

Knows nothing of Airflow. A Connection that names another database would let every device read that
database, and have the wrong store exported. So a store is looked at before anything is made in it,
migrated or read: a new, foreign or older store is refused until an operator confirms it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Protocol

import sqlalchemy as sa

from airflow_updraft.errors import ForeignStoreError
from airflow_updraft.store.bond_rules import Bond, Outside, Seen, bond_of, look, problem
from airflow_updraft.store.revision import Counter, lock_counter
from airflow_updraft.store.tables import create_store, meta
from airflow_updraft.store.transaction import run_transaction

_AIRFLOWS_TABLES = ("dag_run", "task_instance")


class BondKeeper(Protocol):
    """Keeps the bond outside the store, for every part of an Airflow."""

    def get(self) -> str | None:
        """The kept text, None where none is kept yet; raises where that cannot be told."""

    def set(self, text: str) -> None:
        """Keep this text."""


def admit(
    store: sa.Engine,
    keeper: BondKeeper,
    kept_epoch: Callable[[], str | None],
    *,
    notes: bool = False,
    may_bond: bool = True,
) -> str | None:
    """Open the store of this Airflow, made or migrated if need be; return the bond's id.

    With ``notes`` the revision that the store has reached is kept. Without ``may_bond`` nothing is
    kept, and the id may be None. Raises StoreIsNewError, ForeignStoreError or OlderStoreError, and
    has then changed nothing.
    """
    # Airflow's memory is read first: a process that finds no bond there may be the first, and one
    # that finds a bond must then find the store, too. The epoch decides where the bonds differ.
    kept = bond_of(keeper.get())
    epoch = None if kept else kept_epoch()
    seen = look(store)
    if kept and (seen is None or seen.bond != kept.id):
        epoch = kept_epoch()
    outside = Outside(kept, epoch)
    if found := problem(seen, outside):
        raise found
    if seen is None or seen.bond is None:
        refuse_airflows_own(store)
    create_store(store)
    if seen and seen.bond and outside.bond:
        if notes:
            note_reached(store, keeper)
        return seen.bond
    return _bond(store, keeper, kept_epoch) if may_bond else None


def _bond(store: sa.Engine, keeper: BondKeeper, kept_epoch: Callable[[], str | None]) -> str:
    """Bond store and Airflow, under the store's lock: two processes must agree.

    Decided anew there: a process with another store may have come first.
    """

    def body(conn: sa.Connection) -> str:
        counter = lock_counter(conn)
        kept = bond_of(keeper.get())
        seen = Seen(counter.epoch, counter.revision, counter.bond)
        if found := problem(seen, Outside(kept, kept_epoch())):
            raise found
        bond = counter.bond or (kept.id if kept else new_bond())
        if kept is None or kept.id != bond:
            # Kept before the commit: the other way round a crash would look like a foreign store.
            keeper.set(Bond(bond, counter.revision, counter.epoch).as_text())
        conn.execute(meta.update().values(bond=bond))
        return bond

    return run_transaction(store, body, repeatable=True)


def bond_anew(conn: sa.Connection, counter: Counter, keeper: BondKeeper) -> str:
    """Bond the store anew, as an operator has confirmed; every other store is then foreign."""
    bond = new_bond()
    keeper.set(Bond(bond, counter.revision, counter.epoch).as_text())
    conn.execute(meta.update().values(bond=bond))
    return bond


def new_bond() -> str:
    """A random id."""
    return secrets.token_hex(8)


def note_reached(store: sa.Engine, keeper: BondKeeper) -> None:
    """Keep the revision that the store has reached; never a lower one, nor for another bond."""
    seen = look(store)
    kept = bond_of(keeper.get())
    if seen and kept and seen.bond == kept.id and seen.revision > kept.reached:
        keeper.set(Bond(kept.id, seen.revision, seen.epoch).as_text())


def refuse_airflows_own(store: sa.Engine) -> None:
    """Raise ForeignStoreError for Airflow's own metadata database."""
    with store.connect() as conn:
        there = sa.inspect(conn)
        if all(there.has_table(name) for name in _AIRFLOWS_TABLES):
            raise ForeignStoreError(is_airflows=True)
