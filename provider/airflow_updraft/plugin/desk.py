"""What the routes of one process share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from airflow_updraft.plugin.epoch_cache import EpochCache
from airflow_updraft.plugin.gate import Gate
from airflow_updraft.plugin.live import Live
from airflow_updraft.plugin.store import Store


@dataclass(frozen=True, slots=True)
class Desk:
    """Store, gates, live streams and the kept epoch of one process."""

    store: Store
    gate: Gate
    watch_gate: Gate
    live: Live
    epochs: EpochCache

    def close(self) -> None:
        """End streams and threads, and close idle connections."""
        self.live.close()
        self.gate.close()
        self.watch_gate.close()
        self.store.close()


async def _desk_of(request: Request) -> Desk:
    return cast("Desk", request.app.state.desk)


TheDesk = Annotated[Desk, Depends(_desk_of)]


async def require_room(desk: TheDesk) -> None:
    """A route's first dependency: in a storm most requests are turned away, which must cost next to nothing."""
    desk.gate.require_room()
