"""Run the processes of ``airflow standalone`` under one parent.

Usage: ``airflow_launcher.py LOG_FOLDER [--prepare]``; ``--prepare`` first creates or migrates
Airflow's database.

``airflow standalone`` starts each process from nothing, and each start spends most of its time on
equal imports. Here Airflow is imported once and the commands are forked: up in half the time, which
every start and every test pays. Forking needs Linux; elsewhere the caller runs
``airflow standalone`` itself.

No database is touched before a fork: two processes must never share a connection. When one
process ends, all end: half an Airflow would look like a slow Airflow.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import airflow.api_fastapi.app
import airflow.jobs.dag_processor_job_runner
import airflow.jobs.scheduler_job_runner
import airflow.jobs.triggerer_job_runner
import airflow.models  # noqa: F401
from airflow.cli import cli_parser
from airflow.utils import db

if TYPE_CHECKING:
    from collections.abc import Callable

# The API for tasks takes as long to build as the public API: a separate process builds in parallel.
# The log servers are left out: all logs are on this machine, and log servers would listen on every
# network interface.
COMMANDS = {
    "api-server": ["api-server", "--apps", "core"],
    "task-api": [
        "api-server",
        "--apps",
        "execution",
        "--port",
        os.environ.get("UPDRAFT_TASK_API_PORT", ""),
    ],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}


def fork(work: Callable[[], None], log: Path) -> int:
    """Do the work in a child process with output to the log file; return the process id."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    exit_code = 1
    try:
        output = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.close(output)
        work()
        exit_code = 0
    except SystemExit as end:
        exit_code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(exit_code)


def prepare() -> None:
    """Create or migrate Airflow's database, as ``airflow standalone`` does."""
    db.initdb()


def command(arguments: list[str]) -> Callable[[], None]:
    """Return a function that runs ``airflow <arguments>``."""

    def run() -> None:
        sys.argv = ["airflow", *arguments]
        parsed = cli_parser.get_parser().parse_args(arguments)
        parsed.func(parsed)

    return run


def main(logs: Path, *, with_prepare: bool) -> int:
    """Start all processes, wait until any ends or SIGTERM comes, end the rest."""
    if with_prepare:
        _, status = os.waitpid(fork(prepare, logs / "prepare.log"), 0)
        if status:
            return 2
    gc.collect()
    gc.freeze()  # keeps the children's collector from copying every shared page
    names = {
        fork(command(arguments), logs / f"{name}.log"): name for name, arguments in COMMANDS.items()
    }
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
    try:
        pid, status = os.wait()
        print(f"{names.get(pid, pid)} ended with status {status}", flush=True)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.killpg(0, signal.SIGTERM)
    return 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), with_prepare="--prepare" in sys.argv[2:]))
