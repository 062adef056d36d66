"""The newest revision of each collection: enough for a device to know of news to pull."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa

from airflow_updraft.plugin.store import OpenStore
from airflow_updraft.store.tables import meta, records


@dataclass(frozen=True, slots=True, eq=False)
class Heads:
    """The store's epoch and revision, and each readable collection's newest revision, or 0."""

    epoch: str
    revision: int
    heads: Mapping[str, int]
    # Finished lines that lead here, by the reader's knowledge: most readers know the same.
    _lines: dict[tuple[str, int] | None, bytes] = field(default_factory=dict)

    def line_after(self, known: Heads | None) -> bytes:
        """Return the line of changes since ``known``: all heads for a new reader or epoch."""
        key = (known.epoch, known.revision) if known else None
        if key not in self._lines:
            old = known.heads if known and known.epoch == self.epoch else {}
            new = {name: head for name, head in self.heads.items() if old.get(name) != head}
            line = json.dumps(
                {"epoch": self.epoch, "revision": self.revision, "heads": new},
                separators=(",", ":"),
            )
            self._lines[key] = line.encode() + b"\n"
        return self._lines[key]


def read_heads(store: OpenStore, last: Heads | None) -> Heads:
    """Read the counter, and the heads only after a change; return ``last`` if nothing moved.

    The head of a collection with the rule ``own`` covers all the collection's records: a device
    learns that somebody wrote, but neither who nor which record.
    """
    with store.engine.connect() as conn:
        epoch, revision = conn.execute(
            sa.select(meta.c.epoch, meta.c.revision).where(meta.c.id == 1)
        ).one()
        if last and (last.epoch, last.revision) == (epoch, revision):
            return last
        readable = [c.name for c in store.collections.values() if c.read != "none"]
        if not readable:
            return Heads(epoch, revision, {})
        # A lookup in the index for each collection, at any number of records.
        heads = [
            sa.select(sa.func.max(records.c.revision)).where(records.c.collection == name)
            for name in readable
        ]
        row = conn.execute(sa.select(*(head.scalar_subquery() for head in heads))).one()
    old = last.heads if last and last.epoch == epoch else {}
    # Pruning the newest tombstone must not move a head back.
    return Heads(
        epoch,
        revision,
        {n: max(head or 0, old.get(n, 0)) for n, head in zip(readable, row, strict=True)},
    )
