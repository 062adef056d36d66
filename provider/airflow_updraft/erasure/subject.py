"""The subject of an erasure: a person with the records they own, or a record."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from airflow_updraft.store.tables import records, refused_changes, refused_rows

Key = tuple[str, str]

ERASED = "erased"
"""The label in the place of the writer's name."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A person or a record; exactly one of both."""

    user: str | None = None
    record: Key | None = None

    def owns(self, key: Key, owner: str | None) -> bool:
        """Tell whether a record or tombstone, with this owner, is of the subject."""
        return key == self.record if self.record else owner == self.user

    @property
    def records(self) -> sa.ColumnElement[bool]:
        """The condition of the records and tombstones of the subject."""
        if self.record:
            collection, record_id = self.record
            return sa.and_(records.c.collection == collection, records.c.id == record_id)
        return records.c.owner == self.user

    @property
    def unerased(self) -> sa.ColumnElement[bool]:
        """The condition of those with something to erase."""
        c = records.c
        kept = [
            sa.exists().where(table.c.collection == c.collection, table.c.id == c.id)
            for table in (refused_rows, refused_changes)
        ]
        # An earlier deletion that a target or a consumer has set aside is told to both once more:
        # forgotten alone, the row in the target would stay for ever.
        held = sa.or_(sa.cast(c.fields, sa.Text) != "{}", *kept)
        return sa.and_(self.records, sa.or_(~c.deleted, held))
