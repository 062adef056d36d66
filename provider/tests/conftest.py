"""Every engine test runs on a SQLite file and on an embedded PostgreSQL."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime
from pathlib import Path

import postgres
import pytest
import sqlalchemy as sa
from world import World

from airflow_updraft.dag_api import bell
from airflow_updraft.store import bond, revision, tables, transaction
from airflow_updraft.sync import maintenance, refused_rows, targets

# No Airflow of the developer's own may be read or written by a test.
for name in [name for name in os.environ if name.startswith("AIRFLOW")]:
    del os.environ[name]
_home = tempfile.TemporaryDirectory(prefix="updraft-airflow-", ignore_cleanup_errors=True)
os.environ["AIRFLOW_HOME"] = _home.name


def pytest_unconfigure() -> None:
    """Leave nothing behind."""
    _home.cleanup()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--planted-bug",
        choices=[
            "feed-without-lock",
            "ledger-expiry",
            "refused-rows-forgotten",
            "bell-rings-once",
            "any-store-admitted",
            "exports-without-turns",
        ],
        help="break the engine on purpose: a named test must then fail, or the tests prove nothing",
    )


@pytest.fixture(scope="session")
def planted_bug(request: pytest.FixtureRequest) -> str | None:
    bug: str | None = request.config.getoption("--planted-bug")
    return bug


@pytest.fixture(autouse=True)
def _plant(planted_bug: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if planted_bug == "feed-without-lock":

        def read_without_lock(conn: sa.Connection) -> revision.Counter:
            meta = tables.meta.c
            return revision.Counter(
                *conn.execute(sa.select(meta.epoch, meta.revision, meta.horizon)).one()
            )

        @contextmanager
        def without_begin(engine: sa.Engine) -> Iterator[sa.Connection]:
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
                yield conn

        # In SQLite the lock is how the transaction begins.
        monkeypatch.setattr(revision, "lock_counter", read_without_lock)
        monkeypatch.setattr(revision, "LOCK", sa.text("SELECT 1"))
        monkeypatch.setattr(transaction, "_sqlite_transaction", without_begin)
    if planted_bug == "any-store-admitted":
        monkeypatch.setattr(bond, "problem", lambda *_: None)
    if planted_bug == "exports-without-turns":
        monkeypatch.setattr(targets, "turn_at", lambda *_: nullcontext())
    if planted_bug == "bell-rings-once":
        monkeypatch.setattr(bell.Bell, "_is_due_again", lambda *_: False)
    if planted_bug == "refused-rows-forgotten":
        monkeypatch.setattr(refused_rows, "save", lambda *_: None)
    if planted_bug == "ledger-expiry":
        expire = maintenance._expire

        def expire_the_ledger_too(conn: sa.Connection, oldest: int) -> None:
            expire(conn, oldest)
            conn.execute(
                tables.replicas.delete().where(tables.replicas.c.last_seen < datetime(2020, 1, 1))
            )

        monkeypatch.setattr(maintenance, "_expire", expire_the_ledger_too)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[sa.URL]:
    """A server in a folder of its own.

    Each start of pytest, of another checkout or of a test too, closes pytest's folders to other
    users: a server in there, which is not root's, would lose its data folder in the middle of work.
    """
    with (
        tempfile.TemporaryDirectory(prefix="updraft-pg-") as folder,
        postgres.running(Path(folder) / "data") as sockets,
    ):
        yield sa.URL.create(
            "postgresql", "postgres", database="postgres", query={"host": str(sockets)}
        )


@pytest.fixture(scope="session")
def postgres_engine(postgres_url: sa.URL) -> Iterator[sa.Engine]:
    yield from driver_engine(postgres_url, "psycopg")


@pytest.fixture(scope="session")
def psycopg2_engine(postgres_url: sa.URL) -> Iterator[sa.Engine]:
    yield from driver_engine(postgres_url, "psycopg2")


def driver_engine(url: sa.URL, driver: str) -> Iterator[sa.Engine]:
    engine = sa.create_engine(url.set(drivername=f"postgresql+{driver}"), pool_size=10)
    yield engine
    engine.dispose()


@contextmanager
def fresh_engine(
    dialect: str, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[sa.Engine]:
    """An engine on a database without tables."""
    if dialect == "sqlite":
        engine = sa.create_engine(f"sqlite:///{tmp_path}/store.db")
        yield engine
        engine.dispose()
    else:
        engine = request.getfixturevalue(f"{dialect}_engine")
        engine.dispose()  # a test that has backends terminated leaves dead connections in the pool
        with engine.begin() as conn:
            conn.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        yield engine


@pytest.fixture(params=["sqlite", "postgres"])
def bare_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    with fresh_engine(request.param, tmp_path, request) as engine:
        yield engine


@pytest.fixture(params=["sqlite", "postgres", "psycopg2"])
def every_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """Both databases, and both drivers that Airflow's PostgreSQL hook may choose."""
    with fresh_engine(request.param, tmp_path, request) as engine:
        yield engine


@pytest.fixture(params=["postgres", "psycopg2"])
def server_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """PostgreSQL through both drivers, for tests of connections that can be lost."""
    with fresh_engine(request.param, tmp_path, request) as engine:
        yield engine


@pytest.fixture
def world(bare_engine: sa.Engine) -> World:
    return World(bare_engine)


@pytest.fixture
def postgres_world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    with fresh_engine("postgres", tmp_path, request) as engine:
        yield World(engine)
