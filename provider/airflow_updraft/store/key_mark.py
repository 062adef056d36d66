"""Compares epoch, bond and shared secret of a process with the store, before it works."""

from __future__ import annotations

import hashlib
import hmac

import sqlalchemy as sa

from airflow_updraft.store.bond_rules import Outside
from airflow_updraft.store.tables import meta
from airflow_updraft.store.transaction import run_transaction


def key_mark(secret: str) -> str:
    """A mark by which processes see that they have the same shared secret; tells nothing of it."""
    return hmac.digest(secret.encode(), b"updraft key mark 1", hashlib.sha256).hex()[:16]


def mark_key(store: sa.Engine, secret: str) -> None:
    """Keep the mark of the secret that the API server signs with; one SELECT where it is kept."""
    mark = key_mark(secret)
    with store.connect() as conn:
        if conn.scalar(sa.select(meta.c.key_mark).where(meta.c.id == 1)) == mark:
            return
    run_transaction(
        store, lambda conn: conn.execute(meta.update().values(key_mark=mark)), repeatable=True
    )


def mismatches(
    store: sa.Engine, outside: Outside, secret: str | None
) -> list[tuple[str, str, str]]:
    """Return what differs between the store and what this process knows: rule, places, remedy."""
    query = sa.select(meta.c.epoch, meta.c.bond, meta.c.key_mark).where(meta.c.id == 1)
    with store.connect() as conn:
        epoch, bond, mark = conn.execute(query).one()
    found = []
    if outside.epoch not in (None, epoch):
        found.append(
            (
                "the store has the epoch that Airflow keeps",
                f"store {epoch}, Variable {outside.epoch}",
                "The store was restored, or is another one: run 'python -m airflow_updraft "
                "new-epoch', or correct the Connection updraft_default.",
            )
        )
    if outside.bond and bond != outside.bond.id:
        found.append(
            (
                "the store belongs to this Airflow",
                f"store {bond}, Variable {outside.bond.id}",
                "Correct the Connection updraft_default, or confirm this store with 'python -m "
                "airflow_updraft new-epoch'.",
            )
        )
    if secret and mark not in (None, key_mark(secret)):
        found.append(
            (
                "every part of Airflow has the shared secret of the API server",
                "this process has another",
                "Set the same [updraft] secret everywhere, or nowhere.",
            )
        )
    return found
