"""The kept epoch, read from Airflow's database every few seconds instead of at every exchange."""

from __future__ import annotations

import time
from collections.abc import Callable

from airflow_updraft.exchange.epoch import EpochKeeper

KEPT_SECONDS = 5.0


class EpochCache:
    """The epoch as this process last read it. Shared by threads: one tuple, replaced whole."""

    def __init__(self, keeper: EpochKeeper, clock: Callable[[], float] = time.monotonic) -> None:
        self._keeper = keeper
        self._clock = clock
        self._read: tuple[str, float] | None = None  # the epoch, and the end of its validity

    def for_one_exchange(self) -> EpochKeeper:
        """Return a keeper whose first ``get`` may be KEPT_SECONDS old, later ones fresh.

        An exchange asks once before locking the store, and a second time, under the lock, only when
        the first answer differs from the store's epoch: a difference may mean a restored backup,
        and a renewal makes every device re-read.

        - A difference is thus always decided on a fresh read. Decided on an old read, two processes
          with each other's former epoch would renew in turn, for ever.
        - An equality may be old. Then somebody kept another epoch in the last seconds: by a renewal
          in the store, which shows as a difference; or by a renewal that was rolled back, or by
          hand, and then this exchange is answered as seconds earlier, and the next fresh read
          renews. Devices that re-read then find all that this exchange wrote.
        - A missing epoch is never remembered: the first exchanges of two processes must agree.
        """
        return _OnceCached(self)

    def get(self) -> str | None:
        """The epoch as last read, or read now."""
        if self._read and self._clock() < self._read[1]:
            return self._read[0]
        return self.get_fresh()

    def get_fresh(self) -> str | None:
        """Return the keeper's epoch as of now."""
        self._read = None
        epoch = self._keeper.get()
        if epoch is not None:
            self._read = (epoch, self._clock() + KEPT_SECONDS)
        return epoch

    def set(self, epoch: str) -> None:
        """Keep this epoch, to be read back before use: a rolled back exchange may have set it."""
        self._read = None
        self._keeper.set(epoch)


class _OnceCached:
    def __init__(self, cache: EpochCache) -> None:
        self._cache = cache
        self._asked = False

    def get(self) -> str | None:
        if self._asked:
            return self._cache.get_fresh()
        self._asked = True
        return self._cache.get()

    def set(self, epoch: str) -> None:
        self._cache.set(epoch)
