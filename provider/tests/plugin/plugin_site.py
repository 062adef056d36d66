"""Airflow's own API app with the plugin, served over HTTP by uvicorn; each test has a store."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa
import uvicorn
from world import KeptEpoch, World

# Airflow reads this at import, which any test module here may do.
os.environ["AIRFLOW__API__BASE_URL"] = "http://127.0.0.1/airflow"

USERS = {"ana": "user", "ben": "user", "vera": "viewer", "olga": "op"}


@cache
def airflow_app() -> Any:
    """Return Airflow's API app as built by the API server, plugins by entry points."""
    from airflow import settings
    from airflow.api_fastapi.app import create_app
    from airflow.models import import_all_models
    from airflow.models.base import Base

    import_all_models()
    Base.metadata.create_all(settings.engine)
    return create_app(apps="core")


def plugin_app() -> Any:
    (mount,) = [
        route for route in airflow_app().routes if getattr(route, "path", "") == "/updraft/v1"
    ]
    return mount.app


@cache
def token(user: str, seconds: int = 3_600) -> str:
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    someone = SimpleAuthManagerUser(username=user, role=USERS[user])
    return str(get_auth_manager().generate_jwt(someone, expiration_time_in_seconds=seconds))


class serving:  # noqa: N801
    """Serve an app in a thread during the block; yield the port."""

    def __init__(self, app: Any) -> None:
        self.server = uvicorn.Server(
            uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2)
        )
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]})

    def __enter__(self) -> int:
        self.thread.start()
        while not self.server.started:
            assert self.thread.is_alive(), "the server did not start"
            time.sleep(0.01)
        return int(self.socket.getsockname()[1])

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self.thread.join()


@dataclass
class Site:
    """The routes of a server whose store is the test's."""

    url: str
    world: World
    keeper: KeptEpoch
    make: Callable[..., Any]
    collections_file: Path
    bonds: KeptEpoch

    @property
    def desk(self) -> Any:
        return plugin_app().state.desk

    def restart(self, **settings: int) -> None:
        """Begin as a new process would: nothing is open, nothing is remembered."""
        self.make(**settings)

    def client(self, user: str | None = "ana", **headers: str) -> httpx.Client:
        signed = {"Authorization": f"Bearer {token(user)}"} if user else {}
        return httpx.Client(
            base_url=f"{self.url}/updraft/v1", headers=signed | headers, timeout=20, trust_env=False
        )

    def post(self, request: Any, user: str | None = "ana", **headers: str) -> httpx.Response:
        content = request if isinstance(request, str | bytes) else json.dumps(request)
        with self.client(user, **headers) as client:
            return client.post("/exchange", content=content)

    def get(self, path: str, user: str | None = "ana", **headers: str) -> httpx.Response:
        with self.client(user, **headers) as client:
            return client.get(path)


def connection(url: sa.URL) -> dict[str, Any]:
    """An Airflow Connection to the same database."""
    if url.get_backend_name() == "sqlite":
        return {"conn_type": "sqlite", "host": url.database}
    return {
        "conn_type": "postgres",
        "login": url.username,
        "host": url.query["host"],
        "schema": url.database,
    }
