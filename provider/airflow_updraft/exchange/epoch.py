"""The epoch: a random name for an unbroken life of the store. Revisions count in one epoch only."""

from __future__ import annotations

import logging
from enum import Enum
from typing import Protocol

from airflow_updraft.exchange.entry import Entry
from airflow_updraft.exchange.proof import Proof
from airflow_updraft.exchange.request import Request
from airflow_updraft.store.revision import Counter

log = logging.getLogger(__name__)

BRANCH = "."
"""Separates the store's epoch from the suffix of a replica's branch; allowed in the id of a DAG
run, and in no epoch."""


class EpochKeeper(Protocol):
    """Keeps the epoch outside the database, where a restored backup cannot bring back another."""

    def get(self) -> str | None:
        """The kept epoch, None where none is kept yet."""

    def set(self, epoch: str) -> None:
        """Keep this epoch."""


def is_broken(counter: Counter, keeper: EpochKeeper | None, kept: str | None) -> bool:
    """Tell whether the epoch kept outside says that the store was restored.

    ``kept`` was read before the counter was locked, so that no lock is held over a slow keeper. A
    different ``kept`` may just be old, because another exchange may have renewed both epochs since:
    the keeper is asked again under the lock.
    """
    if keeper is None or kept == counter.epoch:
        return False
    kept = keeper.get()
    if kept is None:
        keeper.set(counter.epoch)
        return False
    return kept != counter.epoch


class Doubt(Enum):
    """The comparison of a request's claims with the store and the ledger."""

    NONE = "they fit"
    CLAIM = (
        "the replica names what it was never told: it lies, or the store was restored; "
        "only it reads again"
    )
    RESTORED = (
        "it shows the server's own word for it: the store was restored, and everybody reads again"
    )


def epoch_of(entry: Entry | None, counter: Counter) -> str:
    """Return the epoch as the replica knows it: the store's, or a branch (``renew_alone``)."""
    return (
        entry.epoch
        if entry and entry.epoch.partition(BRANCH)[0] == counter.epoch
        else counter.epoch
    )


def is_of(epoch: str, store_epoch: str) -> bool:
    """Tell whether a replica's epoch belongs to the store's."""
    return epoch.partition(BRANCH)[0] == store_epoch


def doubt(request: Request, entry: Entry | None, counter: Counter, proof: Proof | None) -> Doubt:
    """Compare a device's claims and proof of this epoch with the knowledge of store and ledger."""
    if request.epoch != epoch_of(entry, counter):
        return Doubt.NONE
    if proof and _denies(proof, entry, counter):
        # The row of a replica that never settled anything may have been pruned: a missing row then
        # says nothing of the store.
        return Doubt.RESTORED if proof.number > 0 or proof.told > counter.revision else Doubt.CLAIM
    return Doubt.CLAIM if _is_ahead(request, entry, counter) else Doubt.NONE


def _denies(proof: Proof, entry: Entry | None, counter: Counter) -> bool:
    """Tell whether the ledger lacks an answer that the server gave, or knows another answer."""
    if proof.told > counter.revision or entry is None or not is_of(entry.epoch, counter.epoch):
        return True
    if entry.told is not None and proof.told > entry.told:
        return True
    if proof.number > entry.number or proof.answers > entry.answers:
        return True
    # A restored store may have answered as often since, and as far: the same numbers, another
    # answer.
    return entry.receipt_of(proof.answers) not in (None, proof.receipt)


def _is_ahead(request: Request, entry: Entry | None, counter: Counter) -> bool:
    """Tell whether a device of this epoch knows, or claims, more than the store holds."""
    seen = max(request.since, request.floor)
    if seen > counter.revision:
        return True
    if entry is None or not is_of(entry.epoch, counter.epoch):
        return seen > 0 or request.last is not None
    # Since the restore the store may have grown past that revision, with other changes under the
    # same revisions.
    is_told_less = entry.told is not None and seen > entry.told
    return is_told_less or entry.number < request.last_number


def renew(counter: Counter, keeper: EpochKeeper | None, new_epoch: str) -> None:
    """Begin a new epoch: every device re-reads, none is trusted to match.

    The keeper is set before the commit: set afterwards, a crash in between would look like a
    restore. Set before, a rolled back renewal looks like a restore, and the epoch is renewed again:
    safe.
    """
    counter.epoch = new_epoch
    if keeper is not None:
        keeper.set(new_epoch)


def renew_for(
    request: Request, counter: Counter, keeper: EpochKeeper | None, new_epoch: str
) -> None:
    """Renew the epoch because of this request, and log the replica."""
    log.warning(
        "epoch %s becomes %s and every device reads again: the store was restored from a backup. "
        "It is at revision %d "
        "and does not know what was answered to replica %r of %s, or its epoch is not the one kept "
        "outside",
        *(counter.epoch, new_epoch, counter.revision, request.replica_id, request.user),
    )
    renew(counter, keeper, new_epoch)


def renew_alone(request: Request, counter: Counter, new_epoch: str) -> str:
    """Begin a branch of the epoch for this replica, which re-reads; older requests become void.

    Other devices notice nothing. After a restore each other device is found out by the device's own
    row or proof.
    """
    log.warning(
        "replica %r of %s reads again: it names revision %d and batch %d, which it was not told "
        "of, and has no proof. "
        "If the store (at revision %d) was restored from a backup, run the new-epoch command",
        *(
            request.replica_id,
            request.user,
            max(request.since, request.floor),
            request.last_number,
            counter.revision,
        ),
    )
    return f"{counter.epoch}{BRANCH}{new_epoch}"
