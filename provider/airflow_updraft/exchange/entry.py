"""An entry of the ledger, and the rules that place a request beside the replica's entry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

from airflow_updraft.exchange.request import Request

RECEIPTS_KEPT = 16
"""Older answers than these to the same replica pass for answers of this life of the store."""


class Standing(Enum):
    """The relation of a request to the ledger's row of the replica."""

    REPLAY = "the ledger holds this very batch or void's answer"
    VOIDED = "the number was voided before the batch came"
    FORK = "the replica is behind itself: a clone, or a restored profile"
    STRAY = "the number is not the next one"
    NEXT = "a pull, or the next number"


@dataclass(frozen=True, slots=True)
class Entry:
    """A replica's row without the verdicts, which are large and seldom needed again."""

    user: str
    epoch: str
    number: int = 0
    nonce: str | None = None
    hash: str | None = None
    is_void: bool = False
    told: int | None = 0
    """The highest revision the replica was told of in this epoch; None: unknown, last seen before
    store version 3."""
    answers: int = 0
    """How many answers the replica was given in this epoch, repeated answers not counted."""
    receipts: str = ""
    """The names of the last RECEIPTS_KEPT answers, each the store's revision and a random part, the
    newest last."""

    @property
    def receipt(self) -> str:
        """The name of the newest answer."""
        return self.receipts.rpartition(" ")[2]

    def receipt_of(self, answer: int) -> str | None:
        """Return the name of the answer with this number, None if the name is not kept any more."""
        kept = self.receipts.split()
        back = self.answers - answer
        return kept[-1 - back] if 0 <= back < len(kept) else None


def claim(request: Request, epoch: str) -> Entry:
    """Return the row of a replica that is new to this epoch.

    Without this row a replica with a past would pass for a replica of a lost epoch, and renew the
    epoch for ever.
    """
    return Entry(request.user, epoch, request.last_number, request.last_nonce)


def tell(known: Entry | None, entry: Entry, up_to: int) -> Entry:
    """Return a replica's entry, ``known`` before, now told of the store up to this revision."""
    before = known if known and known.epoch == entry.epoch else Entry(entry.user, entry.epoch)
    told = max(before.told or 0, up_to)
    return replace(entry, told=told, answers=before.answers, receipts=before.receipts)


def name_answer(
    known: Entry | None, entry: Entry, revision: int, new_name: Callable[[], str]
) -> Entry:
    """Return the entry after another answer, made at this revision of the store.

    An answer equal to the last answer keeps its name: nothing was settled or written in between.
    """
    if (
        known
        and entry.receipt.startswith(f"{revision}-")
        and replace(entry, told=known.told) == known
    ):
        return entry
    kept = [*entry.receipts.split(), f"{revision}-{new_name()}"][-RECEIPTS_KEPT:]
    return replace(entry, answers=entry.answers + 1, receipts=" ".join(kept))


def in_epoch(entry: Entry, epoch: str) -> Entry:
    """Return the same answer in this epoch: the next request would otherwise renew for nothing."""
    return replace(entry, epoch=epoch)


def standing(entry: Entry | None, request: Request, epoch: str) -> Standing:
    """Place the request; the order of the checks is the contract's."""
    if entry is not None:
        if _is_answered(entry, request):
            return Standing.VOIDED if entry.is_void else Standing.REPLAY
        # The nonce counts only inside a single epoch; the number, which only grows, in all epochs.
        same_epoch = entry.epoch == epoch
        if entry.number > request.last_number or (same_epoch and entry.nonce != request.last_nonce):
            return Standing.FORK
    if request.mark and request.mark.number != request.last_number + 1:
        return Standing.STRAY
    return Standing.NEXT


def _is_answered(entry: Entry, request: Request) -> bool:
    """Tell whether the row is about this number, for a batch and a void alike."""
    if request.mark is None or entry.number != request.mark.number:
        return False
    if request.batch and not entry.is_void:
        # A clone that reused the number has another hash, through another nonce at least.
        return entry.hash == request.batch.hash
    return entry.nonce == request.mark.nonce and (entry.is_void or entry.hash is not None)
