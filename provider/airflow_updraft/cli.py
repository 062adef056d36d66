"""The command line: ``python -m airflow_updraft``, or ``airflow updraft`` (Airflow 3.2 and newer).

The commands need a shell with Airflow's environment, to read Airflow's Connection and to write the
epoch's Variable.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow_updraft.check.command import HELP as CHECK_HELP
from airflow_updraft.check.command import OPTIONS as CHECK_OPTIONS
from airflow_updraft.check.command import check_installation
from airflow_updraft.check.ddl_command import DDL_HELP
from airflow_updraft.check.ddl_command import HELP as TABLES_HELP
from airflow_updraft.check.ddl_command import OPTIONS as DDL_OPTIONS
from airflow_updraft.check.ddl_command import run as run_ddl
from airflow_updraft.dag_api.command import ACTIONS as CONSUMER_ACTIONS
from airflow_updraft.dag_api.command import HELP as CONSUMERS_HELP
from airflow_updraft.dag_api.command import run as run_consumers
from airflow_updraft.devices.command import ACTIONS as DEVICE_ACTIONS
from airflow_updraft.devices.command import HELP as DEVICES_HELP
from airflow_updraft.devices.command import run as run_devices
from airflow_updraft.erasure.command import HELP as ERASE_HELP
from airflow_updraft.erasure.command import OPTIONS as ERASE_OPTIONS
from airflow_updraft.erasure.command import run as run_erase
from airflow_updraft.views.command import ACTIONS as VIEW_ACTIONS
from airflow_updraft.views.command import HELP as VIEWS_HELP
from airflow_updraft.views.command import run as run_views

if TYPE_CHECKING:
    from airflow.cli.cli_config import CLICommand

    from airflow_updraft.exchange.new_epoch import StoreState

VERIFY_HELP = (
    "Check what must be true of the store, as the task verify does, "
    "and name every row that breaks a rule."
)
SOURCES_HELP = "Source tables of collections"
CONFIRM_HELP = (
    "Let a source lose its rows: its next run may delete as many records as the collection has "
    "now. A run refuses to "
    "delete more than a fifth of them by itself."
)
YES_HELP = "do not ask; needed where nobody can be asked"
NEW_EPOCH_HELP = (
    "After the store was restored from a backup, or where a new, foreign or older store is refused "
    "and is the right one: confirm it, and make every device read everything again."
)
_Options = Sequence[tuple[tuple[str, ...], dict[str, Any]]]
_GROUPS = {
    "consumers": (CONSUMERS_HELP, CONSUMER_ACTIONS, run_consumers, "dag_api"),
    "devices": (DEVICES_HELP, DEVICE_ACTIONS, run_devices, "devices"),
    "views": (VIEWS_HELP, VIEW_ACTIONS, run_views, "views"),
}
"""Commands with actions: help, actions, and the function and package that run these."""


def main(arguments: Sequence[str]) -> int:
    """Run a command; return the exit code: 0 done, 1 failed, 2 called wrongly or not confirmed."""
    parser = argparse.ArgumentParser(
        prog="python -m airflow_updraft", description="Commands for operators of Updraft."
    )
    commands = parser.add_subparsers(required=True, dest="command")
    command = commands.add_parser("new-epoch", help=NEW_EPOCH_HELP, description=NEW_EPOCH_HELP)
    command.add_argument("-y", "--yes", action="store_true", help=YES_HELP)
    commands.add_parser("verify", help=VERIFY_HELP, description=VERIFY_HELP)
    check = commands.add_parser("check", help=CHECK_HELP, description=CHECK_HELP)
    for flags, settings in CHECK_OPTIONS:
        check.add_argument(*flags, **settings)
    erase = commands.add_parser("erase", help=ERASE_HELP, description=ERASE_HELP)
    for flags, settings in ERASE_OPTIONS:
        erase.add_argument(*flags, **settings)
    sources = commands.add_parser("sources", help=SOURCES_HELP).add_subparsers(
        required=True, dest="action"
    )
    sources.add_parser("confirm", help=CONFIRM_HELP, description=CONFIRM_HELP).add_argument(
        "collection"
    )
    tables = commands.add_parser("tables", help=TABLES_HELP).add_subparsers(
        required=True, dest="action"
    )
    ddl = tables.add_parser("ddl", help=DDL_HELP, description=DDL_HELP)
    for flags, settings in DDL_OPTIONS:
        ddl.add_argument(*flags, **settings)
    for group, (about, actions, _, _) in _GROUPS.items():
        parsers = commands.add_parser(group, help=about).add_subparsers(
            required=True, dest="action"
        )
        for name, (words, options) in actions.items():
            action = parsers.add_parser(name, help=words, description=words)
            for flags, settings in options:
                action.add_argument(*flags, **settings)
    parsed = parser.parse_args(arguments)
    if parsed.command in _GROUPS:
        return _GROUPS[parsed.command][2](parsed)
    if parsed.command == "check":
        return check_installation(parsed)
    if parsed.command == "erase":
        return run_erase(parsed)
    if parsed.command == "sources":
        return confirm_source(parsed)
    if parsed.command == "tables":
        return run_ddl(parsed)
    return new_epoch(parsed) if parsed.command == "new-epoch" else verify_store(parsed)


def airflow_commands() -> list[CLICommand]:
    """Return the commands for Airflow's own command line."""
    from airflow.cli.cli_config import ActionCommand, Arg, GroupCommand, lazy_load_command  # noqa: PLC0415

    def leaf(name: str, about: str, function: str, options: _Options = ()) -> ActionCommand:
        return ActionCommand(
            name=name,
            help=about,
            func=lazy_load_command(f"airflow_updraft.{function}"),
            args=[Arg(flags, **settings) for flags, settings in options],  # type: ignore[no-untyped-call]
        )

    yes = ((("-y", "--yes"), {"action": "store_true", "help": YES_HELP}),)
    collection = ((("collection",), {"help": "the collection's name"}),)
    confirm = leaf("confirm", CONFIRM_HELP, "cli.run_confirm_in_airflow", collection)
    ddl = leaf("ddl", DDL_HELP, "check.ddl_command.run_in_airflow", DDL_OPTIONS)
    subcommands = [
        leaf("new-epoch", NEW_EPOCH_HELP, "cli.run_in_airflow", yes),
        leaf("check", CHECK_HELP, "cli.run_check_in_airflow", CHECK_OPTIONS),
        leaf("verify", VERIFY_HELP, "cli.run_verify_in_airflow"),
        leaf("erase", ERASE_HELP, "erasure.command.run_in_airflow", ERASE_OPTIONS),
        GroupCommand(name="sources", help=SOURCES_HELP, subcommands=[confirm]),
        GroupCommand(name="tables", help=TABLES_HELP, subcommands=[ddl]),
        *(
            GroupCommand(
                name=group,
                help=about,
                subcommands=[
                    leaf(name, words, f"{package}.command.run_in_airflow", options)
                    for name, (words, options) in actions.items()
                ],
            )
            for group, (about, actions, _, package) in _GROUPS.items()
        ),
    ]
    return [
        GroupCommand(
            name="updraft", help="Commands for operators of Updraft", subcommands=subcommands
        )
    ]


