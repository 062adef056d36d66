"""The rules of docs/protocol.md on real databases: each test is named after a prevented mishap."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import pytest
import sqlalchemy as sa
from world import KeptEpoch, World, create, delete, mutation, only_verdict, patch, sealed

from airflow_updraft.exchange.proof import Proofs
from airflow_updraft.limits import LIMITS, Transport
from airflow_updraft.store import tables


def counter_of(world: World) -> int:
    visits: int = world.records()["a"]["visits"]
    return visits


def one_up(base: int) -> dict[str, object]:
    return mutation("patch", "a", base=base, inc={"visits": 1})


def test_resent_batch_is_not_applied_twice(world: World) -> None:
    """fault 18, 19: the answer was lost, or the request came twice."""
    device = world.device()
    device.push(create(visits=0))
    request = device.batch_request(one_up(1))
    first = world.exchange(request)
    for _ in range(3):
        again = world.exchange(request | {"since": 0, "limit": 1})
        assert again["verdicts"] == first["verdicts"]
    assert (counter_of(world), world.revision) == (1, 2)


def test_delayed_duplicate_is_not_applied_after_a_later_batch(world: World) -> None:
    """fault 19: the duplicate arrives after a later batch was settled."""
    device = world.device()
    device.push(create(visits=0))
    old = device.batch_request(one_up(1))
    device.send(old)
    device.push(one_up(2))
    assert world.exchange(old)["refused"] == "fork"
    assert (counter_of(world), world.revision) == (2, 3)


def test_second_clone_with_the_same_increment_is_not_taken_for_a_resend(world: World) -> None:
    """fault 27: two replicas with the same id and the same edit."""
    device = world.device()
    device.push(create(visits=0))
    clone = copy.copy(device)
    device.push(one_up(1), nonce="original")
    assert clone.push(one_up(1), nonce="clone")["refused"] == "fork"
    assert counter_of(world) == 1


def test_clone_that_only_pulls_is_told_too_and_given_no_changes(world: World) -> None:
    """fault 27: also a clone with nothing to send."""
    device = world.device()
    clone = copy.copy(device)
    device.push(create(note="n"))
    answer = clone.pull()
    assert (answer["refused"], answer["changes"], answer["upTo"]) == ("fork", [], 0)
    assert "verdicts" not in answer


def test_outbox_is_not_sent_as_another_user(world: World) -> None:
    device = world.device()
    before = world.snapshot()
    assert world.exchange(device.batch_request(create()), "bob")["refused"] == "user_mismatch"
    assert (
        world.exchange(device.batch_request(create()) | {"user": "bob"}, "bob")["refused"]
        == "user_mismatch"
    )
    unknown = device.batch_request(create()) | {"replicaId": "never seen"}
    assert world.exchange(unknown, "bob")["refused"] == "user_mismatch"
    assert world.snapshot() == before


def test_batch_voided_before_it_came_is_not_applied(world: World) -> None:
    device = world.device()
    late = device.batch_request(create(visits=1))
    void = device.request(void={"number": 1, "nonce": "r1-n1"})
    assert world.exchange(void)["refused"] == "void"
    assert world.exchange(late)["refused"] == "void"
    assert world.records() == {}


def test_batch_that_came_before_its_void_is_not_sent_anew(world: World) -> None:
    device = world.device()
    answer = world.exchange(device.batch_request(create(visits=1)))
    void = device.request(void={"number": 1, "nonce": "r1-n1"})
    assert world.exchange(void)["verdicts"] == answer["verdicts"]


def test_number_that_never_arrived_is_not_skipped(world: World) -> None:
    device = world.device()
    request = device.request(**sealed({"number": 2, "nonce": "n", "mutations": [create()]}))
    answer = world.exchange(request)
    assert (answer["refused"], answer["reason"]["kind"]) == ("invalid", "malformed")
    assert world.records() == {}


def test_base_revisions_of_another_epoch_do_not_count(world: World) -> None:
    device = world.device()
    device.push(create(note="n"))
    request = device.batch_request(patch(base=1, note="stale")) | {"epoch": "lost"}
    answer = world.exchange(request)
    assert (answer["refused"], answer["reset"], len(answer["changes"])) == ("epoch", True, 1)
    assert world.records()["a"] == {"note": "n"}


def test_restored_backup_is_not_trusted_by_the_devices_that_are_ahead(world: World) -> None:
    """fault 31: the devices know more than the store."""
    world.proofs = Proofs("outside the store")
    device = world.device()
    backup = world.snapshot()
    device.push(create(note="lost"))
    world.restore(backup)
    answer = device.pull()
    assert (answer["epoch"], answer["reset"], answer["changes"]) == ("e2", True, [])


def test_restored_backup_does_not_renew_its_epoch_for_ever(world: World) -> None:
    """fault 31: once, whoever comes first."""
    world.proofs = Proofs("outside the store")
    ana, bob = world.device("r1", "ana"), world.device("r2", "bob")
    backup = world.snapshot()
    ana.push(create(note="lost"))
    bob.pull()
    world.restore(backup)
    for _ in range(3):
        ana.pull()
        bob.pull()
    assert (ana.epoch, bob.epoch) == ("e2", "e2")


def test_restored_backup_does_not_bring_its_old_epoch_along(bare_engine: sa.Engine) -> None:
    """fault 31: the epoch is kept outside the store as well."""
    world = World(bare_engine, keeper=KeptEpoch())
    device = world.device()
    backup = world.snapshot()
    world.server({"renew": True})
    assert world.keeper is not None
    assert world.keeper.epoch == "e2"
    world.restore(backup)
    answer = device.pull()
    assert (answer["epoch"], answer["reset"], world.keeper.epoch) == ("e3", True, "e3")


def test_keeper_that_was_read_too_early_does_not_renew_the_epoch(bare_engine: sa.Engine) -> None:
    class LateKeeper(KeptEpoch):
        """Answers the first question as of before another exchange renewed the epoch."""

        stale: str | None = "e0"

        def get(self) -> str | None:
            answer, self.stale = self.stale or self.epoch, None
            return answer

    world = World(bare_engine, keeper=LateKeeper("e1"))
    assert world.device().epoch == "e1"


def test_batch_answered_in_a_lost_epoch_is_not_applied_again(world: World) -> None:
    device = world.device()
    device.push(create(visits=0))
    request = device.batch_request(one_up(1))
    world.exchange(request)
    world.server({"renew": True})
    answer = device.send(request)
    assert (answer["epoch"], answer["reset"], answer["verdicts"][0]["verdict"]) == (
        "e2",
        True,
        "applied",
    )
    assert [c["record"]["visits"] for c in answer["changes"]] == [1], "never left out in a reset"
    assert (device.pull()["epoch"], counter_of(world)) == ("e2", 1)


def test_verdict_carries_the_record_its_page_would_bring_much_later(world: World) -> None:
    ana, bob = world.device("r1", "ana"), world.device("r2", "bob")
    ana.push(create(note="n"), *[create(f"x{i}") for i in range(5)])
    bob.pull(limit=1)
    ana.push(patch(base=1, site="s"))
    answer = world.exchange(bob.batch_request(patch(base=1, status="ok")) | {"limit": 1}, "bob")
    assert only_verdict(answer)["record"] == {"id": "a", "note": "n", "site": "s", "status": "ok"}
    assert [change["id"] for change in answer["changes"]] == ["x0"]


def test_change_by_another_is_not_left_out_with_the_own_one(world: World) -> None:
    device = world.device()
    request = device.batch_request(create("a", note="n"), create("b"))
    assert world.exchange(request)["changes"] == []
    world.server({"put": {"collection": "asks", "record": {"id": "a", "note": "scored"}}})
    assert [c["id"] for c in world.exchange(request)["changes"]] == ["a"]


def test_checkpoint_does_not_pass_a_change_that_was_not_on_the_page(world: World) -> None:
    world.device("w", "bob").push(*[create(f"r{i}") for i in range(7)])
    device = world.device()
    device.since = 0
    seen = []
    for _ in range(4):
        page = device.pull(limit=2)
        seen += [change["id"] for change in page["changes"]]
    assert (seen, page["more"], device.since) == ([f"r{i}" for i in range(7)], False, 7)


@pytest.mark.parametrize("transport", LIMITS)
def test_page_of_large_records_is_cut_by_bytes(world: World, transport: Transport) -> None:
    writer, device = world.device("w", "bob"), world.device()
    fit = LIMITS[transport].page_bytes_max // 60_200
    for number in range(fit + 1):
        writer.push(create(f"r{number}", collection="anything", data="x" * 60_000))
    page = device.settle(world.exchange(device.request(), transport=transport))
    assert (len(page["changes"]), page["upTo"], page["more"]) == (fit, fit, True)
    page = device.settle(world.exchange(device.request(), transport=transport))
    assert ([c["id"] for c in page["changes"]], page["more"]) == ([f"r{fit}"], False)


def test_re_read_does_not_begin_anew_with_every_page(world: World) -> None:
    writer = world.device("w", "bob")
    writer.push(*[create(f"r{i}") for i in range(6)])
    writer.push(delete("r0", base=1))
    device = world.device()
    device.since, device.floor, device.epoch = 0, 0, None
    first = device.pull(limit=2)
    world.server({"prune": 7})
    second = device.pull(limit=2)
    assert (first["reset"], second["reset"], second["start"]) == (True, False, 7)


def test_device_away_for_long_does_not_keep_a_record_whose_tombstone_was_pruned(
    world: World,
) -> None:
    ana, bob = world.device("r1", "ana"), world.device("r2", "bob")
    ana.push(create("a"), create("b"))
    bob.pull()
    ana.push(delete("a", base=1))
    world.server({"prune": 3})
    answer = bob.pull()
    assert (answer["reset"], [c["id"] for c in answer["changes"]]) == (True, ["b"])
    assert not bob.pull()["reset"]


def test_consumer_that_has_not_read_a_deletion_does_not_lose_its_tombstone(world: World) -> None:
    device = world.device()
    device.push(create("a"))
    device.push(delete("a", base=1))
    with world.engine.begin() as conn:
        conn.execute(tables.consumers.insert().values(name="target", collection="asks", revision=1))
    world.server({"prune": 2})
    assert len(world.snapshot()["updraft_records"]) == 1


def test_private_record_is_neither_seen_nor_changed_nor_taken_over(world: World) -> None:
    """fault 40: another user's record is named."""
    ana, bob = world.device("r1", "ana"), world.device("r2", "bob")
    ana.push(create(collection="diary", note="secret"))
    assert bob.pull()["changes"] == []
    for hostile in (
        patch(base=1, collection="diary", note="x"),
        delete(base=1, collection="diary"),
        create(collection="diary", note="x"),
    ):
        verdict = only_verdict(bob.push(hostile))
        assert (verdict["verdict"], verdict["record"], verdict["revision"]) == ("rejected", None, 0)
        assert verdict["reason"]["kind"] == "not_writable"
    ana.push(delete(base=1, collection="diary"))
    assert only_verdict(bob.push(create(base=2, collection="diary")))["verdict"] == "rejected"
    assert bob.pull(since=0)["changes"] == []


