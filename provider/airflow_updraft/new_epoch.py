"""Begins a new epoch of the store: the last step of restoring it from a backup. Knows nothing of Airflow."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from airflow_updraft.epoch import EpochKeeper, renew
from airflow_updraft.revision import lock_counter, save_counter
from airflow_updraft.tables import meta, random_epoch, replicas
from airflow_updraft.transaction import run_transaction


@dataclass(frozen=True, slots=True)
class StoreState:
    """What a person should see before and after; ``kept`` is the epoch outside the store, None where none is kept."""

    epoch: str
    kept: str | None
    revision: int
    devices: int


def store_state(store: sa.Engine, keeper: EpochKeeper) -> StoreState:
    """Read it."""
    devices = sa.select(sa.func.count()).select_from(replicas).scalar_subquery()
    with store.connect() as conn:
        epoch, revision, count = conn.execute(sa.select(meta.c.epoch, meta.c.revision, devices)).one()
    return StoreState(epoch, keeper.get(), revision, count)


def begin_epoch(store: sa.Engine, keeper: EpochKeeper) -> str:
    """Renew the epoch in the store and where it is kept; return the new one.

    No exchange is under way meanwhile: they wait for the counter. Where this fails half way, store and keeper differ,
    and the next exchange renews both: run it again, or leave it.
    """

    def body(conn: sa.Connection) -> str:
        counter = lock_counter(conn)
        renew(counter, keeper, random_epoch())
        save_counter(conn, counter)
        return counter.epoch

    return run_transaction(store, body, repeatable=True)
