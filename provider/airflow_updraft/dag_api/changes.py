"""A page of changes that a consumer is handed, and the token by which it is acknowledged later."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from airflow_updraft.errors import ConsumerError
from airflow_updraft.json_values import Json
from airflow_updraft.store.cursors import Position


@dataclass(frozen=True, slots=True)
class Change:
    """A record as stored now, changed after the cursor; ``record`` is None for a deletion.

    ``by`` labels the last writer: a user, ``dag_id/run_id/task_id``, or a source table.
    """

    id: str
    revision: int
    record: dict[str, Json] | None
    by: str


@dataclass(frozen=True, slots=True)
class Span:
    """The changes of a consumer between its cursor and ``end``, in an epoch."""

    consumer: str
    collection: str
    start: Position
    end: int

    def as_token(self) -> str:
        """Return the span as a text for an XCom."""
        return json.dumps(
            [self.consumer, self.collection, self.start.epoch, self.start.cursor, self.end]
        )


class Changes(list[Change]):
    """A page of changes, oldest first."""

    def __init__(self, changes: Iterable[Change], span: Span) -> None:
        super().__init__(changes)
        self.span = span
        self.refusals: dict[str, tuple[int, str]] = {}
        self._revisions = {change.id: change.revision for change in self}

    @property
    def token(self) -> str:
        """The text by which ``Collection.acknowledge`` moves the cursor past these changes."""
        return self.span.as_token()

    def refuse(self, change: Change, message: str) -> None:
        """Set a change aside that cannot be processed, with words for operators.

        The others go on. The record is handed out again when it changes. Kept with the page's
        acknowledgement: a block that fails has refused nothing.
        """
        if self._revisions.get(change.id) != change.revision:
            raise ValueError(f"{change.id!r} is no change of this page: refuse changes of its own")
        self.refusals[change.id] = (change.revision, message_of(message))


def message_of(message: str) -> str:
    """Return the words of a refusal; raise ValueError where there are none."""
    if not isinstance(message, str) or not message.strip():
        raise ValueError("a refused change needs words that say why: refuse(change, 'its …')")
    return message


def span_of(token: str, collection: str) -> Span:
    """Return the span of a token; raise ConsumerError for any other text."""
    try:
        consumer, of, epoch, cursor, end = json.loads(token)
        span = Span(str(consumer), str(of), Position(str(epoch), int(cursor)), int(end))
    except (TypeError, ValueError):
        raise ConsumerError(
            "this is no token of changes: pass the text of changes(…).token as it is"
        ) from None
    if span.collection != collection:
        raise ConsumerError(
            f"this token is of {span.collection}: Collection({span.collection!r}) takes it, "
            f"not {collection}"
        )
    return span
