"""Checks of the readers of collections: consumers of DAGs, target tables, what these refuse."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any

import sqlalchemy as sa

from airflow_updraft.check.finding import Verdicts, command, failed, ok, warning
from airflow_updraft.check.site import Site
from airflow_updraft.store.cursors import BELL, EXPIRED, TARGET, UNTOLD
from airflow_updraft.store.refused_changes import consumer_states
from airflow_updraft.store.tables import consumers, records, refused_rows

BEHIND_MAX = timedelta(hours=1)


def check_readers(site: Site) -> Verdicts:
    """Each reader has read the changes that are older than an hour."""
    unread = sa.and_(
        records.c.collection == consumers.c.collection, records.c.revision > consumers.c.revision
    )
    oldest, count = sa.func.min(records.c.updated_at), sa.func.count(records.c.revision)
    who = (consumers.c.name, consumers.c.collection, consumers.c.revision)
    readers = sa.select(*who, oldest, count).where(consumers.c.name != UNTOLD)
    query = readers.outerjoin(records, unread).group_by(*who).order_by(*who)
    with site.connect() as conn:
        rows = conn.execute(query).all()
    found = [verdict for row in rows for verdict in _behind(site, *row)]
    yield from found
    if not found:
        yield ok(f"{len(rows)} readers are up to date" if rows else "nobody reads changes so far")


def _behind(
    site: Site, name: str, collection: str, cursor: int, oldest: Any, count: int
) -> Verdicts:
    about = f"{name} of {collection}"
    if cursor == EXPIRED:
        what = "it was away so long that deletions it never read are forgotten"
        why = "its next run fails: going on would keep deleted records for ever"
        yield failed(what, why, command(f"consumers restart {collection} {name}"), about)
        return
    if not count:
        return
    age = site.now() - (oldest if oldest.tzinfo else oldest.replace(tzinfo=UTC))
    if age > BEHIND_MAX:
        what = f"unread changes: {count:,}, the oldest for {age.total_seconds() / 3600:,.0f} hours"
        why, mend = _ABOUT.get(name, (_WHY, ""))
        forget = command(f"consumers forget {collection} {name}")
        yield warning(what, why, mend or _MEND.format(forget=forget), about)


_WHY = "the DAG of this consumer does not run, or does not acknowledge the changes it has read"
_MEND = (
    "airflow dags list-runs <the consumer's DAG>   (trigger it, or look at its log; where the "
    "consumer is no more: {forget})"
)
_ABOUT = {
    TARGET: (
        "the table lacks these changes",
        "airflow dags trigger updraft_sync   (then look at its log)",
    ),
    BELL: (
        "the DAGs that wait for this collection are not started",
        "airflow triggerer; airflow dags unpause <the DAG>",
    ),
}


def check_refused_rows(site: Site) -> Verdicts:
    """No row waits because its target table refuses it."""
    r = refused_rows.c
    with site.connect() as conn:
        counts = conn.execute(sa.select(r.collection, sa.func.count()).group_by(r.collection)).all()
    for collection, count in counts:
        what = f"rows that the target table refuses: {count:,}"
        why = "they are set aside and tried again when the record or the table changes"
        mend = (
            "SELECT id, sqlstate, column_name, message FROM updraft_refused_rows   (in the store)"
        )
        yield warning(what, why, mend, collection)
    if not counts:
        yield ok("no row is refused by its target table")


def check_refused_changes(site: Site) -> Verdicts:
    """No consumer has set a change aside that it cannot process."""
    with site.connect() as conn:
        refusing = [state for state in consumer_states(conn) if state.refused]
    for one in refusing:
        what = f"changes that the consumer has set aside: {one.refused:,}"
        why = "they are handed out again when the record changes, or when the consumer is restarted"
        mend = command(f"consumers list --refused {one.collection} {one.name}")
        yield warning(what, why, mend, f"{one.name} of {one.collection}")
    if not refusing:
        yield ok("no consumer has set a change aside")
