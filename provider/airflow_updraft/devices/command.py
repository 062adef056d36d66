"""The commands ``devices``: list them, show one, forget one."""

from __future__ import annotations

import argparse
import json
import os
import sys
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlalchemy as sa

HELP = "Devices (replicas) that the store knows"
SHOWN_DEFAULT = 100

_JSON = (("--json",), {"action": "store_true", "help": "JSON, without values of records"})
_REPLICA = (("replica",), {"help": "the replica's id, as 'devices list' shows it"})
_FORGET = (
    "Remove a device's row. Without --destroyed only that of a device that never sent anything: "
    "only the row tells a batch that a device sends again from a new one."
)
ACTIONS: dict[str, tuple[str, tuple[tuple[tuple[str, ...], dict[str, Any]], ...]]] = {
    "list": (
        "Show the devices by replica id: user, last exchange, and the last report.",
        (
            (("--user",), {"help": "only this user's"}),
            (
                ("--overdue",),
                {
                    "action": "store_true",
                    "help": "only those not seen for as long as the option overdue_days says",
                },
            ),
            (
                ("--limit",),
                {
                    "type": int,
                    "default": SHOWN_DEFAULT,
                    "help": f"how many; 0: all, as they are read (default {SHOWN_DEFAULT})",
                },
            ),
            (("--after",), {"default": "", "help": "go on behind this replica id"}),
            (("--json",), {"action": "store_true", "help": "a JSON object a line"}),
        ),
    ),
    "report": ("Show all that the store knows of a device.", (_REPLICA, _JSON)),
    "forget": (
        _FORGET,
        (
            _REPLICA,
            (
                ("--destroyed",),
                {
                    "action": "store_true",
                    "help": "the device is destroyed or wiped, and will never come back",
                },
            ),
            (
                ("-y", "--yes"),
                {
                    "action": "store_true",
                    "help": "do not ask; needed where nobody can be asked",
                },
            ),
        ),
    ),
}


def run(arguments: argparse.Namespace) -> int:
    """Run an action; return the exit status: 0 done, 1 failed, 2 called wrongly, not confirmed."""
    # As Airflow's own commands do: else Connections would be looked for where tasks alone may ask.
    os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 (the help needs no database)

    from airflow_updraft.airflow_bridge import server_store_engine  # noqa: PLC0415
    from airflow_updraft.errors import DeviceError, UpdraftError  # noqa: PLC0415

    action = getattr(arguments, "action", None) or arguments.subcommand
    act = {"list": _list, "report": _report, "forget": _forget}[action]
    try:
        return act(server_store_engine(), arguments, datetime.now(UTC) - _overdue_time())
    except DeviceError as error:
        print(f"Nothing was changed: {error}.", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # The reader (head, less) has seen enough; the interpreter must not write there at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (UpdraftError, SQLAlchemyError) as error:
        print(
            f"Nothing was changed. {error}\nMend this and run the command again.", file=sys.stderr
        )
        return 1


def _overdue_time() -> timedelta:
    from airflow.configuration import conf  # noqa: PLC0415

    from airflow_updraft.sync.run import OVERDUE_DAYS  # noqa: PLC0415

    return timedelta(days=conf.getfloat("updraft", "overdue_days", fallback=OVERDUE_DAYS))


def _list(store: sa.Engine, arguments: argparse.Namespace, overdue_before: datetime) -> int:
    from airflow_updraft.devices.admin import listed  # noqa: PLC0415
    from airflow_updraft.devices.words import line  # noqa: PLC0415

    found = listed(
        store,
        overdue_before,
        user=arguments.user,
        is_overdue=arguments.overdue,
        after=arguments.after,
    )
    limit = max(0, arguments.limit) or None
    last = None
    for device in islice(found, limit):
        print(json.dumps(device) if arguments.json else line(device))
        last = device["replicaId"]
    if last is None:
        print("No such device.", file=sys.stderr)
    elif limit and next(found, None):
        print(f"There are more: --after {last!r}, or --limit 0 for all.", file=sys.stderr)
    return 0


def _report(store: sa.Engine, arguments: argparse.Namespace, overdue_before: datetime) -> int:
    from airflow_updraft.devices.admin import described  # noqa: PLC0415
    from airflow_updraft.devices.words import page  # noqa: PLC0415

    device = described(store, arguments.replica, overdue_before)
    print(json.dumps(device, indent=2) if arguments.json else "\n".join(page(device)))
    return 0


def _forget(store: sa.Engine, arguments: argparse.Namespace, overdue_before: datetime) -> int:
    from airflow_updraft.devices import words  # noqa: PLC0415
    from airflow_updraft.devices.admin import described, forget  # noqa: PLC0415

    device = described(store, arguments.replica, overdue_before)
    print("\n".join([words.line(device), *words.consequences(device)]))
    if not device["mayGo"] and not arguments.destroyed:
        print(f"Nothing was changed. {words.ONLY_IF_DESTROYED}", file=sys.stderr)
        return 2
    if not arguments.yes and not _confirmed():
        return 2
    forget(store, device)
    print("The store has forgotten the device.")
    return 0


def _confirmed() -> bool:
    if not sys.stdin.isatty():
        print("Nothing was changed: nobody can be asked here. Add --yes.", file=sys.stderr)
        return False
    if input("Forget the device? [y/N] ").strip().lower() in ("y", "yes"):
        return True
    print("Nothing was changed.")
    return False


def run_in_airflow(arguments: argparse.Namespace) -> None:
    """End Airflow's command line with the exit status."""
    sys.exit(run(arguments))
