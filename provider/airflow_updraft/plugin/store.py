"""The way to the store: an engine and the collections for each process, opened at first use."""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from airflow_updraft.airflow_bridge import collections_file, declared_collections, find_store
from airflow_updraft.collections import Collections
from airflow_updraft.errors import StoreNotConfiguredError
from airflow_updraft.exchange.epoch import EpochKeeper
from airflow_updraft.plugin.pings import ping_idle_connections
from airflow_updraft.store.bond import BondKeeper, admit
from airflow_updraft.store.own_index import index_own

log = logging.getLogger(__name__)

RECHECK_SECONDS = 60.0
POOL_WAIT_SECONDS_MAX = 5.0


@dataclass(frozen=True, slots=True)
class OpenStore:
    """The store as of now."""

    engine: sa.Engine
    collections: Collections
    bond: str | None = None


class Store:
    """Opens the store lazily, for several threads; holds nothing before, so a fork may follow."""

    def __init__(
        self,
        connections_max: int,
        bonds: BondKeeper,
        epochs: EpochKeeper,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connections_max = connections_max
        self._bonds = bonds
        self._epochs = epochs
        self._clock = clock
        self._lock = threading.Lock()
        self._open: OpenStore | None = None
        self._collections_version: object = None
        self._due = 0.0

    def open(self) -> OpenStore:
        """Return the store; check for a changed Connection or declaration each RECHECK_SECONDS.

        Raises StoreNotConfiguredError, CollectionsFileError, StoreVersionError, StoreRefusedError
        or the database's error; the next call tries again.
        """
        with self._lock:
            if self._open is None or self._clock() >= self._due:
                collections = self._collections()
                engine, bond = self._engine()
                before = self._open
                if (
                    before is None
                    or before.engine is not engine
                    or before.collections is not collections
                ):
                    index_own(engine, collections)
                self._open = OpenStore(engine, collections, bond)
                self._due = self._clock() + RECHECK_SECONDS
            return self._open

    def look_again(self) -> OpenStore:
        """Look at once whether the store is still this Airflow's; raise as ``open`` does."""
        with self._lock:
            self._due = 0.0
        return self.open()

    def _engine(self) -> tuple[sa.Engine, str | None]:
        current = self._open.engine if self._open else None
        try:
            found = find_store(
                pool_size=self._connections_max,
                max_overflow=0,
                pool_timeout=POOL_WAIT_SECONDS_MAX,
            )
        except StoreNotConfiguredError:
            if current is None:
                raise
            # Airflow says the same when a secrets backend does not answer for a moment.
            log.warning(
                "the Connection of the store is not found any more; going on with the one found "
                "before"
            )
            return current, self._admit(current)
        if current is not None and found.url == current.url:
            found.dispose()
            return current, self._admit(current)
        ping_idle_connections(found)
        try:
            bond = self._admit(found)
        except BaseException:
            found.dispose()
            raise
        if current is None:
            # An exchange makes thousands of objects and no cycles, and now and then sets off a full
            # collection, which would visit all of Airflow each time (a third of an exchange of
            # 1,000 mutations, ADR 14).
            gc.freeze()
        else:
            log.info("the Connection of the store has changed; using the new one")
            current.dispose()  # exchanges still under way end on their own connections
        return found, bond

    def _admit(self, engine: sa.Engine) -> str | None:
        return admit(engine, self._bonds, self._epochs.get, notes=True)

    def _collections(self) -> Collections:
        path = Path(collections_file())
        found = path.stat() if path.is_file() else None
        version = (path, found.st_mtime_ns, found.st_size) if found else None
        if self._open is None or version is None or version != self._collections_version:
            declared = declared_collections()
            self._collections_version = version
            return declared
        return self._open.collections

    def close(self) -> None:
        """Close idle connections."""
        with self._lock:
            if self._open is not None:
                self._open.engine.dispose()
            self._open = None
