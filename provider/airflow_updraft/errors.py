"""What can go wrong, each with a ``kind`` a program can decide by and a message for a person."""

from __future__ import annotations


class UpdraftError(Exception):
    """Base of all errors of this package; ``kind`` is stable, the message is for people."""

    kind = "store"


class InvalidRequestError(UpdraftError):
    """The request as a whole cannot be acted on; nothing was written.

    ``path`` is a JSON pointer into the request, or None.
    """

    def __init__(self, kind: str, message: str, path: str | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.path = path


class CollectionsFileError(UpdraftError):
    """collections.json is missing or wrong; the message names the file and the place."""

    kind = "collections_file"


class StoreVersionError(UpdraftError):
    """The store's tables were made by another version of this package."""

    kind = "store_version"


class CommitUnknownError(UpdraftError):
    """The connection was lost during COMMIT: all of the transaction was written, or nothing."""

    kind = "commit_unknown"

    def __init__(self) -> None:
        super().__init__(
            "the connection to the store was lost during COMMIT: the changes were written whole or not at all. "
            "Read what was to be written; if it is not there, do it again"
        )


class StoreNotConfiguredError(UpdraftError):
    """Airflow has no Connection ``updraft_default``; the message says how to add it."""

    kind = "store_not_configured"


class TableSyncError(UpdraftError):
    """A ``source`` or ``target`` table does not fit its collection's declaration."""

    kind = "table_sync"


class NoTriggeringUserError(UpdraftError):
    """A run of ``updraft_exchange`` without a triggering user: nobody to act as."""

    kind = "no_user"
