"""The shared secret is made once, outside the store; derived keys change with the secret."""

from __future__ import annotations

import threading
import time

import pytest
import sqlalchemy as sa
from world import KeptEpoch, World

from airflow_updraft.errors import SecretError
from airflow_updraft.exchange.shared_secret import LENGTH_MIN, new_secret, secret_of
from airflow_updraft.exchange.signature import public_key
from airflow_updraft.plugin.secret_cache import KEPT_SECONDS, SecretCache


class SlowKeeper(KeptEpoch):
    """A Variable: a moment passes between a read and a write, and the last write wins."""

    def get(self) -> str | None:
        found = super().get()
        time.sleep(0.02)
        return found


def test_case_b4_secret_is_made_once_by_many_at_once(world: World) -> None:
    """case B4: API servers and tasks that start together agree."""
    keeper = SlowKeeper()
    made: list[str] = []
    threads = [
        threading.Thread(target=lambda: made.append(secret_of(keeper, world.engine)))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert set(made) == {keeper.epoch}
    assert len(made) == 6


def test_kept_secret_is_used_and_a_short_one_refused(world: World) -> None:
    assert secret_of(KeptEpoch("k" * LENGTH_MIN), world.engine) == "k" * LENGTH_MIN
    with pytest.raises(
        SecretError, match="needs at least 32: make one with 'openssl rand -hex 32'"
    ):
        secret_of(KeptEpoch("short"), world.engine)


def test_configured_secret_comes_before_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_updraft.airflow_bridge import configured_secret

    assert configured_secret() is None
    monkeypatch.setenv("AIRFLOW__UPDRAFT__SECRET", f" {'c' * LENGTH_MIN}\n")
    assert configured_secret() == "c" * LENGTH_MIN
    monkeypatch.setenv("AIRFLOW__UPDRAFT__SECRET", "short")
    with pytest.raises(SecretError):
        configured_secret()


def test_public_key_is_the_secrets_own() -> None:
    one, other = new_secret(), new_secret()
    assert public_key(one) == public_key(one) != public_key(other)
    assert len(public_key(one)) == 88


def test_a_new_secret_is_known_to_a_process_after_a_while(world: World) -> None:
    now, secret, reads = [0.0], ["a" * LENGTH_MIN], []

    def read(engine: sa.Engine) -> str:
        reads.append(engine)
        return secret[0]

    cache = SecretCache(read, lambda: now[0])
    first = cache.proofs(world.engine)
    secret[0] = "b" * LENGTH_MIN
    assert cache.proofs(world.engine) is first
    now[0] = KEPT_SECONDS
    assert cache.proofs(world.engine) is not first
    assert len(reads) == 2
