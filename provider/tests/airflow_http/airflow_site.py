"""A running Airflow, its users, and devices that exchange over either transport."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpx
from world import sealed

DAG_RUN_SECONDS_MAX = 60
RUNS = "/api/v2/dags/updraft_exchange/dagRuns"


@dataclass(frozen=True)
class AirflowSite:
    """The URL that people open, the path of ``[api] base_url`` included."""

    url: str

    @cache  # noqa: B019 (a single site for each session)
    def token(self, user: str) -> str:
        """Sign in as a demo user, whose password is the name."""
        answer = httpx.post(
            f"{self.url}/auth/token", json={"username": user, "password": user}, trust_env=False
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["access_token"])

    def client(self, user: str | None = "ana", **headers: str) -> httpx.Client:
        signed = {"Authorization": f"Bearer {self.token(user)}"} if user else {}
        return httpx.Client(
            base_url=self.url, headers=signed | headers, timeout=30, trust_env=False
        )

    def get(self, path: str, user: str | None = "ana", **headers: str) -> httpx.Response:
        with self.client(user, **headers) as client:
            return client.get(path)

    def post(self, request: Any, user: str | None = "ana", **headers: str) -> httpx.Response:
        with self.client(user, **headers) as client:
            return client.post("/updraft/v1/exchange", content=json.dumps(request))

    def by_dag(self, request: Any, user: str = "ana") -> dict[str, Any]:
        """Exchange as a DAG run, through stock routes alone."""
        return self.run_conf({"updraft": json.dumps(request)}, user)

    def run_conf(self, conf: Any, user: str = "ana") -> dict[str, Any]:
        """Trigger a run with this conf, and return the answer."""
        run_id = f"updraft__check__{uuid.uuid4().hex}"
        with self.client(user) as client:
            body = {"dag_run_id": run_id, "logical_date": None, "conf": conf}
            client.post(RUNS, json=body).raise_for_status()
            return self.result(client, run_id)

    def result(self, client: httpx.Client, run_id: str) -> dict[str, Any]:
        """Wait for the run; return the answer."""
        deadline = time.monotonic() + DAG_RUN_SECONDS_MAX
        while (state := client.get(f"{RUNS}/{run_id}").json()["state"]) not in (
            "success",
            "failed",
        ):
            assert time.monotonic() < deadline, f"the run is still {state}"
            time.sleep(0.1)
        assert state == "success"
        found = client.get(
            f"{RUNS}/{run_id}/taskInstances/exchange/xcomEntries/return_value"
        ).json()
        answer: dict[str, Any] = json.loads(found["value"])
        return answer


@dataclass
class Phone:
    """A device that keeps the contract's bookkeeping, over either transport."""

    site: AirflowSite
    user: str = "ana"
    replica_id: str = field(default_factory=lambda: f"check-{uuid.uuid4().hex}")
    epoch: str | None = None
    last: dict[str, Any] | None = None
    since: int = 0
    floor: int = 0

    def request(self, **more: Any) -> dict[str, Any]:
        asks = {
            "protocol": 1,
            "replicaId": self.replica_id,
            "user": self.user,
            "epoch": self.epoch,
            "last": self.last,
        }
        return asks | {"since": self.since, "floor": self.floor, "limit": 5_000} | more

    def batch(self, *mutations: dict[str, Any]) -> dict[str, Any]:
        number = (self.last["number"] if self.last else 0) + 1
        body = {"number": number, "nonce": uuid.uuid4().hex, "mutations": list(mutations)}
        return self.request(**sealed(body))

    def settle(self, answer: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
        assert "refused" not in answer, answer
        if "batch" in request:
            batch = json.loads(request["batch"])
            self.last = {"number": batch["number"], "nonce": batch["nonce"]}
        if answer["reset"]:
            self.floor = answer["start"]
        self.epoch, self.since = answer["epoch"], answer["upTo"]
        return answer

    def exchange(self, request: dict[str, Any]) -> dict[str, Any]:
        """Exchange, coming back when the server says so, as a device does."""
        while (answer := self.site.post(request, self.user)).status_code == 503:
            time.sleep(int(answer.headers["retry-after"]))
        assert answer.status_code == 200, answer.text
        return self.settle(answer.json(), request)

    def pull(self) -> list[dict[str, Any]]:
        changes = []
        while True:
            answer = self.exchange(self.request())
            changes += answer["changes"]
            if not answer["more"]:
                return changes
