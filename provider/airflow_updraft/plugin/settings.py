"""The plugin's part of ``[updraft]``, read once, and limits that follow from the machine."""

from __future__ import annotations

import logging
import resource
from dataclasses import dataclass, replace

from airflow.configuration import conf
from airflow.exceptions import AirflowConfigException

from airflow_updraft.limits import REPLICAS_PER_USER_MAX

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """Limits of an API-server process."""

    exchanges_at_once: int = 4
    exchanges_waiting_max: int = 128
    streams_max: int = 2_000
    streams_per_user_max: int = 50
    replicas_per_user_max: int = REPLICAS_PER_USER_MAX


def read_settings() -> Settings:
    """Read this Airflow's settings; a wrong value is logged, so that the server still starts."""
    read = Settings(
        **{name: _count(name, getattr(Settings(), name)) for name in Settings.__slots__}
    )
    # An open stream is an open file: streams get at most half of the files that the process may
    # open, or Airflow's own connections would be refused.
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return read
    return replace(read, streams_max=min(read.streams_max, max(1, soft // 2)))


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
