"""Alerts for a person, by the reports of two synchronizations."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_updraft.sync.alerts import Alert, alerts_of, behind, news_of, read_kept, write_kept


def report(**parts: Any) -> dict[str, Any]:
    collection = {"behind": parts.get("behind", 0), "target": {"refused": parts.get("refused", 0)}}
    consumer = {
        "name": "score",
        "collection": "asks",
        "behind": parts.get("unread", 0),
        "refused": parts.get("aside", 0),
    }
    return {
        "collections": {"asks": collection, "sites": {"source": {"rejected": parts.get("bad", 0)}}},
        "consumers": [consumer],
        "overdueCount": parts.get("overdue", 0),
    }


@pytest.mark.parametrize(
    ("earlier", "now", "expected"),
    [
        ({}, {}, []),
        ({}, {"overdue": 2}, [("overdue", "devices", 2)]),
        ({}, {"refused": 1}, [("refused", "rows of asks by its target", 1)]),
        ({}, {"bad": 3}, [("refused", "rows of sites from its source", 3)]),
        ({}, {"aside": 1}, [("refused", "changes of asks by the consumer score", 1)]),
        ({}, {"behind": 9, "unread": 9}, []),
        ({"behind": 9}, {"behind": 8}, []),
        ({"behind": 9}, {"behind": 9}, [("behind", "the target of asks", 9)]),
        ({"unread": 1}, {"unread": 4}, [("behind", "the consumer score of asks", 4)]),
    ],
)
def test_what_holds(
    earlier: dict[str, int], now: dict[str, int], expected: list[tuple[str, str, int]]
) -> None:
    found = alerts_of(report(**now), behind(report(**earlier)))
    assert [(one["kind"], one["about"], one["count"]) for one in found] == expected


def test_the_first_run_knows_of_nothing_earlier() -> None:
    assert alerts_of(report(behind=9), {}) == []
    assert [one["kind"] for one in alerts_of(report(overdue=1), {})] == ["overdue"]


def test_an_alert_is_news_once_and_when_it_has_grown() -> None:
    two = [Alert(kind="overdue", about="devices", count=2)]
    three = [Alert(kind="overdue", about="devices", count=3)]
    assert news_of(two, []) == two
    assert news_of(two, two) == []
    assert news_of(three, two) == three
    assert news_of(two, three) == []
    assert news_of([Alert(kind="refused", about="devices", count=1)], two) != []


def test_what_is_kept_is_read_again() -> None:
    told = [Alert(kind="overdue", about="devices", count=2)]
    now = report(behind=9, unread=1)
    assert read_kept(write_kept(now, told)) == (behind(now), told)


@pytest.mark.parametrize(
    "text",
    [None, "", "{}", "no JSON", "[]", '"x"', '{"behind": []}', '{"told": [1]}', '{"told": [{}]}'],
)
def test_a_kept_text_that_makes_no_sense_is_nothing(text: str | None) -> None:
    assert read_kept(text) == ({}, [])
