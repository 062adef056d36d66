"""Rights of a writer or reader on a collection's records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from airflow_updraft.collections import Collection, Collections
from airflow_updraft.exchange.merge import Stored
from airflow_updraft.limits import Transport


@dataclass(frozen=True, slots=True)
class Author:
    """The writer. Airflow (``is_airflow``) may write every collection, for any ``user`` or none."""

    user: str | None
    label: str
    transport: Transport = "plugin"
    is_airflow: bool = False


def may_travel(collection: Collection, author: Author) -> bool:
    """Tell whether the author's transport may carry the collection."""
    return not (author.transport == "dag" and collection.is_private)


def may_write(collection: Collection, record: Stored | None, author: Author) -> bool:
    """Tell whether the author may write this record, None for a new record."""
    if author.is_airflow or collection.write == "all":
        return True
    # A tombstone keeps the owner: nobody else may take over the id.
    return collection.write == "own" and (record is None or record.owner == author.user)


def undeclared_of(
    names: Sequence[str] | None, author: Author, collections: Collections
) -> list[str] | None:
    """Return the collections that an answer to the author omits; None without a question."""
    if names is None:
        return None
    return [
        name
        for name in names
        if name not in collections or not may_travel(collections[name], author)
    ]


def may_read(collection: Collection, owner: str | None, author: Author) -> bool:
    """Tell whether the author may see a record with this owner."""
    if not may_travel(collection, author):
        return False
    return collection.read == "all" or (collection.read == "own" and owner == author.user)


def may_be_told(collection: Collection | None, owner: str | None, author: Author) -> bool:
    """Tell whether a verdict may show the author this owner's record."""
    if collection is not None:
        return may_read(collection, owner, author)
    # Owners see their records under any former or later rule of the collection, but not in conf and
    # XCom.
    return author.transport != "dag" and owner is not None and owner == author.user
