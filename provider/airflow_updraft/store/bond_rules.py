"""Whether a store is this Airflow's: decided from what both of them say, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import sqlalchemy as sa

from airflow_updraft.errors import (
    ForeignStoreError,
    OlderStoreError,
    StoreIsNewError,
    StoreRefusedError,
)
from airflow_updraft.store.tables import meta


class Bond(NamedTuple):
    """The id of the store's Airflow, and a revision that the store had reached, in which epoch.

    A store below that revision is an older one: a restored backup, or a standby that lags.
    """

    id: str
    reached: int = 0
    epoch: str = ""

    def as_text(self) -> str:
        """The text to keep."""
        return f"{self.id}:{self.reached}:{self.epoch}"


def bond_of(text: str | None) -> Bond | None:
    """Read a kept text; None where there is none, or somebody has changed it."""
    name, reached, epoch, *_ = [*(text or "").split(":"), "", ""]
    return Bond(name, int(reached) if reached.isdigit() else 0, epoch) if name else None


@dataclass(frozen=True, slots=True)
class Seen:
    """A store as found, before anything is done to it; ``bond`` is None before the first use."""

    epoch: str
    revision: int
    bond: str | None


class Outside(NamedTuple):
    """Airflow's own memory of its store: the bond, and the kept epoch."""

    bond: Bond | None
    epoch: str | None

    def knows(self, epoch: str) -> bool:
        """Tell whether a store of this epoch was this Airflow's."""
        return epoch == self.epoch or bool(self.bond and epoch == self.bond.epoch)


def look(store: sa.Engine) -> Seen | None:
    """Look at a database; None for a database without a store."""
    with store.connect() as conn:
        if not sa.inspect(conn).has_table(meta.name):
            return None
        # A store of an older version lacks columns.
        row = conn.execute(sa.text("SELECT * FROM updraft_meta WHERE id = 1")).mappings().first()
    return None if row is None else Seen(row["epoch"], row["revision"], row.get("bond"))


def problem(seen: Seen | None, outside: Outside) -> StoreRefusedError | None:
    """Return why a store is refused, or None: it belongs to this Airflow, or may be bonded."""
    kept = outside.bond
    if seen is None or (seen.bond is None and seen.revision == 0):
        knows_one = kept or outside.epoch
        return StoreIsNewError() if knows_one and not (seen and outside.knows(seen.epoch)) else None
    is_known_by_epoch = outside.knows(seen.epoch)
    if seen.bond is None:
        # Made before bonds: an upgrade, or a backup from before it.
        if not is_known_by_epoch and (kept or outside.epoch):
            return ForeignStoreError()
    elif kept is None:
        # Only the Variable of the bond was deleted, where the epoch is still known.
        return None if is_known_by_epoch else ForeignStoreError()
    elif kept.id != seen.bond:
        return ForeignStoreError()
    if kept and seen.revision < kept.reached:
        return OlderStoreError(seen.revision, kept.reached)
    return None
