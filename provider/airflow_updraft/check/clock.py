"""The check of the clocks."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from airflow_updraft.check.finding import Verdicts, failed, ok, warning
from airflow_updraft.check.site import Site

WARNING_S, FAILED_S = 5.0, 120.0


def check_clock(site: Site) -> Verdicts:
    """The clock of the store's database agrees with this host's."""
    with site.connect() as conn:
        if conn.dialect.name != "postgresql":
            yield ok("SQLite has this host's clock")
            return
        before = site.now()
        there: datetime = conn.scalar(sa.text("SELECT clock_timestamp()"))
        after = site.now()
    # The middle of the round trip: a slow network is no wrong clock.
    skew = (there - (before + (after - before) / 2)).total_seconds()
    if abs(skew) < WARNING_S:
        yield ok(f"{abs(skew):.1f} s apart")
        return
    what = (
        f"the database's clock is {abs(skew):,.0f} s {'ahead of' if skew > 0 else 'behind'} this "
        "host's"
    )
    why = (
        "tokens expire early or late, devices are called overdue too soon, tombstones are pruned "
        "too soon"
    )
    mend = "timedatectl set-ntp true   (on both hosts)"
    yield (failed if abs(skew) >= FAILED_S else warning)(what, why, mend)
