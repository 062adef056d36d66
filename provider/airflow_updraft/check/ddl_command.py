"""The command ``tables ddl``: prints the SQL that makes target tables fit their collections."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_updraft.collections import Collection, TableRef

HELP = "Target tables of collections"
DDL_HELP = (
    "Print CREATE TABLE or ALTER TABLE for each target, as its database lacks it. Nothing is "
    "changed: read the statements, and run them yourself."
)
OPTIONS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("collection",), {"nargs": "?", "help": "the collection's name; all that have a target"}),
    (
        ("--dialect",),
        {
            "choices": ("postgresql", "mysql", "sqlite"),
            "help": "print CREATE TABLE for this kind of database, without asking any",
        },
    ),
)


def run(arguments: argparse.Namespace) -> int:
    """Print the statements; return the exit status: 0 done, 1 failed, 2 called wrongly."""
    os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 (the help needs no database)

    from airflow_updraft.airflow_bridge import declared_collections  # noqa: PLC0415
    from airflow_updraft.discreet import describe  # noqa: PLC0415
    from airflow_updraft.errors import UpdraftError  # noqa: PLC0415

    try:
        collections = declared_collections()
        named = [arguments.collection] if arguments.collection else list(collections)
        found = [
            (declared, declared.target)
            for name in named
            if (declared := collections.get(name)) and declared.target
        ]
        if not found:
            place = arguments.collection or "any collection"
            print(f"collections.json declares no target for {place}.", file=sys.stderr)
            return 2
        for collection, ref in found:
            print(_shown(collection, ref, arguments.dialect))
    except (UpdraftError, SQLAlchemyError) as error:
        words = str(error) if isinstance(error, UpdraftError) else describe(error)
        print(f"{words}\nMend this and run the command again.", file=sys.stderr)
        return 1
    return 0


def _shown(collection: Collection, ref: TableRef, dialect: str | None) -> str:
    from airflow_updraft.airflow_bridge import connection_engine  # noqa: PLC0415
    from airflow_updraft.check.ddl import DIALECTS, create_statement, statements  # noqa: PLC0415

    place = f"-- {collection.name}: table {ref.table} on connection {ref.connection}"
    if dialect:
        return f"{place}\n{create_statement(collection, ref, DIALECTS[dialect]())}"
    engine = connection_engine(ref.connection)
    try:
        lines = statements(engine, collection, ref)
    finally:
        engine.dispose()
    return "\n".join([place, *(lines or ["-- It lacks nothing."])])


def run_in_airflow(arguments: argparse.Namespace) -> None:
    """End Airflow's command line with the exit status."""
    sys.exit(run(arguments))
