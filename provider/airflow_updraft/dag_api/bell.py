"""When to ring for a collection: once for news, again while a consumer is behind or a ring is lost.

Airflow notes a trigger's event a moment after the trigger fired; a triggerer killed in between has
lost the event. So the durable cursor moves CONFIRM_S after a ring and only if the same triggerer
still lives: a new triggerer finds the cursor before the event that may be lost, and rings again.
Rings come at least once.

A consumer that is handed 500 of 1,500 changes would wait for somebody's next change. So the bell
rings again while a consumer is behind: AFTER_PROGRESS_S after the last ring where a cursor has
moved since, else after STUCK_S, and twice as long each further time, at most STUCK_S_MAX: a DAG
that fails at every run is tried on, and an abandoned consumer costs an empty run an hour.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from airflow_updraft.store.cursors import (
    BELL,
    EXPIRED,
    OWN,
    Position,
    move_cursor,
    read_position,
)
from airflow_updraft.store.tables import consumers, records
from airflow_updraft.store.transaction import run_transaction

CONFIRM_S = 20.0
AFTER_PROGRESS_S = 5.0
STUCK_S, STUCK_S_MAX = 60.0, 3_600.0


@dataclass(slots=True)
class _Ring:
    revision: int
    at: float


@dataclass(slots=True)
class _LastRing:
    """The last ring of any kind: where consumers stood, and how long a standstill may last."""

    at: float
    cursors: dict[str, int]
    patience_s: float = STUCK_S


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
        self._last: _LastRing | None = None

    def ask(self) -> int | None:
        """Return the revision to ring for, or None; move the cursor past confirmed rings."""
        head = sa.select(sa.func.coalesce(sa.func.max(records.c.revision), 0)).where(
            records.c.collection == self._collection
        )
        readers = sa.select(consumers.c.name, consumers.c.revision).where(
            consumers.c.collection == self._collection, consumers.c.name.not_in(OWN)
        )
        with self._store.connect() as conn:
            position = read_position(conn, BELL, self._collection)
            newest = int(conn.execute(head).scalar_one())
            cursors: dict[str, int] = {row.name: row.revision for row in conn.execute(readers)}
        self._forget_a_lost_life(position, newest)
        is_news = newest > max([position.cursor, *(ring.revision for ring in self._unconfirmed)])
        self._confirm(position)
        if is_news:
            self._unconfirmed.append(_Ring(newest, self._clock()))
            self._last = _LastRing(self._clock(), cursors)
            return newest
        return newest if self._is_due_again(cursors, newest) else None

    def _is_due_again(self, cursors: dict[str, int], newest: int) -> bool:
        """Tell whether a consumer is behind and was not woken for long enough; note the ring."""
        behind = [name for name, at in cursors.items() if at != EXPIRED and at < newest]
        if not behind:
            return False
        now, last = self._clock(), self._last
        if last is None:
            self._last = _LastRing(now, cursors)
            return True
        has_moved = any(cursors[name] != last.cursors.get(name) for name in behind)
        if now - last.at < (AFTER_PROGRESS_S if has_moved else last.patience_s):
            return False
        patience = STUCK_S if has_moved else min(2 * last.patience_s, STUCK_S_MAX)
        self._last = _LastRing(now, cursors, patience)
        return True

    def has_store(self, store: sa.Engine) -> bool:
        """Tell whether this engine is of the same database."""
        return store.url == self._store.url

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
