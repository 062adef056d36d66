"""The command ``erase``: a person's or a record's content leaves the store, and the devices."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_updraft.erasure.subject import Subject

HELP = (
    "Erase the content of a user's records, or of a record, from Updraft's store, and delete it on "
    "the devices. Without --yes only say what would be erased."
)
OPTIONS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("--user",), {"help": "erase the records that this user created (owns)"}),
    (
        ("--record",),
        {"nargs": 2, "metavar": ("COLLECTION", "ID"), "help": "erase this record"},
    ),
    (("--dry-run",), {"action": "store_true", "help": "only count what there is to erase"}),
    (("-y", "--yes"), {"action": "store_true", "help": "erase; this cannot be undone"}),
)


def run(arguments: argparse.Namespace) -> int:
    """Erase or count; return the exit status: 0 done, 1 failed, 2 called wrongly, not confirmed."""
    # As Airflow's own commands do: else Connections would be looked for where tasks alone may ask.
    os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"
    if (arguments.user is None) == (arguments.record is None):
        print("Nothing was erased: name --user or --record, one of both.", file=sys.stderr)
        return 2
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 (the help needs no database)

    from airflow_updraft.discreet import describe  # noqa: PLC0415
    from airflow_updraft.erasure.subject import Subject  # noqa: PLC0415
    from airflow_updraft.errors import UpdraftError  # noqa: PLC0415

    record = arguments.record and (arguments.record[0], arguments.record[1])
    try:
        return _run(Subject(arguments.user, record), arguments)
    except (UpdraftError, SQLAlchemyError) as error:
        print(
            f"Nothing was erased, or only in part. {describe(error)}\n"
            "Mend this and run the command again: it goes on where it ended.",
            file=sys.stderr,
        )
        return 1


def _run(subject: Subject, arguments: argparse.Namespace) -> int:
    from airflow_updraft.airflow_bridge import server_store_engine  # noqa: PLC0415
    from airflow_updraft.erasure import words  # noqa: PLC0415
    from airflow_updraft.erasure.erase import erase, find  # noqa: PLC0415
    from airflow_updraft.exchange.exchange import utc_now  # noqa: PLC0415

    store = server_store_engine()
    found = find(store, subject)
    print("\n".join([words.nothing(subject)] if found.is_nothing else words.counts(found)))
    if arguments.dry_run or (found.is_nothing and not arguments.yes):
        return 0
    if not arguments.yes:
        print("\n".join(words.REMAINS))
        print("Nothing was erased so far: add --yes. It cannot be undone.", file=sys.stderr)
        return 2
    erase(store, subject, utc_now())
    if not found.is_nothing:
        print("\n".join(["Erased.", *words.REMAINS]))
    return 0


def run_in_airflow(arguments: argparse.Namespace) -> None:
    """End Airflow's command line with the exit status."""
    sys.exit(run(arguments))
