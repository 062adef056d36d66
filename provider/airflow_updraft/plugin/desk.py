"""The objects that the routes of a process share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from airflow_updraft.plugin.access import who_claims
from airflow_updraft.plugin.epoch_cache import EpochCache
from airflow_updraft.plugin.gate import Gate
from airflow_updraft.plugin.live import Live
from airflow_updraft.plugin.secret_cache import SecretCache
from airflow_updraft.plugin.store import Store


@dataclass(frozen=True, slots=True)
class Desk:
    """Store, gates, live streams, limits, the kept epoch and the secret of a process."""

    store: Store
    gate: Gate
    watch_gate: Gate
    overview_gate: Gate
    live: Live
    epochs: EpochCache
    secrets: SecretCache
    replicas_per_user_max: int

    def close(self) -> None:
        """End streams and threads, and close idle connections."""
        self.live.close()
        self.gate.close()
        self.watch_gate.close()
        self.overview_gate.close()
        self.store.close()


async def _desk_of(request: Request) -> Desk:
    return cast("Desk", request.app.state.desk)


TheDesk = Annotated[Desk, Depends(_desk_of)]


async def require_room(request: Request, desk: TheDesk) -> None:
    """Turn requests away first: in a storm most are, which must cost next to nothing."""
    if desk.gate.is_full:
        desk.gate.require_room(who_claims(request))
