"""The command line: ``python -m airflow_updraft new-epoch``, or ``airflow updraft new-epoch`` (Airflow 3.2 and newer).

It needs a shell with Airflow's environment: it reads Airflow's Connection and writes its Variable by itself.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.cli.cli_config import CLICommand

    from airflow_updraft.new_epoch import StoreState

YES_HELP = "do not ask; needed where nobody can be asked"
NEW_EPOCH_HELP = "After the store was restored from a backup: make every device read everything again."


def main(arguments: Sequence[str]) -> int:
    """Run a command; return its exit code: 0, 1 where it failed, 2 where it was called wrongly or not confirmed."""
    parser = argparse.ArgumentParser(prog="python -m airflow_updraft", description="Commands for operators of Updraft.")
    commands = parser.add_subparsers(required=True, dest="command")
    command = commands.add_parser("new-epoch", help=NEW_EPOCH_HELP, description=NEW_EPOCH_HELP)
    command.add_argument("-y", "--yes", action="store_true", help=YES_HELP)
    return new_epoch(parser.parse_args(arguments))


def airflow_commands() -> list[CLICommand]:
    """The same, for Airflow's own command line."""
    from airflow.cli.cli_config import ActionCommand, Arg, GroupCommand, lazy_load_command  # noqa: PLC0415

    command = ActionCommand(
        name="new-epoch",
        help=NEW_EPOCH_HELP,
        func=lazy_load_command("airflow_updraft.cli.run_in_airflow"),
        args=(Arg(("-y", "--yes"), action="store_true", help=YES_HELP),),  # type: ignore[no-untyped-call]
    )
    return [GroupCommand(name="updraft", help="Commands for operators of Updraft", subcommands=[command])]


def run_in_airflow(arguments: argparse.Namespace) -> None:
    """End Airflow's command line with the command's exit code."""
    sys.exit(new_epoch(arguments))


def new_epoch(arguments: argparse.Namespace) -> int:
    """Show the store, ask, renew the epoch, and say what the devices will do."""
    # As Airflow's own commands do: else its Connections would be looked for where only tasks may ask.
    os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 (the help needs none of it)

    from airflow_updraft.airflow_bridge import MetadataEpochKeeper, store_engine  # noqa: PLC0415
    from airflow_updraft.errors import UpdraftError  # noqa: PLC0415
    from airflow_updraft.new_epoch import begin_epoch, store_state  # noqa: PLC0415

    try:
        store, keeper = store_engine(), MetadataEpochKeeper()
        before = store_state(store, keeper)
        print(_shown(store.url.render_as_string(hide_password=True), before))
        if not arguments.yes and not _confirmed():
            return 2
        epoch = begin_epoch(store, keeper)
    except (UpdraftError, SQLAlchemyError) as error:
        print(
            f"The epoch was not renewed, or only in part. {error}\nMend this and run the command again.",
            file=sys.stderr,
        )
        return 1
    print(
        f"Old epoch: {before.epoch}\nNew epoch: {epoch}\n"
        f"At its next exchange each of {before.devices} devices reads everything again. What its user captured and the "
        "store has not acknowledged stays on the device and is sent after that; where the records differ now, the "
        "user is shown a conflict. Consumers and target tables go on from where the backup was."
    )
    return 0


def _shown(url: str, state: StoreState) -> str:
    kept = f"kept in Airflow: {state.kept or 'none yet'}"
    return f"Store {url}: epoch {state.epoch} ({kept}), revision {state.revision}, {state.devices} devices."


def _confirmed() -> bool:
    if not sys.stdin.isatty():
        print("Nothing was changed: nobody can be asked here. Add --yes to renew the epoch.", file=sys.stderr)
        return False
    answer = input("Renew the epoch, so that every device reads everything again? [y/N] ")
    if answer.strip().lower() in ("y", "yes"):
        return True
    print("Nothing was changed.")
    return False
