"""The proofs of a process: the shared secret is read now and then, not at every exchange."""

from __future__ import annotations

import time
from collections.abc import Callable

import sqlalchemy as sa

from airflow_updraft.exchange.proof import Proofs
from airflow_updraft.store.key_mark import mark_key

KEPT_SECONDS = 60.0
"""How long a new secret may stay unknown to this process; elsewhere proofs made with the old secret
count for nothing."""


class SecretCache:
    """Shared by threads: one tuple, replaced whole. A failed read is raised, and not remembered."""

    def __init__(
        self, read: Callable[[sa.Engine], str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._read = read
        self._clock = clock
        self._known: tuple[Proofs, float] | None = None  # and the end of their validity

    def proofs(self, store: sa.Engine) -> Proofs:
        """The proofs made with the secret as last read, or read now."""
        known = self._known
        if known is None or self._clock() >= known[1]:
            secret = self._read(store)
            mark_key(store, secret)
            known = self._known = Proofs(secret), self._clock() + KEPT_SECONDS
        return known[0]

    def forget(self) -> None:
        """Read the secret anew at the next exchange."""
        self._known = None
