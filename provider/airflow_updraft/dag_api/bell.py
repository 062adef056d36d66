"""When to ring for a collection: once for news, again only if the ring may have been lost.

Airflow notes a trigger's event a moment after the trigger fired; a triggerer killed in between has
lost the event. So the durable cursor moves CONFIRM_S after a ring and only if the same triggerer
still lives: a new triggerer finds the cursor before the event that may be lost, and rings again.
Rings come at least once, and never without news.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from airflow_updraft.store.cursors import BELL, Position, move_cursor, read_position
from airflow_updraft.store.tables import records
from airflow_updraft.store.transaction import run_transaction

CONFIRM_S = 20.0


@dataclass(slots=True)
class _Ring:
    revision: int
    at: float


class Bell:
    """Asks the store for news; ``clock`` is monotonic, in seconds. Not safe for two threads."""

    def __init__(
        self, store: sa.Engine, collection: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._collection = collection
        self._clock = clock
        self._epoch: str | None = None
        self._unconfirmed: list[_Ring] = []

    def ask(self) -> int | None:
        """Return the revision to ring for, or None; move the cursor past confirmed rings."""
        head = sa.select(sa.func.coalesce(sa.func.max(records.c.revision), 0)).where(
            records.c.collection == self._collection
        )
        with self._store.connect() as conn:
            position = read_position(conn, BELL, self._collection)
            newest = int(conn.execute(head).scalar_one())
        self._forget_a_lost_life(position, newest)
        is_news = newest > max([position.cursor, *(ring.revision for ring in self._unconfirmed)])
        self._confirm(position)
        if is_news:
            self._unconfirmed.append(_Ring(newest, self._clock()))
        return newest if is_news else None

    def close(self) -> None:
        """Give the connections back."""
        self._store.dispose()

    def _forget_a_lost_life(self, position: Position, newest: int) -> None:
        """Forget rings of another epoch: a restored store counts anew from the backup's revision.

        Earlier rings were for revisions above that, or for revisions of the lost life.
        """
        restored = self._unconfirmed and newest < self._unconfirmed[-1].revision
        if position.epoch != self._epoch or restored:
            self._unconfirmed.clear()
        self._epoch = position.epoch

    def _confirm(self, position: Position) -> None:
        old = [ring for ring in self._unconfirmed if self._clock() - ring.at >= CONFIRM_S]
        if not old:
            return
        self._unconfirmed = self._unconfirmed[len(old) :]
        if old[-1].revision > position.cursor:
            end = old[-1].revision
            run_transaction(
                self._store,
                lambda conn: move_cursor(conn, BELL, self._collection, position, end),
                repeatable=True,
            )
