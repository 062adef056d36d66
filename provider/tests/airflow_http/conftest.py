"""Checks against a running Airflow with the demo's users.

Not collected automatically; see README.md, "Develop".
"""

from __future__ import annotations

import os

import pytest
from airflow_site import AirflowSite


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--airflow",
        default=os.environ.get("UPDRAFT_TEST_AIRFLOW"),
        help="base URL of an Airflow that scripts/airflow.mjs started, "
        "such as http://127.0.0.1:8080/airflow",
    )


@pytest.fixture(scope="session")
def airflow(request: pytest.FixtureRequest) -> AirflowSite:
    url = request.config.getoption("--airflow")
    if not url:
        pytest.fail(
            "name the Airflow to check: --airflow URL, or UPDRAFT_TEST_AIRFLOW", pytrace=False
        )
    return AirflowSite(url.rstrip("/"))