STATES = ("another's", "another's tombstone", "another's, and again made")
GUESSES = [
    mutation("patch", "a", collection="box", base=1, set={"visits": 77}),
    mutation("patch", "a", collection="box", base=0, set={"visits": 77, "note": "secret"}),
    mutation("patch", "a", collection="box", base=1, set={"visits": 76}),
    mutation("patch", "a", collection="box", base=1, removed=["note"]),
    mutation("patch", "a", collection="box", base=1, inc={"visits": -1000}),
    mutation("patch", "a", collection="box", base=1, inc={"note": 1}),
    mutation("patch", "a", collection="box", base=1, set={"data": "x" * 65_000}),
    create(collection="box", note="secret", visits=77),
    create(collection="box", base=1, visits="no number"),
    delete(collection="box", base=0),
    delete(collection="box", base=1),
]


@pytest.mark.parametrize("policy", ["ask", "client-wins", "server-wins"])
@pytest.mark.parametrize("state", STATES)
def test_case_b2_no_guess_tells_anything_of_anothers_record(
    bare_engine: sa.Engine, state: str, policy: str
) -> None:
    """case B2: with any guess at any record: the same answer, and nothing has changed."""
    schema = {"minProperties": 3, "properties": {"visits": {"minimum": 0}}}
    world = World(bare_engine, {"box": {"schema": schema, "read": "own", "onConflict": policy}})
    bob, ana = world.device("r2", "bob"), world.device("r1", "ana")
    bob.push(create(collection="box", note="secret", visits=77))
    if state != "another's":
        bob.push(delete(collection="box", base=1))
    if state.endswith("made"):
        bob.push(create(collection="box", base=2, note="secret", visits=77))
    before = world.records("box"), world.revision
    verdicts = [{**v, "reason": v["reason"]["kind"]} for v in ana.push(*GUESSES)["verdicts"]]
    told = {"collection": "box", "id": "a", "verdict": "rejected", "revision": 0, "record": None}
    assert verdicts == [told | {"reason": "not_writable"}] * len(GUESSES)
    assert (world.records("box"), world.revision) == before


