"""Checks of collections.json: found, valid, and about the collections that the store holds."""

from __future__ import annotations

import sqlalchemy as sa

from airflow_updraft.airflow_bridge import collections_file
from airflow_updraft.check.finding import Verdicts, failed, ok, warning
from airflow_updraft.check.site import Site
from airflow_updraft.errors import CollectionsFileError
from airflow_updraft.store.tables import records

_WHY = "without a valid declaration every exchange is answered 503"


def check_collections(site: Site) -> Verdicts:
    """The file is there and every schema, index, name and rule in it is valid."""
    try:
        path = collections_file()
    except CollectionsFileError as error:
        yield failed(
            str(error), _WHY, "export AIRFLOW__UPDRAFT__COLLECTIONS=/opt/airflow/collections.json"
        )
        return
    try:
        names = sorted(site.collections)
    except CollectionsFileError as error:
        yield failed(
            str(error), _WHY, f"mend {path}; collections.schema.json checks it in an editor"
        )
        return
    if not path.startswith("/"):
        what = f"[updraft] collections is the relative path {path}"
        why = "each part of Airflow would look for it in the folder it was started in"
        yield warning(what, why, f"export AIRFLOW__UPDRAFT__COLLECTIONS=$(realpath {path})")
        return
    yield ok(f"{path}: {', '.join(names)}")


def check_undeclared(site: Site) -> Verdicts:
    """The collections of which the store holds live records are declared."""
    live = sa.select(records.c.collection, sa.func.count()).where(~records.c.deleted)
    with site.connect() as conn:
        counts = conn.execute(
            live.group_by(records.c.collection).order_by(records.c.collection)
        ).all()
    lost = [(name, count) for name, count in counts if name not in site.collections]
    for name, count in lost:
        what = f"collections.json does not declare it; records of it in the store: {count:,}"
        why = "devices lose these records, and edits of them are refused"
        yield warning(
            what, why, "declare it again, or delete its records by a DAG before", about=name
        )
    if not lost:
        yield ok("every stored collection is declared")
