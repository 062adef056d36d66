"""All errors of the package, each with a ``kind`` for programs and a message for people."""

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


class SecretError(UpdraftError):
    """The shared secret cannot be used."""

    kind = "secret"


class ViewError(UpdraftError):
    """The database does not let a collection's view be made or dropped."""

    kind = "view"


class CommitUnknownError(UpdraftError):
    """The connection was lost during COMMIT: all of the transaction was written, or nothing."""

    kind = "commit_unknown"

    def __init__(self) -> None:
        super().__init__(
            "the connection to the store was lost during COMMIT: the changes were written whole or "
            "not at all. "
            "Read what was to be written; if it is not there, do it again"
        )


class StoreNotConfiguredError(UpdraftError):
    """Airflow has no Connection ``updraft_default``; the message tells how to add one."""

    kind = "store_not_configured"


class StoreRefusedError(UpdraftError):
    """The database is not the store of this Airflow; nothing was read, made or changed."""

    kind = "foreign_store"


_CONFIRM = (
    "If this is the store that devices are to use from now on, confirm it with "
    "'python -m airflow_updraft new-epoch' (airflow updraft new-epoch)"
)


class StoreIsNewError(StoreRefusedError):
    """The database holds no store, or an unused one, and this Airflow knows another."""

    kind = "store_is_new"

    def __init__(self) -> None:
        super().__init__(
            "the database holds no store yet, and this Airflow already has one: devices would read "
            "an empty store. Correct the Connection updraft_default, so that it names the database "
            f"it named before. {_CONFIRM}"
        )


class ForeignStoreError(StoreRefusedError):
    """The store belongs to another Airflow, or lies in Airflow's own metadata database."""

    def __init__(self, *, is_airflows: bool = False) -> None:
        super().__init__(
            "the Connection updraft_default names Airflow's own metadata database: give the store "
            "a database of its own"
            if is_airflows
            else "the store belongs to another Airflow, or to this one before its Variables were "
            "deleted. Correct the Connection updraft_default, so that it names the database it "
            f"named before. {_CONFIRM}"
        )


class OlderStoreError(StoreRefusedError):
    """The store has lost revisions that it had reached: a restored backup, or a late standby."""

    kind = "older_store"

    def __init__(self, revision: int, reached: int) -> None:
        super().__init__(
            f"the store is at revision {revision} and had reached {reached}: it was restored from "
            f"a backup, or is a standby that lags. {_CONFIRM}"
        )


class TableSyncError(UpdraftError):
    """A ``source`` or ``target`` table does not fit its collection's declaration."""

    kind = "table_sync"


class NoTriggeringUserError(UpdraftError):
    """A run of ``updraft_exchange`` without a triggering user: nobody to act as."""

    kind = "no_user"


class UnknownCollectionError(UpdraftError):
    """A DAG names a collection that is not declared; the message lists the declared collections."""

    kind = "unknown_collection"


class RecordInvalidError(UpdraftError):
    """A record a DAG writes cannot be stored; nothing was written.

    ``field`` is the top-level field at fault, None for the record as a whole (a missing field, for
    example).
    """

    kind = "schema"

    def __init__(self, where: str, message: str, path: str | None = None) -> None:
        self.path = path
        first = (path or "").split("/")[1:2]
        self.field = first[0].replace("~1", "/").replace("~0", "~") if first else None
        at = f" field {self.field!r}:" if self.field else ""
        super().__init__(f"{where}:{at} {message}. Nothing was written")


class RecordMissingError(UpdraftError):
    """A DAG patches a record that is absent or deleted; nothing was written."""

    kind = "missing"


class RecordChangedError(UpdraftError):
    """Others changed fields a DAG patches after the revision the DAG had seen; nothing was written.

    ``fields`` names these fields.
    """

    kind = "changed"

    def __init__(self, where: str, fields: tuple[str, ...], base: int) -> None:
        self.fields = fields
        super().__init__(
            f"{where}: {', '.join(fields)} changed after revision {base}. Nothing was written: "
            "read the record again and decide anew"
        )


class ConsumerError(UpdraftError):
    """A consumer's cursor could not be used or moved; no change is lost.

    The message says how to go on.
    """

    kind = "consumer"


class DeviceError(UpdraftError):
    """The ledger has no such device, or the device has exchanged meanwhile; nothing was changed."""

    kind = "device"
