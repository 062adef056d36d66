"""The commands by which operators list, read and forget devices."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from world import NOW, KeptEpoch, World, create, mutation, only_verdict

from airflow_updraft import airflow_bridge, cli
from airflow_updraft.devices import admin
from airflow_updraft.errors import DeviceError
from airflow_updraft.exchange.proof import Proofs
from airflow_updraft.store.tables import replicas
from airflow_updraft.sync.invariants import verify

SECRET = "planted-in-a-field"
REPORT = {"unsent": 3, "oldestSeconds": 60, "failures": 2, "wake": "sync", "app": "1.4.0"}


@pytest.fixture
def known(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A store with a phone that has sent, another's idle tablet, and one not seen for long."""
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "")
    monkeypatch.setattr(airflow_bridge, "server_store_engine", lambda: world.engine)
    phone = world.device("phone", "ana")
    bad = create("bad", status="no such", note=SECRET)
    phone.send(phone.batch_request(create("a", note=SECRET), bad) | {"device": REPORT})
    world.device("tablet", "ben").pull()
    world.device("drawer", "ana").pull()
    now = datetime.now(UTC)
    seen(world, "drawer", now - timedelta(days=8))
    seen(world, "phone", now)
    seen(world, "tablet", now)
    return world


def seen(world: World, replica_id: str, at: datetime) -> None:
    here = replicas.c.replica_id == replica_id
    with world.engine.begin() as conn:
        conn.execute(replicas.update().where(here).values(last_seen=at))


def command(*words: str) -> int:
    return cli.main(["devices", *words])


def rows(world: World) -> list[str]:
    return [row["replica_id"] for row in world.snapshot()["updraft_replicas"]]


def test_list_shows_last_exchange_report_and_who_is_overdue(
    known: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("list") == 0
    drawer, phone, tablet = capsys.readouterr().out.splitlines()
    assert drawer.startswith("'drawer' of 'ana': ")
    assert drawer.endswith(" UTC, overdue; no report")
    assert phone.endswith(
        "UTC; waiting 3, the oldest for 60 s, failed exchanges in a row 2, woken by sync, "
        "app '1.4.0'"
    )
    assert tablet.startswith("'tablet' of 'ben': ")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("--user", "ana"), ["drawer", "phone"]),
        (("--overdue",), ["drawer"]),
        (("--user", "ben", "--overdue"), []),
        (("--limit", "2"), ["drawer", "phone"]),
        (("--limit", "2", "--after", "phone"), ["tablet"]),
        (("--limit", "0"), ["drawer", "phone", "tablet"]),
    ],
)
def test_list_as_json_is_an_object_a_line(
    known: World, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], found: list[str]
) -> None:
    assert command("list", "--json", *words) == 0
    out, err = capsys.readouterr()
    devices = [json.loads(line) for line in out.splitlines()]
    assert [device["replicaId"] for device in devices] == found
    assert ("There are more: --after 'phone'" in err) == (words == ("--limit", "2"))


def test_list_reads_chunks_by_key_and_names_each_device_once(
    known: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for count in range(5):
        known.device(f"r{count}", f"user {count}").pull()
    monkeypatch.setattr(admin, "CHUNK_ROWS", 2)
    statements: list[str] = []

    def note(*args: Any) -> None:
        statements.append(args[2])

    sa.event.listen(known.engine, "before_cursor_execute", note)
    found = [one["replicaId"] for one in admin.listed(known.engine, NOW)]
    sa.event.remove(known.engine, "before_cursor_execute", note)
    assert found == sorted(rows(known))
    assert len([one for one in statements if "LIMIT" in one]) == 5
    assert not [one for one in statements if "verdicts" in one]


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_report_tells_all_but_values(
    known: World, capsys: pytest.CaptureFixture[str], form: tuple[str, ...]
) -> None:
    assert command("report", "phone", *form) == 0
    out = capsys.readouterr().out
    assert SECRET not in out
    if not form:
        assert "batches: 1\n" in out
        assert "rejected: 'bad' of asks: schema at /status" in out
        assert "told up to revision 1 of 1" in out
        return
    report: dict[str, Any] = json.loads(out)
    assert report["device"] == REPORT
    assert (report["batches"], report["toldUpTo"], report["storeRevision"]) == (1, 1, 1)
    assert report["verdicts"] == {"applied": 1, "rejected": 1}
    assert report["rejected"][0]["id"] == "bad"


def test_forget_idle_device_costs_it_a_re_read(
    known: World, capsys: pytest.CaptureFixture[str]
) -> None:
    tablet = known.device("tablet", "ben")
    tablet.epoch, tablet.since = "e1", 1
    assert command("forget", "tablet", "--yes") == 0
    assert "it reads everything again" in capsys.readouterr().out
    assert rows(known) == ["drawer", "phone"]
    # Sealed before it was forgotten.
    assert tablet.push(create("b"))["refused"] == "epoch"
    assert only_verdict(tablet.push(create("b")))["verdict"] == "applied"
    assert verify(known.engine)["violations"] == []


def test_forget_device_that_has_sent_needs_the_word_that_it_is_destroyed(
    known: World, capsys: pytest.CaptureFixture[str]
) -> None:
    before = known.snapshot()
    assert command("forget", "phone", "--yes") == 2
    out, err = capsys.readouterr()
    assert "that batch may be written twice" in out
    assert "3 changes wait on it" in out
    assert "add --destroyed" in err
    assert known.snapshot() == before
    assert command("forget", "phone", "--destroyed", "--yes") == 0
    assert rows(known) == ["drawer", "tablet"]


def test_destroyed_device_that_comes_back_does_what_the_words_say(world: World) -> None:
    """Why ``--destroyed`` exists: its batch is written twice, and everybody reads again."""
    world.keeper, world.proofs = KeptEpoch(), Proofs("k" * 32)
    device, other = world.device("phone"), world.device("other", "ben")
    for one in (device, other):
        one.pull()
    device.push(create("a", visits=1))
    other.pull()
    resent = device.batch_request(mutation("patch", base=1, inc={"visits": 1}))
    world.exchange(resent)
    admin.forget(world.engine, admin.described(world.engine, "phone", NOW))
    assert device.send(resent)["refused"] == "epoch"
    device.push(mutation("patch", base=2, inc={"visits": 1}))
    assert world.records("asks")["a"]["visits"] == 3
    assert other.pull()["reset"] is True


def test_device_that_exchanges_meanwhile_stays(known: World) -> None:
    seen_by_the_operator = admin.described(known.engine, "tablet", NOW)
    known.device("tablet", "ben").push(create("b"))
    with pytest.raises(DeviceError, match="has exchanged meanwhile"):
        admin.forget(known.engine, seen_by_the_operator)
    assert "tablet" in rows(known)


@pytest.mark.parametrize("action", ["report", "forget"])
def test_unknown_device_is_named(
    known: World, capsys: pytest.CaptureFixture[str], action: str
) -> None:
    assert command(action, "phones") == 2
    assert "the store knows no device 'phones'" in capsys.readouterr().err


def test_nothing_is_forgotten_where_nobody_can_be_asked(
    known: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False)
    assert command("forget", "tablet") == 2
    assert "Add --yes" in capsys.readouterr().err
    assert "tablet" in rows(known)


def test_airflows_own_command_line_has_them() -> None:
    (group,) = cli.airflow_commands()
    named = {getattr(one, "name", ""): one for one in group.subcommands}
    actions = [one.name for one in named["devices"].subcommands]  # type: ignore[union-attr]
    assert actions == ["list", "report", "forget"]
