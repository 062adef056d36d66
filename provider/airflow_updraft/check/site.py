"""The installation under a check: configuration, store and Airflow database, opened lazily."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from threading import Timer
from typing import Any, NamedTuple

import sqlalchemy as sa
from airflow.configuration import conf

from airflow_updraft.airflow_bridge import connection_engine, declared_collections, find_store
from airflow_updraft.collections import Collections
from airflow_updraft.store.tables import meta, replicas

SECONDS_MAX = 5.0
"""The time limit of a connection, and of a statement."""


class StoreHead(NamedTuple):
    """The store's one row of numbers, and how many devices it knows."""

    version: int
    epoch: str
    revision: int
    devices: int

    @property
    def is_unused(self) -> bool:
        """Tell whether no device and no DAG has come so far."""
        return self.revision == 0 and self.devices == 0


@dataclass
class Site:
    """The installation under a check. ``on_page``: in the API server, for the page "Updraft"."""

    url: str | None = None
    user: str | None = None
    on_page: bool = False
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _engines: dict[str, sa.Engine] = field(default_factory=dict)

    def option(self, section: str, name: str, default: str = "") -> str:
        """A setting of Airflow, without the spaces around it."""
        return str(conf.get(section, name, fallback=default) or default).strip()

    @cached_property
    def store(self) -> sa.Engine:
        """The engine of the store; raises as ``find_store`` does, which connects to nothing."""
        return _patient(find_store(poolclass=sa.pool.NullPool))

    @cached_property
    def collections(self) -> Collections:
        """The declared collections; raises CollectionsFileError."""
        return declared_collections()

    @cached_property
    def head(self) -> StoreHead:
        """The store's numbers; raises the database's error where there are none."""
        devices = sa.select(sa.func.count()).select_from(replicas).scalar_subquery()
        row = sa.select(meta.c.schema_version, meta.c.epoch, meta.c.revision, devices)
        with self.connect() as conn:
            return StoreHead(*conn.execute(row.where(meta.c.id == 1)).one())

    def connect(self) -> Any:
        """A connection to the store whose statements end after SECONDS_MAX."""
        return limited(self.store)

    def engine_of(self, connection_id: str) -> sa.Engine:
        """The engine of a source's or target's Connection; raises TableSyncError."""
        if connection_id not in self._engines:
            self._engines[connection_id] = _patient(connection_engine(connection_id))
        return self._engines[connection_id]

    def address(self) -> str:
        """The URL by which devices come: ``--url``, else ``[api] base_url``, else an empty text."""
        return (self.url or self.option("api", "base_url")).rstrip("/")

    def close(self) -> None:
        """Close idle connections."""
        for engine in self._engines.values():
            engine.dispose()


@contextmanager
def airflow_session() -> Iterator[Any]:
    """A session of Airflow's own database."""
    from airflow.utils.session import create_session  # noqa: PLC0415 (tasks cannot import it)

    with create_session() as session:
        yield session


def _patient(engine: sa.Engine) -> sa.Engine:
    """Let the engine's connections fail after SECONDS_MAX, where their driver can."""
    options = {"postgresql": "connect_timeout", "mysql": "connect_timeout", "sqlite": "timeout"}
    option = options.get(engine.dialect.name)

    @sa.event.listens_for(engine, "do_connect")
    def _limit(_: Any, __: Any, ___: Any, parameters: dict[str, Any]) -> None:
        if option:
            parameters[option] = int(SECONDS_MAX)

    return engine


@contextmanager
def limited(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection whose statements end after SECONDS_MAX; a missing SQLite file is not made."""
    refuse_new_file(engine)
    with engine.connect() as conn:
        if conn.dialect.name == "postgresql":
            # A statement, no option of the connection: pgbouncer refuses such options.
            conn.execute(sa.text(f"SET LOCAL statement_timeout = {int(1000 * SECONDS_MAX)}"))
        timer = None
        if conn.dialect.name == "sqlite":
            timer = Timer(SECONDS_MAX, conn.connection.driver_connection.interrupt)  # type: ignore[union-attr]
            timer.daemon = True
            timer.start()
        try:
            yield conn
        finally:
            if timer:
                timer.cancel()


def refuse_new_file(engine: sa.Engine) -> None:
    """Raise FileNotFoundError for a missing SQLite file: connecting would make an empty file."""
    path = engine.url.database if engine.dialect.name == "sqlite" else None
    if path and path != ":memory:" and not Path(path).exists():
        raise FileNotFoundError(path)


def shown(engine: sa.Engine) -> str:
    """The database as people know it, without user and password."""
    url = engine.url
    if url.get_backend_name() == "sqlite":
        return f"SQLite file {url.database}"
    host = url.host or url.query.get("host") or "this host"
    return f"{url.get_backend_name()} database {url.database} at {host}"
