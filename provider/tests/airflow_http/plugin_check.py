"""The plugin in a real Airflow, beside the dag transport.

Both have the same rights and store, and apply exactly once over both.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from random import Random
from typing import Any

import pytest
from airflow_site import RUNS, AirflowSite, Phone
from hostile import SHORT_WORDS
from world import create, mutation

CSRF = {"X-Updraft": "1"}


def inspection(**more: Any) -> dict[str, Any]:
    fields = {"site": "A7", "status": "ok", "visits": 1} | more
    return create(uuid.uuid4().hex, collection="inspections", **fields)


def verdicts(answer: dict[str, Any]) -> list[str]:
    return [verdict["verdict"] for verdict in answer["verdicts"]]


@contextmanager
def live(airflow: AirflowSite) -> Iterator[Iterator[dict[str, Any]]]:
    with (
        airflow.client(**{"Accept-Encoding": "gzip"}) as client,
        client.stream("GET", "/updraft/v1/live") as response,
    ):
        assert response.status_code == 200
        yield (json.loads(line) for line in response.iter_lines())


def test_hello_answers_each_user_by_name(airflow: AirflowSite) -> None:
    for user in ("ana", "ben", "vera", "admin"):
        hello = airflow.get("/updraft/v1/hello", user).json()
        assert (hello["protocol"], hello["user"], "inspections" in hello["collections"]) == (
            1,
            user,
            True,
        )


def test_rights_are_those_of_the_dag(airflow: AirflowSite) -> None:
    phone = Phone(airflow, "vera")
    phone.pull()
    refused = airflow.post(phone.batch(inspection()), "vera")
    assert (refused.status_code, refused.json()) == (403, {"detail": "Forbidden"})
    assert airflow.post(phone.request(), None).status_code == 401
    assert airflow.post(phone.request(), None, Authorization="Bearer nonsense").status_code == 403
    assert airflow.get("/updraft/v1/overview", "ana").status_code == 403
    assert airflow.get("/updraft/v1/overview", "admin").status_code == 200


def test_cookie_works_with_the_header_and_not_without(airflow: AirflowSite) -> None:
    phone, cookie = Phone(airflow), f"_token={airflow.token('ana')}"
    refused = airflow.post(phone.request(), None, Cookie=cookie)
    assert (refused.status_code, refused.json()["detail"]["kind"]) == (403, "csrf")
    assert airflow.post(phone.request(), None, Cookie=cookie, **CSRF).status_code == 200


def test_batch_that_went_both_ways_counts_once(airflow: AirflowSite) -> None:
    phone, other = Phone(airflow), Phone(airflow, "ben")
    phone.pull()
    other.pull()
    made = inspection()
    phone.exchange(phone.batch(made))
    step = mutation(
        "patch", made["id"], base=phone.since, collection="inspections", inc={"visits": 1}
    )
    request = phone.batch(step)
    with ThreadPoolExecutor(3) as pool:
        answers = [
            pool.submit(airflow.by_dag, request),
            *(pool.submit(airflow.post, request) for _ in range(2)),
        ]
    first, *rest = answers[0].result(), answers[1].result().json(), answers[2].result().json()
    assert all(answer["verdicts"] == first["verdicts"] for answer in rest)
    (seen,) = [change for change in other.pull() if change["id"] == made["id"]]
    assert seen["record"]["visits"] == 2
    phone.settle(rest[0], request)
    assert verdicts(phone.exchange(phone.batch(inspection()))) == ["applied"]


def test_live_tells_of_either_transport(airflow: AirflowSite) -> None:
    phone = Phone(airflow)
    phone.pull()
    with live(airflow) as lines:
        head = next(lines)["heads"]["inspections"]
        begun = time.monotonic()
        phone.exchange(phone.batch(inspection()))
        told = next(line for line in lines if line.get("heads", {}).get("inspections", 0) > head)
        assert time.monotonic() - begun < 2
        request = phone.batch(inspection())
        phone.settle(airflow.by_dag(request), request)
        assert (
            next(line for line in lines if "inspections" in line.get("heads", {}))["revision"]
            > told["revision"]
        )


def test_exchanges_of_many_devices_at_once_are_all_settled(airflow: AirflowSite) -> None:
    def one_day(_: int) -> str:
        phone = Phone(airflow)
        phone.pull()
        assert (
            verdicts(phone.exchange(phone.batch(*(inspection() for _ in range(20)))))
            == ["applied"] * 20
        )
        return phone.replica_id

    reader = Phone(airflow)
    reader.pull()
    with ThreadPoolExecutor(20) as pool:
        assert len(set(pool.map(one_day, range(20)))) == 20
    assert len(reader.pull()) == 400


def test_airflow_lists_the_plugin_and_its_page(airflow: AirflowSite) -> None:
    plugins = airflow.get("/api/v2/plugins", "admin").json()["plugins"]
    (plugin,) = [p for p in plugins if p["name"] == "updraft"]
    (view,) = plugin["external_views"]
    assert (view["name"], plugin["fastapi_apps"][0]["url_prefix"]) == ("Updraft", "/updraft/v1")
    page = airflow.get(f"/{view['href']}", None, Cookie=f"_token={airflow.token('admin')}")
    assert (page.status_code, "page.js" in page.text) == (200, True)


@pytest.mark.parametrize("seed", range(26, 31), ids=lambda seed: f"fault 26: seed {seed}")
def test_run_id_that_is_taken_shows_the_request_it_was_taken_by(
    airflow: AirflowSite, seed: int
) -> None:
    """fault 26: triggers of few run ids in random order: the first of each wins, the others get 409
    and may look."""
    chance = Random(seed)
    ids = [f"updraft__check__{uuid.uuid4().hex}" for _ in range(3)]
    first: dict[str, dict[str, Any]] = {}
    with airflow.client() as client:
        for run_id in chance.sample([*ids, *chance.choices(ids, k=9)], k=12):
            conf = {"updraft": json.dumps(Phone(airflow).request())}
            answer = client.post(
                RUNS, json={"dag_run_id": run_id, "logical_date": None, "conf": conf}
            )
            assert answer.status_code == (409 if run_id in first else 200), answer.text
            first.setdefault(run_id, conf)
            assert client.get(f"{RUNS}/{run_id}").json()["conf"] == first[run_id]
    assert len(first) == 3, "no logical date, so no two runs clash by it"


@pytest.mark.parametrize("seed", [26, 27], ids=lambda seed: f"fault 26: seed {seed}")
def test_run_id_claimed_by_many_at_once_is_one_runs(airflow: AirflowSite, seed: int) -> None:
    """fault 26: an id triggered by several requests at once: a single request wins, and only that
    batch counts."""
    chance = Random(seed)
    phone, run_id = Phone(airflow), f"updraft__check__{uuid.uuid4().hex}"
    phone.pull()
    requests = [phone.batch(inspection()) for _ in range(chance.randrange(2, 6))]
    confs = [{"updraft": json.dumps(request)} for request in requests]

    def trigger(conf: dict[str, str]) -> int:
        with airflow.client() as client:
            return client.post(
                RUNS, json={"dag_run_id": run_id, "logical_date": None, "conf": conf}
            ).status_code

    with ThreadPoolExecutor(len(confs)) as pool:
        statuses = list(pool.map(trigger, confs))
    assert sorted(statuses) == [200] + [409] * (len(confs) - 1)
    winner = statuses.index(200)
    with airflow.client() as client:
        assert client.get(f"{RUNS}/{run_id}").json()["conf"] == confs[winner]
        answer = airflow.result(client, run_id)
    assert verdicts(phone.settle(answer, requests[winner])) == ["applied"]
    other = requests[(winner + 1) % len(requests)]
    assert airflow.post(other).json()["refused"] == "fork", "the number is taken"


def test_hostile_confs_through_real_runs_have_no_effect(airflow: AirflowSite) -> None:
    """fault 40: a handful of the confs that test_hostile_conf.py hands over by the hundred."""
    chance, watch, made = Random(40), Phone(airflow), inspection(note="must not be stored")
    watch.pull()
    phone, stranger = Phone(airflow), Phone(airflow, "ben")
    phone.pull()
    stranger.pull()
    good = phone.batch(made)
    confs: list[Any] = [
        {},
        {"updraft": good},
        {
            "updraft": json.dumps(good | {"user": "ben"}),
            "user": "ana",
            "triggering_user_name": "ben",
        },
        {"updraft": json.dumps(stranger.batch(made))},
        {"updraft": json.dumps(good | {"hash": "0" * 64})},
        {"updraft": json.dumps(good)[:-1] + ', "user": "ben"}'},
        *(
            {"updraft": word, word[:20]: {"{{ 7 * 7 }}": "{{ ti }}"}}
            for word in chance.sample(SHORT_WORDS, k=6)
        ),
    ]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(airflow.run_conf, confs))
    assert {answer["refused"] for answer in answers} == {"invalid", "user_mismatch"}
    assert not any("verdicts" in answer or answer["changes"] for answer in answers)
    assert made["id"] not in {change["id"] for change in watch.pull()}, "no effect"
    assert verdicts(phone.exchange(good)) == ["applied"], (
        "and nobody's place in the ledger has moved"
    )
