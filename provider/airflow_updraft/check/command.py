"""The command ``check``: options, output, exit status."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

HELP = (
    "Check this installation: Connection, store, collections, DAGs, routes, rights. Exit status 1 "
    "where "
    "a check fails, else 0. Changes nothing."
)
OPTIONS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (
        ("--user",),
        {"help": "also check the rights of this user, and sign in as them", "metavar": "NAME"},
    ),
    (
        ("--url",),
        {"help": "the URL by which devices come, where that is not base_url of the section api"},
    ),
    (("--json",), {"action": "store_true", "help": "print JSON"}),
    (
        ("--strict",),
        {"action": "store_true", "help": "exit status 1 also where there are warnings"},
    ),
)


def check_installation(arguments: argparse.Namespace) -> int:
    """Run every check, print the findings, return the exit status."""
    # As Airflow's own commands do: else Connections would be looked for where tasks alone may ask.
    os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"
    # A log line between the findings would only say a second time, and less clearly, what they say.
    logging.disable(logging.CRITICAL)
    try:
        from airflow_updraft.check.report import as_json, as_text  # noqa: PLC0415 (the help needs none)
        from airflow_updraft.check.run import run_checks  # noqa: PLC0415
        from airflow_updraft.check.site import Site  # noqa: PLC0415
        from airflow_updraft.check.table import CHECKS  # noqa: PLC0415

        with _stdout_kept():
            findings = run_checks(Site(url=arguments.url, user=arguments.user), CHECKS)
    finally:
        logging.disable(logging.NOTSET)
    report = as_json(findings)
    print(json.dumps(report, indent=2, ensure_ascii=False) if arguments.json else as_text(findings))
    sys.stdout.flush()
    return int(report["state"] == "failed" or (arguments.strict and report["state"] == "warning"))


@contextmanager
def _stdout_kept() -> Iterator[None]:
    """Keep standard output free of what Airflow logs there: scripts read JSON of it."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