def run_in_airflow(arguments: argparse.Namespace) -> None:
    """End Airflow's command line with the command's exit code."""
    sys.exit(new_epoch(arguments))


def run_check_in_airflow(arguments: argparse.Namespace) -> None:
    """Run the command ``check``."""
    sys.exit(check_installation(arguments))


def run_verify_in_airflow(arguments: argparse.Namespace) -> None:
    """Run the command ``verify``."""
    sys.exit(verify_store(arguments))


def run_confirm_in_airflow(arguments: argparse.Namespace) -> None:
    """Run the command ``sources confirm``."""
    sys.exit(confirm_source(arguments))


def confirm_source(arguments: argparse.Namespace) -> int:
    """Let a collection's next import delete the records that the source has lost."""
    os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    from airflow_updraft.airflow_bridge import declared_collections, server_store_engine  # noqa: PLC0415
    from airflow_updraft.errors import UpdraftError  # noqa: PLC0415
    from airflow_updraft.sync.source_loss import confirm  # noqa: PLC0415

    name = arguments.collection
    try:
        collections = declared_collections()
        if name not in collections or collections[name].source is None:
            print(
                f"Nothing was confirmed: collections.json declares no source for {name!r}.",
                file=sys.stderr,
            )
            return 2
        count = confirm(server_store_engine(), name)
    except (UpdraftError, SQLAlchemyError) as error:
        print(
            f"Nothing was confirmed. {error}\nMend this and run the command again.", file=sys.stderr
        )
        return 1
    print(f"The next run of updraft_sync may delete up to {count} records of {name}, once.")
    return 0


