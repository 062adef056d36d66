"""The plugin's part of ``[updraft]``, read once, with what follows from the machine."""

from __future__ import annotations

import resource
from dataclasses import dataclass

from airflow.configuration import conf


@dataclass(frozen=True, slots=True)
class Settings:
    """Limits of one API-server process."""

    exchanges_at_once: int = 4
    exchanges_waiting_max: int = 128
    streams_max: int = 2_000

    def __post_init__(self) -> None:
        """Refuse what would stop every exchange."""
        if min(self.exchanges_at_once, self.exchanges_waiting_max, self.streams_max) < 1:
            raise ValueError(f"[updraft] exchanges_at_once, exchanges_waiting_max and streams_max start at 1: {self}")


def read_settings() -> Settings:
    """Read the settings of this Airflow; raise ValueError for one that is out of range."""
    of = Settings()
    streams_max = conf.getint("updraft", "streams_max", fallback=of.streams_max)
    return Settings(
        exchanges_at_once=conf.getint("updraft", "exchanges_at_once", fallback=of.exchanges_at_once),
        exchanges_waiting_max=conf.getint("updraft", "exchanges_waiting_max", fallback=of.exchanges_waiting_max),
        # An open stream is an open file: never more than half of what the process may open, or Airflow's own
        # connections would be refused.
        streams_max=min(streams_max, max(1, _open_files_max() // 2)),
    )


def _open_files_max() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 2**31 if soft == resource.RLIM_INFINITY else soft
