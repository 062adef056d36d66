"""A device's report is a label: valid parts are kept, others left out, and nothing is refused."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hostile import NO_COUNT, NO_TEXT, WORDS
from world import World, create

from airflow_updraft.exchange.device_report import APP_LENGTH_MAX, read_report, show_report

SOUND = {
    "unsent": 3,
    "oldestSeconds": 60,
    "failures": 2,
    "keptOut": 1,
    "wake": "sync",
    "app": "1.4.0",
}


def kept(world: World, replica_id: str = "r") -> dict[str, Any]:
    (row,) = [
        row for row in world.snapshot()["updraft_replicas"] if row["replica_id"] == replica_id
    ]
    return show_report(row["device"])


def test_sound_report_is_kept_with_a_pull_and_with_a_batch(world: World) -> None:
    device = world.device("r")
    device.pull(device=SOUND)
    assert kept(world) == SOUND
    device.send(device.batch_request(create("a")) | {"device": {"unsent": 1}})
    assert kept(world) == {"unsent": 1}


def test_report_of_an_older_device_is_none(world: World) -> None:
    device = world.device("r")
    device.pull(device=SOUND)
    device.pull()
    assert kept(world) == {}


@pytest.mark.parametrize(
    "report", [None, 7, True, "x", [], [SOUND], {}, {"other": 1}, {"unsent": {}}], ids=repr
)
def test_what_is_no_report_keeps_nothing_and_refuses_nothing(world: World, report: Any) -> None:
    answer = world.exchange(world.device("r").batch_request(create("a")) | {"device": report})
    assert [verdict["verdict"] for verdict in answer["verdicts"]] == ["applied"]
    assert kept(world) == {}


def test_hostile_reports_at_random(world: World) -> None:
    """fault 40: with any report the request is answered, the record applied, and only valid values
    are kept."""
    random = Random(40)
    device = world.device("r")
    bad: list[Any] = [*NO_COUNT, *NO_TEXT, *WORDS, 10**300, -0.0, "sync\0", {"wake": "sync"}]
    for number in range(200):
        report = {
            name: random.choice(bad)
            for name in (*SOUND, "__proto__", "x" * 50)
            if random.random() < 0.7
        }
        answer = device.send(device.batch_request(create(f"r{number}")) | {"device": report})
        assert answer["verdicts"][0]["verdict"] == "applied"
        found = kept(world)
        assert found.keys() <= SOUND.keys()
        assert all(
            isinstance(found.get(name, 0), int) for name in ("unsent", "oldestSeconds", "failures")
        )
        assert found.get("wake", "sync") in ("sync", "page")
        assert len(found.get("app", "")) <= APP_LENGTH_MAX


def test_report_is_small_whatever_it_says() -> None:
    largest = {
        "unsent": 2**53 - 1,
        "oldestSeconds": 2**53 - 1,
        "failures": 2**53 - 1,
        "keptOut": 2**53 - 1,
        "wake": "sync",
        "app": "é" * 64,
    }
    text = read_report(largest)
    assert text is not None
    assert json.loads(text) == largest
    assert len(text) <= 250
