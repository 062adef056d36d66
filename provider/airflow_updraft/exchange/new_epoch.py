"""Begins a new epoch: the last step of restoring the store from a backup. Free of Airflow."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from airflow_updraft.errors import StoreRefusedError
from airflow_updraft.exchange.epoch import EpochKeeper, renew
from airflow_updraft.store.bond import BondKeeper, bond_anew
from airflow_updraft.store.bond_rules import Outside, bond_of, look, problem
from airflow_updraft.store.revision import lock_counter, save_counter
from airflow_updraft.store.tables import create_store, meta, random_epoch, replicas
from airflow_updraft.store.transaction import run_transaction


@dataclass(frozen=True, slots=True)
class StoreState:
    """The facts to show a person before and after; ``kept`` is the epoch outside the store."""

    epoch: str
    kept: str | None
    revision: int
    devices: int


def store_state(store: sa.Engine, keeper: EpochKeeper) -> StoreState:
    """Return the store's state; without epoch where the database holds no store yet."""
    if look(store) is None:
        return StoreState("", keeper.get(), 0, 0)
    devices = sa.select(sa.func.count()).select_from(replicas).scalar_subquery()
    with store.connect() as conn:
        epoch, revision, count = conn.execute(
            sa.select(meta.c.epoch, meta.c.revision, devices)
        ).one()
    return StoreState(epoch, keeper.get(), revision, count)


def why_refused(
    store: sa.Engine, keeper: EpochKeeper, bonds: BondKeeper
) -> StoreRefusedError | None:
    """Return why the store is refused so far, None for a store that is not."""
    return problem(look(store), Outside(bond_of(bonds.get()), keeper.get()))


def begin_epoch(store: sa.Engine, keeper: EpochKeeper, bonds: BondKeeper | None = None) -> str:
    """Renew the epoch in the store and in the keeper; return the new epoch.

    With ``bonds`` the store is confirmed as this Airflow's.

    No exchange is under way meanwhile: all wait for the counter. After a failure half way store and
    keeper differ, and the next exchange renews both: run the command again, or leave both as is.
    """
    create_store(store)

    def body(conn: sa.Connection) -> str:
        counter = lock_counter(conn)
        renew(counter, keeper, random_epoch())
        save_counter(conn, counter)
        if bonds is not None:
            bond_anew(conn, counter, bonds)
        return counter.epoch

    return run_transaction(store, body, repeatable=True)
