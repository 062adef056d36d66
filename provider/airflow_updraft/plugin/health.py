"""The health on the page "Updraft": the findings of the check, as the API server sees them."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from airflow_updraft.check.report import as_json
from airflow_updraft.check.run import run_checks
from airflow_updraft.check.site import Site
from airflow_updraft.check.table import CHECKS
from airflow_updraft.plugin.access import Caller, require_operator, who_is
from airflow_updraft.plugin.desk import TheDesk
from airflow_updraft.plugin.problems import explained
from airflow_updraft.plugin.routes import answer_json, to_bytes

router = APIRouter()

SECONDS_MAX = 4.0
"""Less than a request waits at the gate, so that a part that hangs does not hide the overview."""


@router.get("/health")
async def get_health(request: Request, caller: Caller, desk: TheDesk) -> Response:
    """The findings, without those that need a command line. For operators, as the overview.

    A store that is down is a finding here, where the overview is an error.
    """

    def work() -> Response:
        with explained():
            require_operator(request, caller)
            findings = run_checks(Site(on_page=True), CHECKS, SECONDS_MAX)
            return answer_json(request, to_bytes(as_json(findings)))

    return await desk.overview_gate.run(work, who_is(caller))
