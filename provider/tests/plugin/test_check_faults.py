"""Planted misconfigurations: each is named by a finding, with the command that mends it."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from check_faults import FAULTS, Fault
from faulty_proxy import faulty_proxy
from plugin_site import serving
from well_site import Well

from airflow_updraft.check import http
from airflow_updraft.check.table import CHECKS


@pytest.mark.parametrize(
    ("bare_engine", "fault"),
    [pytest.param(fault.database, fault, id=f"{fault.check}: {fault.name}") for fault in FAULTS],
    indirect=["bare_engine"],
)
def test_fault_is_named_with_what_mends_it(well: Well, fault: Fault) -> None:
    with ExitStack() as stack:
        if fault.proxy:
            origin = well.plugin.url.removesuffix("/airflow")
            port = stack.enter_context(serving(faulty_proxy(origin, fault.proxy)))
            well.environment(AIRFLOW__API__BASE_URL=f"http://127.0.0.1:{port}/airflow")
            well.patch.setattr(http, "SECONDS_MAX", 1.0)
        fault.plant(well)
        found = well.finding(fault.check, **fault.options)
    assert (found.state, fault.words in found.what, fault.mend in found.mend) == (
        fault.state,
        True,
        True,
    ), found
    assert found.why
    told = f"{found.what} {found.why} {found.mend}"
    assert not [
        word for word in ("hunter2", "Traceback", "secret of more", "token=hidden") if word in told
    ]


def test_every_check_has_a_planted_fault() -> None:
    assert {fault.check for fault in FAULTS} == {check.name for check in CHECKS}
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