def test_case_b2_nine_hundred_guesses_find_no_number(bare_engine: sa.Engine) -> None:
    """case B2: a batch of guesses at another's number found the equal number."""
    world = World(bare_engine, {"box": {"schema": {}, "read": "own"}})
    world.device("r2", "bob").push(create(collection="box", salary=567))
    guesses = [
        mutation("patch", "a", collection="box", base=0, set={"salary": guess})
        for guess in range(990)
    ]
    verdicts = world.device("r1", "ana").push(*guesses)["verdicts"]
    assert len({json.dumps(verdict) for verdict in verdicts}) == 1
    assert world.records("box") == {"a": {"salary": 567}}


def test_record_given_away_does_not_stay_on_its_former_owners_device(world: World) -> None:
    ana, bob = world.device("r1", "ana"), world.device("r2", "bob")
    ana.push(create(collection="diary", note="n"))
    world.server({"give": {"collection": "diary", "id": "a", "owner": "bob"}})
    assert ana.pull()["changes"] == [
        {"collection": "diary", "id": "a", "revision": 2, "gone": True}
    ]
    assert [c["record"]["note"] for c in bob.pull()["changes"]] == ["n"]
    assert ana.pull()["changes"] == []


def test_private_record_does_not_travel_in_conf_or_xcom(world: World) -> None:
    device = world.device()
    device.push(create(collection="diary", note="by plugin"))
    request = device.batch_request(create("b", collection="diary", note="by dag"))
    answer = world.exchange(request | {"since": 0}, transport="dag")
    assert only_verdict(answer)["reason"]["kind"] == "needs_plugin"
    assert answer["changes"] == []


