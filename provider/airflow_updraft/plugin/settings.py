"""The plugin's part of ``[updraft]``, read once, with what follows from the machine."""

from __future__ import annotations

import logging
import resource
from dataclasses import dataclass

from airflow.configuration import conf
from airflow.exceptions import AirflowConfigException

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """Limits of one API-server process."""

    exchanges_at_once: int = 4
    exchanges_waiting_max: int = 128
    streams_max: int = 2_000


def read_settings() -> Settings:
    """Read the settings of this Airflow. A wrong one is logged and its default used: the API server must start."""
    read = Settings(**{name: _count(name, getattr(Settings(), name)) for name in Settings.__slots__})
    # An open stream is an open file: never more than half of what the process may open, or Airflow's own
    # connections would be refused.
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return read
    return Settings(read.exchanges_at_once, read.exchanges_waiting_max, min(read.streams_max, max(1, soft // 2)))


def _count(option: str, default: int) -> int:
    try:
        count = conf.getint("updraft", option, fallback=default)
    except AirflowConfigException as error:
        log.error("%s; using %d", error, default)
        return default
    if count < 1:
        log.error("[updraft] %s = %d would stop every exchange; using %d", option, count, default)
        return default
    return int(count)
