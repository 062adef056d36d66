"""The FastAPI app under ``/updraft/v1``: what is served, and what it is served with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import sqlalchemy as sa
from fastapi import FastAPI

from airflow_updraft.airflow_bridge import MetadataEpochKeeper
from airflow_updraft.epoch import EpochKeeper
from airflow_updraft.errors import UpdraftError
from airflow_updraft.plugin import page, routes
from airflow_updraft.plugin.desk import Desk
from airflow_updraft.plugin.epoch_cache import EpochCache
from airflow_updraft.plugin.gate import Gate
from airflow_updraft.plugin.heads import Heads, read_heads
from airflow_updraft.plugin.live import Live, server_is_stopping
from airflow_updraft.plugin.problems import RouteError, answer_problem
from airflow_updraft.plugin.settings import Settings, read_settings
from airflow_updraft.plugin.store import Store


def create_app(settings: Settings | None = None, epoch_keeper: EpochKeeper | None = None) -> FastAPI:
    """Build the app. Connects to nothing and reads no file: what is wrong shows in the routes, not at the start."""
    desk = open_desk(settings or read_settings(), epoch_keeper or MetadataEpochKeeper())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        desk.close()

    # No documentation pages: they would be served to everybody.
    app = FastAPI(title="Updraft", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.desk = desk
    app.include_router(routes.router)
    app.include_router(page.router)
    for error in (RouteError, UpdraftError, sa.exc.SQLAlchemyError):
        app.add_exception_handler(error, answer_problem)
    return app


def open_desk(settings: Settings, epoch_keeper: EpochKeeper) -> Desk:
    """Put together what the routes work with."""
    store = Store(connections_max=settings.exchanges_at_once + 1)
    watch_gate = Gate(at_once=1, waiting_max=2)  # beside the exchanges' gate: a busy store must not look silent

    async def poll(last: Heads | None) -> Heads:
        return await watch_gate.run(lambda: read_heads(store.open(), last))

    return Desk(
        store=store,
        gate=Gate(settings.exchanges_at_once, settings.exchanges_waiting_max),
        watch_gate=watch_gate,
        live=Live(poll, settings.streams_max, server_is_stopping),
        epochs=EpochCache(epoch_keeper),
    )
