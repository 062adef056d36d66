"""Erases a subject from the store, or counts what there is to erase. Free of Airflow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from airflow_updraft.erasure import records, verdicts
from airflow_updraft.erasure.subject import Subject


@dataclass(frozen=True, slots=True)
class Found:
    """Counts of all that an erasure removes; ``written``: others' records, whose content stays."""

    records: dict[str, int]
    tombstones: int
    verdicts: int
    reports: int
    refused_rows: int
    refused_changes: int
    written: int

    @property
    def is_nothing(self) -> bool:
        """Tell whether the store holds nothing of the subject."""
        counts = (self.tombstones, self.verdicts, self.reports, self.refused_rows)
        return not (self.records or any(counts) or self.refused_changes or self.written)


def find(store: sa.Engine, subject: Subject) -> Found:
    """Count what there is to erase; change nothing."""
    with store.connect() as conn:
        live, tombstones = records.count_records(conn, subject)
        rows, changes = records.count_set_aside(conn, subject)
        written = 0 if subject.user is None else records.count_written(conn, subject.user)
    swept = verdicts.sweep(store, subject, is_dry=True)
    return Found(live, tombstones, swept.verdicts, swept.reports, rows, changes, written)


def erase(store: sa.Engine, subject: Subject, now: datetime) -> None:
    """Erase; killed anywhere, the next run goes on.

    Records come first: from then on no new verdict holds their content.
    """
    records.erase_records(store, subject, now)
    verdicts.sweep(store, subject, is_dry=False)
    if subject.user is not None:
        records.erase_labels(store, subject.user)
    records.erase_orphans(store, subject)
