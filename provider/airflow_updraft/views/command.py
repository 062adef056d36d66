"""The commands ``views``: make, print or drop a view of each collection with typed columns."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlalchemy as sa

    from airflow_updraft.collections import Collections

HELP = "Views of collections in the store's database, with typed columns"
_COLLECTION = (("collection",), {"nargs": "?", "help": "the collection's name; without it, all"})
ACTIONS: dict[str, tuple[str, tuple[tuple[tuple[str, ...], dict[str, Any]], ...]]] = {
    "create": (
        "Make the views, or replace them after collections.json has changed. Whoever may read a "
        "view reads the records of all users, those of collections with the rule 'own' too.",
        (_COLLECTION,),
    ),
    "sql": ("Print the statements; nothing is changed.", (_COLLECTION,)),
    "drop": (
        "Drop the views, those of collections that are declared no more too.",
        (_COLLECTION,),
    ),
}


def run(arguments: argparse.Namespace) -> int:
    """Run an action; return the exit status: 0 done, 1 failed, 2 called wrongly."""
    # As Airflow's own commands do: else Connections would be looked for where tasks alone may ask.
    os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 (the help needs no database)

    from airflow_updraft.airflow_bridge import declared_collections, server_store_engine  # noqa: PLC0415
    from airflow_updraft.discreet import describe  # noqa: PLC0415
    from airflow_updraft.errors import UpdraftError  # noqa: PLC0415

    action = getattr(arguments, "action", None) or arguments.subcommand
    try:
        if action == "drop":
            return _drop(server_store_engine(), arguments.collection)
        collections = declared_collections()
        name = arguments.collection
        if name is not None and name not in collections:
            known = ", ".join(collections)
            print(
                f"collections.json declares no collection {name!r}; it declares: {known}.",
                file=sys.stderr,
            )
            return 2
        chosen = collections if name is None else {name: collections[name]}
        act = _create if action == "create" else _print
        return act(server_store_engine(), chosen)
    except (UpdraftError, SQLAlchemyError) as error:
        words = str(error) if isinstance(error, UpdraftError) else describe(error)
        print(f"{words}\nMend this and run the command again.", file=sys.stderr)
        return 1


def _create(store: sa.Engine, collections: Collections) -> int:
    from airflow_updraft.errors import ViewError  # noqa: PLC0415
    from airflow_updraft.views.make import make  # noqa: PLC0415

    status = 0
    for collection in collections.values():
        try:
            view, are_grants_gone = make(store, collection)
        except ViewError as error:
            print(error, file=sys.stderr)
            status = 1
            continue
        words = [f"{view.name} is made"]
        if are_grants_gone:
            words.append("its columns have changed, so grant the rights to read it again")
        if view.left_out:
            words.append(f"only _fields has {', '.join(map(repr, view.left_out))}")
        print("; ".join(words) + ".")
    return status


def _print(store: sa.Engine, collections: Collections) -> int:
    from airflow_updraft.views.statements import lines_of, view_of  # noqa: PLC0415

    with store.connect():  # tells the version, on which the types depend
        pass
    for collection in collections.values():
        print("\n".join(lines_of(view_of(collection, store.dialect), store.dialect)))
    return 0


def _drop(store: sa.Engine, collection: str | None) -> int:
    from airflow_updraft.views.make import drop, existing  # noqa: PLC0415
    from airflow_updraft.views.statements import PREFIX  # noqa: PLC0415

    names = existing(store)
    if collection is not None:
        names = [name for name in names if name == PREFIX + collection]
    if not names:
        print("There is no such view.", file=sys.stderr)
        return 2
    for name in drop(store, names):
        print(f"{name} is dropped.")
    return 0


def run_in_airflow(arguments: argparse.Namespace) -> None:
    """End Airflow's command line with the exit status."""
    sys.exit(run(arguments))
