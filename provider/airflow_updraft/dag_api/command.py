"""The commands ``consumers``: who follows which collection, and a way on for each of them."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from airflow_updraft.errors import ConsumerError

HELP = "Consumers: DAGs that follow a collection's changes"
SHOWN_MAX = 100

_PLACE = (
    (("collection",), {"help": "the collection's name"}),
    (("consumer",), {"help": "the consumer's name, as in changes(consumer=…)"}),
)
ACTIONS: dict[str, tuple[str, tuple[tuple[tuple[str, ...], dict[str, Any]], ...]]] = {
    "list": (
        "Show each consumer, how many changes it has yet to read, and how many it has set aside.",
        (
            (
                ("--refused",),
                {
                    "nargs": 2,
                    "metavar": ("COLLECTION", "CONSUMER"),
                    "help": "show the changes that this consumer has set aside, with its words",
                },
            ),
        ),
    ),
    "restart": (
        "Hand a consumer (or the target table: target) every record once more, oldest first.",
        _PLACE,
    ),
    "skip": (
        "Let a consumer pass a record that it fails at, or all changes up to now.",
        (
            *_PLACE,
            (
                ("record",),
                {
                    "nargs": "?",
                    "help": "the record's id; the record is set aside until it changes",
                },
            ),
            (
                ("--all",),
                {"action": "store_true", "help": "all changes up to now, unread"},
            ),
        ),
    ),
    "forget": (
        "Remove a consumer that is no more: nothing is kept for it, and it is not counted.",
        _PLACE,
    ),
}


def run(arguments: argparse.Namespace) -> int:
    """Run an action; return the exit status: 0 done, 1 failed, 2 called wrongly."""
    # As Airflow's own commands do: else Connections would be looked for where tasks alone may ask.
    os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 (the help needs no database)

    from airflow_updraft.airflow_bridge import server_store_engine  # noqa: PLC0415
    from airflow_updraft.dag_api import consumer_admin as admin  # noqa: PLC0415
    from airflow_updraft.errors import UpdraftError  # noqa: PLC0415

    # Airflow's parser keeps the name of the last command under "subcommand".
    action = getattr(arguments, "action", None) or arguments.subcommand
    if action == "skip" and (arguments.record is None) != arguments.all:
        print("Nothing was skipped: name a record, or say --all.", file=sys.stderr)
        return 2
    try:
        store = server_store_engine()
        if action == "list":
            lines = admin.listed(store, arguments.refused, SHOWN_MAX)
        elif action == "skip":
            lines = [admin.skip(store, arguments.collection, arguments.consumer, arguments.record)]
        else:
            act = admin.restarted if action == "restart" else admin.forgotten
            lines = [act(store, arguments.collection, arguments.consumer)]
    except ConsumerError as error:
        print(f"Nothing was changed: {error}.", file=sys.stderr)
        return 2
    except (UpdraftError, SQLAlchemyError) as error:
        print(
            f"Nothing was changed. {error}\nMend this and run the command again.", file=sys.stderr
        )
        return 1
    print("\n".join(lines))
    return 0


def run_in_airflow(arguments: argparse.Namespace) -> None:
    """End Airflow's command line with the exit status."""
    sys.exit(run(arguments))
