"""The bell of a collection: a trigger in Airflow's triggerer that fires when the store holds something new."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent
from asgiref.sync import sync_to_async

if TYPE_CHECKING:
    from airflow_updraft.bell import Bell

POLL_S = 1.0
BACKOFF_S_MAX = 30.0

log = logging.getLogger(__name__)


class CollectionChangedTrigger(BaseEventTrigger):
    """Fires when the collection has revisions above the bell's durable cursor (see bell.py); never ends by itself.

    A store that cannot be reached is asked again after 1, 2, 4 … 30 s: a trigger that raised would be gone.
    """

    def __init__(self, collection: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        self.collection = collection

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """What the triggerer makes it anew from."""
        return ("airflow_updraft.trigger.CollectionChangedTrigger", {"collection": self.collection})

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Poll each second; SQL runs in a thread, the triggerer's loop serves every other trigger too."""
        bell: Bell | None = None
        wait = POLL_S
        try:
            while True:
                try:
                    # By asgiref: Airflow's Connections are asked for through the triggerer's own loop.
                    bell = bell or await sync_to_async(_open, thread_sensitive=False)(self.collection)
                    rings = await asyncio.to_thread(bell.ask)
                    wait = POLL_S
                except Exception as error:
                    log.warning("%s: the store cannot be read, again in %s s: %s", self.collection, wait, error)
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


def _open(collection: str) -> Bell:
    # Here, not above: DAG files that name the asset import this module, and need none of it.
    from airflow_updraft.airflow_bridge import store_engine  # noqa: PLC0415
    from airflow_updraft.bell import Bell  # noqa: PLC0415

    return Bell(store_engine(), collection)
