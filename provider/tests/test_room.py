"""fault 64: no user takes the room of the others, in the ledger least of all."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlalchemy as sa
from world import NOW, World, create, patch

from airflow_updraft.exchange.outcome import REFUSALS_KEPT, show_outcome
from airflow_updraft.limits import LIMITS
from airflow_updraft.store.tables import replicas

MAX = 5


def known(world: World) -> dict[str, int]:
    """The ledger: each replica's number."""
    with world.engine.connect() as conn:
        return {
            row[0]: row[1]
            for row in conn.execute(sa.select(replicas.c.replica_id, replicas.c.number))
        }


def first_pull(world: World, replica: str, user: str = "ana") -> dict[str, Any]:
    asks = {"protocol": 1, "replicaId": replica, "user": user, "epoch": None, "last": None}
    return world.exchange(asks | {"since": 0, "floor": 0, "limit": 10}, user, replicas_max=MAX)


def test_case_b5_pulls_under_new_names_make_no_more_rows_than_a_user_may_have(world: World) -> None:
    """case B5: a viewer's pulls made a row each, for ever."""
    ben = world.device("bens", "ben")
    for number in range(40):
        assert "refused" not in first_pull(world, f"r{number}")
    assert (
        known(world).keys() == {"bens", *(f"r{number}" for number in range(35, 40))}
        or len(known(world)) == MAX + 1
    )
    assert "bens" in known(world), "others keep theirs"
    assert ben.push(create("a"))["verdicts"][0]["verdict"] == "applied"


def test_case_b5_replica_that_sent_never_gives_way_and_the_next_is_refused_clearly(
    world: World,
) -> None:
    """case B5: this row alone tells a resend from a new batch."""
    phones = [world.device(f"p{number}") for number in range(MAX)]
    requests = [phone.batch_request(create(phone.replica_id)) for phone in phones]
    for phone, request in zip(phones, requests, strict=True):
        phone.send(request)
    refused = first_pull(world, "one-more")
    assert (refused["refused"], refused["reason"]["kind"], refused["changes"]) == (
        "invalid",
        "too_many_replicas",
        [],
    )
    assert "replicas_per_user_max" in refused["reason"]["message"]
    assert refused["echo"]["since"] == 0
    assert "refused" not in first_pull(world, "bens", "ben"), "nobody else is"
    for phone, request in zip(phones, requests, strict=True):
        again = world.exchange(request, replicas_max=MAX)
        assert again["verdicts"][0]["verdict"] == "applied", "replayed"
        assert "refused" not in world.exchange(phone.request(), replicas_max=MAX)
    with world.engine.begin() as conn:
        conn.execute(replicas.delete().where(replicas.c.replica_id == "p0"))
    assert "refused" not in first_pull(world, "one-more"), "once an operator has made room"


def test_case_b5_the_longest_unseen_of_those_that_never_sent_gives_way(world: World) -> None:
    world.device("sent").push(create("a"))
    for number in range(MAX - 1):
        world.device(f"idle{number}")
    with world.engine.begin() as conn:
        old = replicas.update().where(replicas.c.replica_id.in_(["idle2", "sent"]))
        conn.execute(old.values(last_seen=NOW.replace(year=2020)))
    first_pull(world, "new")
    assert known(world) == {"sent": 1, "idle0": 0, "idle1": 0, "idle3": 0, "new": 0}


@pytest.mark.parametrize("transport", ["dag", "plugin"])
def test_case_b5_row_of_a_replica_is_bounded_in_bytes(world: World, transport: Any) -> None:
    """case B5: 62 stale patches of 64-kB records in 9.7 kB of request made 4 MB of ledger."""
    device = world.device()
    for number in range(62):
        device.push(create(f"r{number}", collection="anything", data="x" * 64_000))
    stale = [
        patch(f"r{number}", collection="anything", base=0, data=number) for number in range(62)
    ]
    request = device.batch_request(*stale)
    refused = world.exchange(request, transport=transport)
    assert (refused["refused"], refused["reason"]["kind"]) == ("invalid", "too_large")
    few = device.batch_request(*stale[:3])
    assert [v["verdict"] for v in world.exchange(few, transport=transport)["verdicts"]] == [
        "conflicted"
    ] * 3
    with world.engine.connect() as conn:
        size = conn.scalar(sa.select(sa.func.length(sa.cast(replicas.c.verdicts, sa.Text))))
    assert size is not None
    assert size <= LIMITS[transport].verdicts_bytes_max <= 524_288


def test_case_b5_words_of_a_refusal_do_not_grow_with_what_is_refused(world: World) -> None:
    device = world.device()
    bad = [create(f"r{number}", note="x" * 300 + str(number)) for number in range(100)]
    verdicts = device.push(*bad, create("good"))["verdicts"]
    assert (
        max(len(verdict["reason"]["message"]) for verdict in verdicts if "reason" in verdict) <= 301
    )
    with world.engine.connect() as conn:
        text = conn.scalar(sa.select(replicas.c.outcome))
    outcome = show_outcome(text)
    assert (outcome["applied"], outcome["rejected"], len(outcome["refused"])) == (
        1,
        100,
        REFUSALS_KEPT,
    )
    assert outcome["refused"][0] == ["asks", "r0", "schema", "/note"]
    assert len(json.dumps(outcome)) < 1_000
