"""The bells of collections and targets: triggers in Airflow's triggerer that fire on news.

Airflow's database keeps the path ``airflow_updraft.trigger``, so this module stays at the top.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Protocol

from airflow.triggers.base import BaseEventTrigger, TriggerEvent
from asgiref.sync import sync_to_async

if TYPE_CHECKING:
    import sqlalchemy as sa

POLL_S = 1.0
RECHECK_S = 60.0
BACKOFF_S_MAX = 30.0

log = logging.getLogger(__name__)


class Bell(Protocol):
    """A question that a trigger asks again and again."""

    def ask(self) -> int | None:
        """Return the revision to ring for, or None."""

    def has_store(self, store: sa.Engine) -> bool:
        """Tell whether this engine is of the same database."""

    def close(self) -> None:
        """Give the connections back."""


class _BellTrigger(BaseEventTrigger):
    """Fires whenever the bell of a collection says so, without end.

    An unreachable store is asked again after 1, 2, 4 … 30 s: a trigger that raised would be gone.
    """

    def __init__(self, collection: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        self.collection = collection

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the path and arguments from which the triggerer makes this trigger anew."""
        return (f"airflow_updraft.trigger.{type(self).__name__}", {"collection": self.collection})

    def make_bell(self, store: sa.Engine) -> Bell:
        """Return the bell of an opened store."""
        raise NotImplementedError

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Poll each second; SQL runs in a thread, as the triggerer's loop serves all triggers."""
        bell: Bell | None = None
        wait, due = POLL_S, 0.0
        clock = asyncio.get_running_loop().time
        try:
            while True:
                try:
                    # asgiref's thread can ask for Airflow's Connections and Variables through the
                    # triggerer's own loop, which goes on meanwhile.
                    if bell is None or clock() >= due:
                        bell = await sync_to_async(self._open, thread_sensitive=False)(bell)
                        due = clock() + RECHECK_S
                    rings = await asyncio.to_thread(bell.ask)
                    wait = POLL_S
                except Exception as error:
                    from airflow_updraft.discreet import describe  # noqa: PLC0415 (only needed now)

                    log.warning(
                        "%s: the store cannot be read, again in %s s: %s",
                        self.collection,
                        wait,
                        describe(error),
                    )
                    if bell:
                        bell.close()
                    bell, rings = None, None
                if rings is not None:
                    yield TriggerEvent({"collection": self.collection, "revision": rings})  # type: ignore[no-untyped-call]
                await asyncio.sleep(wait)
                if bell is None:
                    wait = min(2 * wait, BACKOFF_S_MAX)
        finally:
            if bell:
                bell.close()

    def _open(self, known: Bell | None) -> Bell:
        """Open the store; keep a bell whose store is still the one that the Connection names."""
        # Imported late: DAG files that name the asset import this module, and need no store.
        from airflow_updraft.airflow_bridge import store_engine  # noqa: PLC0415

        store = store_engine(may_bond=False)
        if known is None:
            return self.make_bell(store)
        if known.has_store(store):
            store.dispose()
            return known
        known.close()
        return self.make_bell(store)


class CollectionChangedTrigger(_BellTrigger):
    """Fires for revisions above the bell's durable cursor (dag_api/bell.py)."""

    def make_bell(self, store: sa.Engine) -> Bell:
        """Return the bell of the collection's DAGs."""
        from airflow_updraft.dag_api.bell import Bell  # noqa: PLC0415

        return Bell(store, self.collection)


class TargetBehindTrigger(_BellTrigger):
    """Fires while the collection's target lacks a change (sync/target_bell.py)."""

    def make_bell(self, store: sa.Engine) -> Bell:
        """Return the bell of the collection's export."""
        from airflow_updraft.sync.target_bell import TargetBell  # noqa: PLC0415

        return TargetBell(store, self.collection)