def test_poison_mutation_does_not_block_the_others(world: World) -> None:
    """fault 36: each is rejected alone, with a reason."""
    answer = world.device().push(
        create("bad", status="bogus"),
        create("x", collection="nowhere"),
        mutation("upsert", "y"),
        create("z\0"),
        create("good", status="ok"),
    )
    assert [v["verdict"] for v in answer["verdicts"]] == ["rejected"] * 4 + ["applied"]
    assert "bogus" in answer["verdicts"][0]["reason"]["message"], "the validator's own words"
    assert list(world.records()) == ["good"]


def test_base_revision_from_the_future_does_not_pass_for_having_seen_all(world: World) -> None:
    device = world.device()
    device.push(create(note="n"))
    verdict = only_verdict(device.push(patch(base=10**9, note="mine")))
    assert (verdict["verdict"], world.records()["a"]) == ("rejected", {"note": "n"})


def test_change_by_airflow_does_not_overwrite_an_edit_of_another_field(world: World) -> None:
    device = world.device()
    device.push(create(status="ok", note="n"))
    world.server(
        {
            "put": {
                "collection": "asks",
                "record": {"id": "a", "status": "ok", "note": "n", "visits": 3},
            }
        }
    )
    assert only_verdict(device.push(patch(base=1, note="mine")))["verdict"] == "merged"
    assert world.records()["a"] == {"status": "ok", "note": "mine", "visits": 3}


