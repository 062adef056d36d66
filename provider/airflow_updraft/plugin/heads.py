"""The newest revision of each collection: what a device needs to know that there is something to pull."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa

from airflow_updraft.plugin.store import OpenStore
from airflow_updraft.tables import meta, records


@dataclass(frozen=True, slots=True, eq=False)
class Heads:
    """The store's epoch and revision, and each readable collection's newest revision (0 where it is empty)."""

    epoch: str
    revision: int
    heads: Mapping[str, int]
    # The lines already made that lead here, by what their reader knew: most readers knew the same.
    _lines: dict[tuple[str, int] | None, bytes] = field(default_factory=dict)

    def line_after(self, known: Heads | None) -> bytes:
        """The line that tells a reader of ``known`` what has changed; all heads for a new reader or epoch."""
        key = (known.epoch, known.revision) if known else None
        if key not in self._lines:
            old = known.heads if known and known.epoch == self.epoch else {}
            new = {name: head for name, head in self.heads.items() if old.get(name) != head}
            line = json.dumps({"epoch": self.epoch, "revision": self.revision, "heads": new}, separators=(",", ":"))
            self._lines[key] = line.encode() + b"\n"
        return self._lines[key]


def read_heads(store: OpenStore, last: Heads | None) -> Heads:
    """Read the counter, and the heads only if it has moved; return ``last`` itself where it has not.

    The head of a collection with the rule ``own`` is that of all its records: a device learns that somebody wrote,
    not who or what.
    """
    with store.engine.connect() as conn:
        epoch, revision = conn.execute(sa.select(meta.c.epoch, meta.c.revision).where(meta.c.id == 1)).one()
        if last and (last.epoch, last.revision) == (epoch, revision):
            return last
        readable = [c.name for c in store.collections.values() if c.read != "none"]
        if not readable:
            return Heads(epoch, revision, {})
        # One look into the index each, whatever the number of records.
        heads = [sa.select(sa.func.max(records.c.revision)).where(records.c.collection == name) for name in readable]
        row = conn.execute(sa.select(*(head.scalar_subquery() for head in heads))).one()
    old = last.heads if last and last.epoch == epoch else {}
    # Pruning the newest tombstone must not move a head back.
    return Heads(epoch, revision, {n: max(head or 0, old.get(n, 0)) for n, head in zip(readable, row, strict=True)})
