"""Listing, describing and forgetting devices. Free of Airflow; ``command.py`` is their command."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from airflow_updraft.devices.shown import SHOWN, show_device, show_rejections
from airflow_updraft.errors import DeviceError
from airflow_updraft.exchange import ledger
from airflow_updraft.json_values import Json
from airflow_updraft.store.revision import lock_counter
from airflow_updraft.store.tables import meta, replicas
from airflow_updraft.store.transaction import run_transaction

CHUNK_ROWS = 1_000

Device = dict[str, Json]


def listed(
    store: sa.Engine,
    overdue_before: datetime,
    *,
    user: str | None = None,
    is_overdue: bool = False,
    after: str = "",
) -> Iterator[Device]:
    """Yield devices by replica id, from behind ``after`` on.

    Rows are read in chunks by their key: no chunk takes longer for the devices before it, and no
    transaction stays open between two chunks.
    """
    query = sa.select(*SHOWN).order_by(replicas.c.replica_id).limit(CHUNK_ROWS)
    if user is not None:
        query = query.where(replicas.c.user == user)
    if is_overdue:
        query = query.where(replicas.c.last_seen < overdue_before)
    with store.connect() as conn:
        epoch = conn.execute(sa.select(meta.c.epoch).where(meta.c.id == 1)).scalar_one()
    while True:
        with store.connect() as conn:
            rows = conn.execute(query.where(replicas.c.replica_id > after)).all()
        yield from (show_device(row, epoch, overdue_before) for row in rows)
        if len(rows) < CHUNK_ROWS:
            return
        after = rows[-1].replica_id


def described(store: sa.Engine, replica_id: str, overdue_before: datetime) -> Device:
    """Return all that the store knows of a device, without values; raise DeviceError."""
    here = replicas.c.replica_id == replica_id
    columns: list[sa.Column[Any]] = [*SHOWN, replicas.c.told, replicas.c.answers]
    with store.connect() as conn:
        epoch, revision = conn.execute(
            sa.select(meta.c.epoch, meta.c.revision).where(meta.c.id == 1)
        ).one()
        row = conn.execute(sa.select(*columns).where(here)).one_or_none()
    if row is None:
        raise DeviceError(f"the store knows no device {replica_id!r} ('devices list' shows all)")
    return show_device(row, epoch, overdue_before) | {
        "epoch": row.epoch,
        "toldUpTo": row.told,
        "storeRevision": revision,
        "answers": row.answers,
        "rejected": show_rejections(row),
        "mayGo": ledger.may_go(row.number),
    }


def forget(store: sa.Engine, device: Device) -> None:
    """Remove a described device's row; raise DeviceError if it has sent something since.

    A person has seen the description and confirmed what follows from it, and from nothing newer.
    """

    def body(conn: sa.Connection) -> bool:
        lock_counter(conn)
        return ledger.forget(conn, str(device["replicaId"]), device["batches"])

    if not run_transaction(store, body):
        raise DeviceError(
            f"{device['replicaId']!r} has exchanged meanwhile: the device is in use, or somebody "
            "else has removed it"
        )
