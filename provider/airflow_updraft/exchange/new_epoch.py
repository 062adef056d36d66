"""Begins a new epoch: the last step of restoring the store from a backup. Free of Airflow."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from airflow_updraft.exchange.epoch import EpochKeeper, renew
from airflow_updraft.store.revision import lock_counter, save_counter
from airflow_updraft.store.tables import meta, random_epoch, replicas
from airflow_updraft.store.transaction import run_transaction


@dataclass(frozen=True, slots=True)
class StoreState:
    """The facts to show a person before and after; ``kept`` is the epoch outside the store."""

    epoch: str
    kept: str | None
    revision: int
    devices: int


def store_state(store: sa.Engine, keeper: EpochKeeper) -> StoreState:
    """Return the store's state."""
    devices = sa.select(sa.func.count()).select_from(replicas).scalar_subquery()
    with store.connect() as conn:
        epoch, revision, count = conn.execute(
            sa.select(meta.c.epoch, meta.c.revision, devices)
        ).one()
    return StoreState(epoch, keeper.get(), revision, count)


def begin_epoch(store: sa.Engine, keeper: EpochKeeper) -> str:
    """Renew the epoch in the store and in the keeper; return the new epoch.

    No exchange is under way meanwhile: all wait for the counter. After a failure half way store and
    keeper differ, and the next exchange renews both: run the command again, or leave both as is.
    """

    def body(conn: sa.Connection) -> str:
        counter = lock_counter(conn)
        renew(counter, keeper, random_epoch())
        save_counter(conn, counter)
        return counter.epoch

    return run_transaction(store, body, repeatable=True)
