"""The feed reads a page from an index, in order, in any store; and never another user's record."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from world import COLLECTIONS, Device, World, create, delete, mutation, only_verdict, patch

from airflow_updraft.exchange import exchange
from airflow_updraft.exchange.feed import Page, read_page
from airflow_updraft.store.tables import records

FILL = """\
INSERT INTO updraft_records
  (collection, id, revision, created, fields, field_revisions, deleted, owner, updated_by,
   updated_at)
SELECT :collection, :prefix || n, :above + n, :above + n, '{"note": "n"}', '{}', false, :owner, 'x',
  CURRENT_TIMESTAMP
FROM numbers"""
NUMBERS = (
    "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count) "
)


def fill(world: World, collection: str, owner: str, count: int) -> None:
    """A bulk load, unknown to the database's statistics."""
    values = {
        "collection": collection,
        "prefix": f"{collection}-{owner}-",
        "owner": owner,
        "count": count,
    }
    sqlite = world.engine.dialect.name == "sqlite"
    text = (
        (NUMBERS + FILL)
        if sqlite
        else FILL.replace("FROM numbers", "FROM generate_series(1, :count) n")
    )
    with world.engine.begin() as conn:
        if not sqlite:
            text = text.replace(":prefix || n", "CAST(:prefix AS text) || n")
        conn.execute(sa.text(text), values | {"above": world.revision})
        conn.execute(
            sa.text("UPDATE updraft_meta SET revision = revision + :count"), {"count": count}
        )


