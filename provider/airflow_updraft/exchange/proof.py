"""Proofs: the server's own word, given with each answer and shown again by the device.

A store restored from a backup does not know its later answers. A device that claims later answers
may lie; a device that shows a proof does not, because the key lies outside the store and no device
has the key.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from airflow_updraft.exchange.entry import Entry
from airflow_updraft.exchange.request import Request

_FIELDS = 5


def random_receipt() -> str:
    """Return the random part of an answer's name.

    Two lives of a store give equal numbers and revisions, but never equal random parts.
    """
    return secrets.token_hex(4)


@dataclass(frozen=True, slots=True)
class Proof:
    """The ledger's row of a replica as of an answer of this epoch."""

    told: int
    number: int
    answers: int
    receipt: str


class Proofs:
    """Gives and checks proofs with a key made of the shared secret."""

    def __init__(self, secret: str, new_receipt: Callable[[], str] = random_receipt) -> None:
        self._key = hmac.digest(secret.encode(), b"updraft proof 1", "sha256")
        self.new_receipt = new_receipt

    def give(self, request: Request, entry: Entry) -> str:
        """Return the proof of an answer after which the replica's row is ``entry``."""
        said = Proof(entry.told or 0, entry.number, entry.answers, entry.receipt)
        mac = self._mac(request, entry.epoch, said)
        return f"{said.told}.{said.number}.{said.answers}.{said.receipt}.{mac}"

    def check(self, request: Request) -> Proof | None:
        """Return the proof in the request, None without a proof for this replica and epoch."""
        parts = (request.proof or "").split(".")
        if len(parts) != _FIELDS or not all(
            part.isascii() and part.isdigit() for part in parts[:3]
        ):
            return None
        told, number, answers = map(int, parts[:3])
        said = Proof(told, number, answers, parts[3])
        expected = self._mac(request, request.epoch, said)
        return said if hmac.compare_digest(expected.encode(), parts[4].encode()) else None

    def _mac(self, request: Request, epoch: str | None, said: Proof) -> str:
        # The epoch is random: a name of the store, and of an unbroken life of the store.
        text = [
            epoch,
            request.replica_id,
            request.user,
            said.told,
            said.number,
            said.answers,
            said.receipt,
        ]
        digest = hmac.digest(self._key, json.dumps(text).encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
