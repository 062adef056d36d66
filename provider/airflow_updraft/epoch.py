"""The epoch: a random name for one unbroken life of the store. Revisions of another epoch mean nothing."""

from __future__ import annotations

import logging
from typing import Protocol

from airflow_updraft.ledger import Entry
from airflow_updraft.request import Request
from airflow_updraft.revision import Counter

log = logging.getLogger(__name__)


class EpochKeeper(Protocol):
    """Keeps the epoch outside the database, which a restored backup would bring back along with its data."""

    def get(self) -> str | None:
        """The kept epoch, None where none is kept yet."""

    def set(self, epoch: str) -> None:
        """Keep this epoch."""


def is_broken(counter: Counter, keeper: EpochKeeper | None, kept: str | None) -> bool:
    """Tell whether the epoch kept outside says that the store was restored.

    ``kept`` was read before the counter was locked, so that no lock is held over a slow keeper. Where it differs,
    it may only be old: another exchange may have renewed both since; then ask again, under the lock.
    """
    if keeper is None or kept == counter.epoch:
        return False
    kept = keeper.get()
    if kept is None:
        keeper.set(counter.epoch)
        return False
    return kept != counter.epoch


def is_ahead(request: Request, entry: Entry | None, counter: Counter) -> bool:
    """Tell whether a device of this epoch knows more than the store, or was told more: then the store was restored."""
    if request.epoch != counter.epoch:
        return False
    seen = max(request.since, request.floor)
    if seen > counter.revision:
        return True
    if entry is None or entry.epoch != counter.epoch:
        return seen > 0 or request.last is not None
    # The store may have grown past it since the restore, with other changes under the same revisions.
    is_told_less = entry.told is not None and seen > entry.told
    return is_told_less or entry.number < request.last_number


def renew(counter: Counter, keeper: EpochKeeper | None, new_epoch: str) -> None:
    """Begin a new epoch: every device re-reads, none is trusted to match.

    The keeper is told before the commit: told after it, a crash in between would look like a restore. Told before,
    a rolled back renewal looks like one, and is renewed again: safe.
    """
    counter.epoch = new_epoch
    if keeper is not None:
        keeper.set(new_epoch)


def renew_for(request: Request, counter: Counter, keeper: EpochKeeper | None, new_epoch: str) -> None:
    """Renew the epoch because of this request, and name it: a restored store and a device that lies look the same."""
    log.warning(
        "epoch %s becomes %s and every device reads again: replica %r of %s names revision %d, the store is at %d, and "
        "this or the epoch kept outside does not fit it. If it was not restored, look at what this replica sends",
        *(counter.epoch, new_epoch, request.replica_id, request.user),
        *(max(request.since, request.floor), counter.revision),
    )
    renew(counter, keeper, new_epoch)