def test_put_of_equal_record_by_airflow_makes_no_revision(world: World) -> None:
    world.device().push(create(status="ok", visits=1))
    world.server(
        {"put": {"collection": "asks", "record": {"id": "a", "visits": 1.0, "status": "ok"}}}
    )
    assert world.revision == 1


def test_two_mutations_of_one_record_in_a_batch_are_applied_in_order(world: World) -> None:
    answer = world.device().push(
        create(visits=1), mutation("patch", "a", base=0, inc={"visits": 1})
    )
    assert [v["verdict"] for v in answer["verdicts"]] == ["applied", "merged"]
    assert (counter_of(world), world.revision) == (2, 2)


def test_words_that_look_like_code_are_only_data(world: World) -> None:
    words = "{{ var.value.secret }}'; DROP TABLE updraft_records; --"
    world.device().push(create(words, note=words), create("x", collection=words))
    assert world.records() == {words: {"note": words}}


def test_batch_of_100_makes_few_statements(world: World) -> None:
    device = world.device()
    statements: list[str] = []

    def note(*event: object) -> None:
        statements.append(str(event[2]))

    sa.event.listen(world.engine, "before_cursor_execute", note)
    try:
        device.push(*[create(f"r{i}", status="ok") for i in range(100)])
    finally:
        sa.event.remove(world.engine, "before_cursor_execute", note)
    assert len(statements) <= 12, statements


@pytest.mark.parametrize("transport", LIMITS)
def test_batch_that_is_too_large_is_named_so_that_the_device_can_void_it(
    world: World, transport: Transport
) -> None:
    device = world.device()
    allowed = LIMITS[transport]
    large = allowed.batch_bytes_max // 60_000 + 1
    many = device.batch_request(
        *[delete(f"r{i}", base=0) for i in range(allowed.batch_mutations_max + 1)]
    )
    big = device.batch_request(
        *[create(f"r{i}", collection="anything", data="x" * 60_000) for i in range(large)]
    )
    for request in (many, big):
        answer = world.exchange(request, transport=transport)
        assert (answer["refused"], answer["reason"]["kind"]) == ("invalid", "too_large")
        assert (answer["echo"]["nonce"], answer["echo"]["hash"]) == ("r1-n1", request["hash"])
    assert world.records() == {}


def test_batch_sealed_for_the_plugin_gets_through_dag_in_parts(world: World) -> None:
    device = world.device()
    creates = [create(f"r{i}", visits=1) for i in range(LIMITS["dag"].batch_mutations_max + 1)]
    sealed_for_plugin = device.batch_request(*creates)
    assert world.exchange(sealed_for_plugin, transport="dag")["reason"]["kind"] == "too_large"
    mark = {"number": 1, "nonce": "r1-n1"}
    assert world.exchange(device.request(void=mark), transport="dag")["refused"] == "void"
    device.last = mark
    for half in (creates[:250], creates[250:]):
        request = device.batch_request(*half)
        device.settle(world.exchange(request, transport="dag"), request)
    assert len(world.records()) == world.revision == len(creates)
    late = world.exchange(sealed_for_plugin)
    assert ("verdicts" in late, world.revision) == (False, len(creates)), (
        "the voided batch comes late and has no effect"
    )


