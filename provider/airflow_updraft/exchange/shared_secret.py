"""The shared secret: a text outside the store, from which proofs and signatures get keys.

Knows nothing of Airflow. The secret lies beside the kept epoch: a restored backup of the store
brings no older secret along.
"""

from __future__ import annotations

import secrets
from typing import Protocol

import sqlalchemy as sa

from airflow_updraft.errors import SecretError
from airflow_updraft.store.revision import lock_counter
from airflow_updraft.store.transaction import transaction

LENGTH_MIN = 32


class SecretKeeper(Protocol):
    """Keeps a text for API servers, tasks and the DAG processor, hidden from plain users."""

    def get(self) -> str | None:
        """The kept text, None where none is kept yet."""

    def set(self, text: str) -> None:
        """Keep this text."""


def new_secret() -> str:
    """256 random bits."""
    return secrets.token_hex(32)


def checked(secret: str) -> str:
    """Return the secret; raise SecretError if too short to keep anything."""
    if len(secret) < LENGTH_MIN:
        raise SecretError(
            f"the shared secret has {len(secret)} characters, it needs at least {LENGTH_MIN}: make "
            "one with "
            "'openssl rand -hex 32', for [updraft] secret or the Variable updraft_secret"
        )
    return secret


def secret_of(keeper: SecretKeeper, store: sa.Engine) -> str:
    """Return the kept secret, made at the first use; raise SecretError.

    The store's lock is held meanwhile, in any process: two processes that made a secret each would
    sign with different secrets.
    """
    found = keeper.get()
    if found is None:
        with transaction(store) as conn:
            lock_counter(conn)
            found = keeper.get()
            if found is None:
                found = new_secret()
                keeper.set(found)
    return checked(found)