def plans_of(world: World, words: str, *requests: tuple[dict[str, Any], str]) -> list[str]:
    """The database's plan for each statement with these words in these exchanges."""
    plans = []

    def explain(conn: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if words in statement:
            how = "EXPLAIN QUERY PLAN " if world.engine.dialect.name == "sqlite" else "EXPLAIN "
            beside = conn.connection.cursor()
            beside.execute(how + statement, parameters)
            plans.append("\n".join(str(row) for row in beside.fetchall()))

    sa.event.listen(world.engine, "before_cursor_execute", explain)
    for request, user in requests:
        world.exchange(request, user)
    sa.event.remove(world.engine, "before_cursor_execute", explain)
    return plans


def test_page_is_read_from_an_index_in_order_whatever_the_statistics_say(world: World) -> None:
    with world.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.exec_driver_sql("ANALYZE")  # of an empty store
    ana = world.device("r1", "ana")
    fill(world, "diary", "bob", 20_000)
    ana.push(create("mine", collection="diary"))
    fill(world, "asks", "bob", 20_000)
    first_sync = ana.request(since=0, limit=100)
    up_to_date = ana.request(since=world.revision - 1)
    plans = plans_of(world, "ORDER BY revision", (first_sync, "ana"), (up_to_date, "ana"))
    assert len(plans) == 2
    for plan in plans:
        assert "updraft_records_own_" in plan, (
            "the few that are ana's are found, not filtered out of bob's"
        )
        assert "updraft_records_by_collection" in plan
        for slow in ("Seq Scan", "Sort  (", "Bitmap", "SCAN updraft_records", "TEMP B-TREE"):
            assert slow not in plan, plan


def test_records_of_a_batch_are_found_by_their_names_whatever_the_statistics_say(
    world: World,
) -> None:
    ana = world.device("r1", "ana")
    fill(world, "asks", "ana", 20_000)  # never analyzed: a young store
    head = world.revision
    batch = ana.batch_request(
        *(patch(f"asks-ana-{n}", base=head, note="new") for n in range(1, 301))
    )
    (plan,) = plans_of(world, "owner FROM updraft_records", (batch, "ana"))
    for slow in (
        "Seq Scan",
        "Bitmap",
        "records_by_collection",
        "records_own",
        "SCAN updraft_records",
    ):
        assert slow not in plan, plan


def test_pages_of_several_collections_come_in_revision_order(world: World) -> None:
    device = world.device("w", "ana")
    names = ["asks", "diary", "clients", "asks", "servers", "diary", "anything"]
    for number, name in enumerate(names):
        device.push(create(f"r{number}", collection=name))
    reader = Device(world, "w2", "ana")
    seen = [change for _ in names for change in reader.pull(limit=2)["changes"]]
    assert [(c["collection"], c["revision"]) for c in seen] == [
        (name, at + 1) for at, name in enumerate(names)
    ]


@pytest.mark.parametrize("read", ["all", "own", "none"])
def test_one_collection_is_read_too(every_engine: sa.Engine, read: str) -> None:
    world = World(every_engine, {"only": {"schema": {}, "read": read}})
    world.server(
        {"put": {"collection": "only", "record": {"id": "a", "note": "n"}, "owner": "ana"}}
    )
    page = Device(world, "r2", "ana").pull()
    assert [change["id"] for change in page["changes"]] == ([] if read == "none" else ["a"])
    assert (page["upTo"], page["more"]) == (1, False)


USERS = ("ana", "bob", "cyd")
RUNS = itertools.count()
actions = st.lists(
    st.tuples(
        st.sampled_from(USERS),
        st.sampled_from(["create", "patch", "delete", "give"]),
        st.integers(0, 3),
        st.sampled_from(USERS),
    ),
    max_size=14,
)


@given(actions)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_record_of_another_user_never_leaves_and_keeps_its_owner(
    world: World, schedule: Any
) -> None:
    run = next(RUNS)
    devices = {user: world.device(f"{user}-{run}", user) for user in USERS}
    owners: dict[str, str] = {}
    for user, action, number, receiver in schedule:
        record_id, secret = f"d{number}-{run}", f"secret of {user}"
        if action == "give":
            if record_id in owners:
                world.server({"give": {"collection": "diary", "id": record_id, "owner": receiver}})
                owners[record_id] = receiver
            continue
        device = devices[user]
        base = device.since
        edit = {
            "create": create(record_id, base=base, collection="diary", note=secret),
            "patch": patch(record_id, base=base, collection="diary", note=secret),
            "delete": delete(record_id, base=base, collection="diary"),
        }[action]
        answer = device.push(edit)
        verdict = only_verdict(answer)
        if owners.get(record_id, user) != user:
            assert (verdict["verdict"], verdict["reason"]["kind"]) == ("rejected", "not_writable")
            assert (verdict["revision"], verdict["record"]) == (0, None)
        elif action == "create" and verdict["verdict"] == "applied":
            owners.setdefault(record_id, user)
    stored = {
        row["id"]: row
        for row in world.snapshot()["updraft_records"]
        if row["id"].endswith(f"-{run}")
    }
    assert {record_id: row["owner"] for record_id, row in stored.items()} == owners
    for user in USERS:
        held = {
            change["id"]: change["record"]["note"]
            for change in Device(world, f"new-{user}-{run}", user).pull(limit=5_000)["changes"]
            if change["id"].endswith(f"-{run}") and "record" in change
        }
        mine = {
            i: row["fields"]["note"]
            for i, row in stored.items()
            if row["owner"] == user and not row["deleted"]
        }
        assert held == mine


def test_gone_entry_is_all_a_former_owner_hears(world: World) -> None:
    ana, bob = world.device("r1", "ana"), world.device("r2", "bob")
    ana.push(create("d", collection="diary", note="ana's"))
    world.server({"give": {"collection": "diary", "id": "d", "owner": "bob"}})
    bob.pull()
    bob.push(patch("d", base=bob.since, collection="diary", note="bob's own words"))
    heard = world.exchange(ana.request(), "ana")
    assert [sorted(change) for change in heard["changes"]] == [
        ["collection", "gone", "id", "revision"]
    ]
    assert "bob's own words" not in json.dumps(heard)
    assert heard["changes"][0]["revision"] == 2, "nor when bob wrote"


@pytest.mark.parametrize("what", ["batch", "pull"])
def test_private_collection_never_travels_through_dag(world: World, what: str) -> None:
    device = world.device()
    device.push(create("d", collection="diary", note="private"))
    if what == "pull":
        answer = world.exchange(device.request(since=0), transport="dag")
        assert answer["changes"] == []
        return
    request = device.batch_request(
        mutation("patch", "d", base=1, collection="diary", set={"note": "leak"})
    )
    verdict = only_verdict(world.exchange(request, transport="dag"))
    assert (verdict["reason"]["kind"], verdict["record"], verdict["revision"]) == (
        "needs_plugin",
        None,
        0,
    )
    with world.engine.connect() as conn:
        assert conn.scalar(sa.select(records.c.revision)) == 1


@pytest.mark.parametrize("seed", range(6))
def test_page_of_what_was_just_written_is_the_page_that_would_be_read(
    world: World, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page's end is made of the batch's own writes without a read; both pages are equal."""
    met: Counter[tuple[bool, bool]] = Counter()

    def both_ways(
        conn: Any,
        counter: Any,
        author: Any,
        collections: Any,
        since: int,
        limit: int,
        *settled: Any,
    ) -> Page:
        page = read_page(conn, counter, author, collections, since, limit, *settled)
        if settled and settled[1] is not None:
            assert page == read_page(conn, counter, author, collections, since, limit, settled[0])
            met[since < settled[1].base, bool(page.changes)] += 1
        return page

    monkeypatch.setattr(exchange, "read_page", both_ways)
    chance = Random(seed)
    devices = world.device(), world.device("r2", chance.choice(("ana", "bob")))
    for _ in range(80):
        device = chance.choice(devices)
        made = [a_change(chance, device.since) for _ in range(chance.choice((1, 2, 8)))]
        device.send(device.batch_request(*made) | {"limit": chance.choice((1, 3, 1000))})
        while device.pull()["more"]:
            pass
    assert min(met[False, True], met[False, False], met[True, True]) > 3


def a_change(chance: Random, since: int) -> dict[str, Any]:
    """Change few records, so that changes meet, in open, private and unread collections."""
    record_id, collection = chance.choice("abcd"), chance.choice([*COLLECTIONS, "clients"])
    base = chance.choice((since, chance.randint(0, since)))
    make: Any = chance.choice((create, patch, patch, delete))
    fields = {} if make is delete else {"note": chance.choice(["x", 'a "b" \\ \n ü', ""])}
    return dict(make(record_id, base=base, collection=collection, **fields))


def test_first_pull_by_dag_run_is_few_runs_one_after_the_other(world: World) -> None:
    """A run takes a second or more at any size: at 128 KiB a page these 3 MB were 23 runs, half a
    minute."""
    ana = world.device()
    for batch in range(8):
        ana.push(*(create(f"{batch}-{number}", data="x" * 1_400) for number in range(250)))
    device, pages = Device(world, "first", "ben"), 0
    more = True
    while more:
        more = device.settle(world.exchange(device.request(limit=5_000), "ben", transport="dag"))[
            "more"
        ]
        pages += 1
    assert pages == 3