def verify_store(_: argparse.Namespace) -> int:
    """Check the store's invariants and name violations in full, unlike the task's report."""
    os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    from airflow_updraft.airflow_bridge import server_store_engine  # noqa: PLC0415
    from airflow_updraft.errors import UpdraftError  # noqa: PLC0415
    from airflow_updraft.sync.invariants import verify  # noqa: PLC0415

    try:
        report = verify(server_store_engine())
    except (UpdraftError, SQLAlchemyError) as error:
        print(
            f"The store was not verified. {error}\nMend this and run the command again.",
            file=sys.stderr,
        )
        return 1
    for violation in report["violations"]:
        places = "\n  ".join(violation["where"])
        print(f"Not so: {violation['rule']}\n  {places}\n  {violation['todo']}")
    print(f"Checked: {report['checked']}. Violations: {len(report['violations'])}.")
    return 1 if report["violations"] else 0


def new_epoch(arguments: argparse.Namespace) -> int:
    """Show the store, ask, renew the epoch, and tell how the devices will react."""
    # Airflow's own commands set this too: without a server's context Connections would be looked
    # for in the task SDK, which only tasks may ask.
    os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 (the help needs no database)

    from airflow_updraft.airflow_bridge import (  # noqa: PLC0415
        MetadataBondKeeper,
        MetadataEpochKeeper,
        find_store,
    )
    from airflow_updraft.errors import UpdraftError  # noqa: PLC0415
    from airflow_updraft.exchange.new_epoch import (  # noqa: PLC0415
        begin_epoch,
        store_state,
        why_refused,
    )
    from airflow_updraft.store.bond import refuse_airflows_own  # noqa: PLC0415

    try:
        store, keeper, bonds = find_store(), MetadataEpochKeeper(), MetadataBondKeeper()
        refuse_airflows_own(store)
        before = store_state(store, keeper)
        print(_shown(store.url.render_as_string(hide_password=True), before))
        if why := why_refused(store, keeper, bonds):
            print(f"Refused so far ({why.kind}): {why}.")
        if not arguments.yes and not _confirmed():
            return 2
        epoch = begin_epoch(store, keeper, bonds)
    except (UpdraftError, SQLAlchemyError) as error:
        print(
            f"The epoch was not renewed, or only in part. {error}\nMend this and run the command "
            "again.",
            file=sys.stderr,
        )
        return 1
    print(
        f"Old epoch: {before.epoch or 'none'}\nNew epoch: {epoch}\n"
        f"At its next exchange each of {before.devices} devices reads everything again. What its "
        "user captured and the "
        "store has not acknowledged stays on the device and is sent after that; where the records "
        "differ now, the "
        "user is shown a conflict. Consumers and target tables go on from where the backup was."
    )
    return 0


def _shown(url: str, state: StoreState) -> str:
    kept = f"kept in Airflow: {state.kept or 'none yet'}"
    return (
        f"Store {url}: epoch {state.epoch or 'none yet'} ({kept}), "
        f"revision {state.revision}, {state.devices} devices."
    )


def _confirmed() -> bool:
    if not sys.stdin.isatty():
        print(
            "Nothing was changed: nobody can be asked here. Add --yes to renew the epoch.",
            file=sys.stderr,
        )
        return False
    answer = input("Renew the epoch, so that every device reads everything again? [y/N] ")
    if answer.strip().lower() in ("y", "yes"):
        return True
    print("Nothing was changed.")
    return False