@pytest.mark.parametrize("transport", LIMITS)
def test_stale_batch_does_not_bring_back_more_than_an_answer_carries(
    world: World, transport: Transport
) -> None:
    """Small patches of large records that have changed: each verdict carries a record."""
    writer, device = world.device("w", "bob"), world.device()
    allowed, size = LIMITS[transport].verdicts_bytes_max, 60_000
    fit = allowed // (size + 200)
    names = [f"r{number}" for number in range(fit + 1)]
    for name in names:
        writer.push(create(name, collection="anything", data="x" * size, note="theirs"))
    stale = [
        mutation("patch", name, collection="anything", set={"note": "mine"}, inc={"n": 1})
        for name in names
    ]
    before = world.snapshot()
    too_many = device.batch_request(*stale)
    answer = world.exchange(too_many, transport=transport)
    assert (answer["refused"], answer["reason"]["kind"], answer["epoch"]) == (
        "invalid",
        "too_large",
        device.epoch,
    )
    assert (answer["echo"]["nonce"], answer["echo"]["hash"]) == ("r1-n1", too_many["hash"])
    assert world.snapshot() == before, "rolled back: the free field of none was written"

    device.last = {"number": 1, "nonce": "r1-n1"}
    assert (
        world.exchange(device.request(last=None, void=device.last), transport=transport)["refused"]
        == "void"
    )
    for part in (stale[:-1], stale[-1:]):
        request = device.batch_request(*part)
        answer = world.exchange(request, transport=transport)
        assert {verdict["verdict"] for verdict in answer["verdicts"]} == {"conflicted"}
        assert len(json.dumps(answer["verdicts"])) <= allowed
        resent = world.exchange(request, transport=transport)["verdicts"]
        assert resent == answer["verdicts"]
        device.settle(answer, request)
    assert all(record["n"] == 1 for record in world.records("anything").values()), (
        "each counted once"
    )
    assert "verdicts" not in world.exchange(too_many, transport=transport), (
        "the voided one comes late: no effect"
    )


def test_one_mutation_is_never_too_much_for_an_answer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The device could not split a single mutation, and would give up."""
    monkeypatch.setitem(LIMITS, "plugin", replace(LIMITS["plugin"], verdicts_bytes_max=10))
    world.device("w", "bob").push(create(note="theirs"))
    assert only_verdict(world.device().push(create(note="mine")))["verdict"] == "conflicted"


@pytest.mark.parametrize("transport", LIMITS)
def test_batch_at_its_transports_limit_is_taken(world: World, transport: Transport) -> None:
    count = LIMITS[transport].batch_mutations_max
    request = world.device().batch_request(*[create(f"r{i}", visits=i) for i in range(count)])
    assert len(world.exchange(request, transport=transport)["verdicts"]) == count == world.revision


@pytest.mark.parametrize("transport", ["plugin", "dag"])
def test_request_as_text_is_read_like_the_object(world: World, transport: str) -> None:
    request = world.device().batch_request(create(note="é 😀"))
    answer = world.exchange(json.dumps(request), transport=transport)
    assert answer["verdicts"][0]["verdict"] == "applied"
    assert world.records()["a"] == {"note": "é 😀"}


def test_record_larger_than_a_page_does_not_stall_the_feed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LIMITS, "plugin", replace(LIMITS["plugin"], page_bytes_max=10))
    world.device("w", "bob").push(create("a"), create("b"))
    answer = world.exchange(world.device("r", "cyd").request(since=0), "cyd")
    assert ([c["id"] for c in answer["changes"]], answer["upTo"], answer["more"]) == (
        ["a"],
        1,
        True,
    )
