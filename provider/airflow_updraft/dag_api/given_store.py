"""The store that a test gives instead of Airflow's (``airflow_updraft.testing``)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlalchemy as sa

    from airflow_updraft.collections import Collections

_given: list[tuple[sa.Engine, Collections]] = []


def given_store() -> tuple[sa.Engine, Collections] | None:
    """Return the store that was given last and not taken back, or None: Airflow's."""
    return _given[-1] if _given else None


@contextmanager
def give(engine: sa.Engine, collections: Collections) -> Iterator[None]:
    """Let all collections of this process use the store for the block, made before or in it."""
    _given.append((engine, collections))
    try:
        yield
    finally:
        _given.pop()
