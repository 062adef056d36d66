"""The FastAPI app under ``/updraft/v1``: routes, and the objects that the routes share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import sqlalchemy as sa
from fastapi import FastAPI

from airflow_updraft.airflow_bridge import MetadataBondKeeper, MetadataEpochKeeper, server_secret
from airflow_updraft.errors import UpdraftError
from airflow_updraft.exchange.epoch import EpochKeeper
from airflow_updraft.plugin import health, page, routes
from airflow_updraft.plugin.desk import Desk
from airflow_updraft.plugin.epoch_cache import EpochCache
from airflow_updraft.plugin.gate import Gate
from airflow_updraft.plugin.heads import Heads, read_heads
from airflow_updraft.plugin.live import Live, server_is_stopping
from airflow_updraft.plugin.problems import RouteError, answer_problem
from airflow_updraft.plugin.secret_cache import SecretCache
from airflow_updraft.plugin.settings import Settings, read_settings
from airflow_updraft.plugin.store import Store
from airflow_updraft.store.bond import BondKeeper

OVERVIEWS_WAITING_MAX = 8


def create_app(
    settings: Settings | None = None, epoch_keeper: EpochKeeper | None = None
) -> FastAPI:
    """Build the app without connecting or reading files: problems show in the routes."""
    desk = open_desk(
        settings or read_settings(), epoch_keeper or MetadataEpochKeeper(), MetadataBondKeeper()
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        desk.close()

    # No documentation pages, which would be served to everybody.
    app = FastAPI(
        title="Updraft", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None
    )
    app.state.desk = desk
    app.include_router(routes.router)
    app.include_router(page.router)
    app.include_router(health.router)
    for error in (RouteError, UpdraftError, sa.exc.SQLAlchemyError):
        app.add_exception_handler(error, answer_problem)
    return app


def open_desk(
    settings: Settings,
    epoch_keeper: EpochKeeper,
    bonds: BondKeeper,
    secret: Callable[[sa.Engine], str] = server_secret,
) -> Desk:
    """Create the objects that the routes share."""
    store = Store(settings.exchanges_at_once + 2, bonds, epoch_keeper)
    watch_gate = Gate(
        at_once=1, waiting_max=2
    )  # beside the exchanges' gate: a busy store must not look silent

    async def poll(last: Heads | None) -> Heads:
        return await watch_gate.run(lambda: read_heads(store.open(), last))

    return Desk(
        store=store,
        gate=Gate(settings.exchanges_at_once, settings.exchanges_waiting_max),
        watch_gate=watch_gate,
        overview_gate=Gate(
            at_once=1, waiting_max=OVERVIEWS_WAITING_MAX
        ),  # nor may a slow page hold up a device
        live=Live(poll, settings.streams_max, server_is_stopping, settings.streams_per_user_max),
        epochs=EpochCache(epoch_keeper),
        secrets=SecretCache(secret),
        replicas_per_user_max=settings.replicas_per_user_max,
    )
