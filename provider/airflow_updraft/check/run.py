"""Runs the checks, each with a time limit; a check that breaks is a finding, not a traceback."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from threading import Thread

from airflow_updraft.check.finding import Finding, Verdict, Verdicts, failed, skipped
from airflow_updraft.check.site import Site
from airflow_updraft.discreet import describe
from airflow_updraft.errors import UpdraftError

CHECK_SECONDS_MAX = 12.0


@dataclass(frozen=True, slots=True)
class Check:
    """A row of the table. ``needs`` names the checks that must be well for this check."""

    name: str
    run: Callable[[Site], Verdicts]
    needs: tuple[str, ...] = ()
    on_page: bool = True


def run_checks(site: Site, checks: Sequence[Check], seconds_max: float = 600.0) -> list[Finding]:
    """Run the checks in order; return all findings. After ``seconds_max`` the rest is skipped."""
    ends = time.monotonic() + seconds_max
    findings: list[Finding] = []
    unwell: set[str] = set()
    for check in checks:
        left = min(CHECK_SECONDS_MAX, ends - time.monotonic())
        verdicts = _reasons_to_skip(check, site, unwell, left) or _run(check, site, left)
        if any(verdict.state in ("failed", "skipped") for verdict in verdicts):
            unwell.add(check.name)
        findings += [_named(check, verdict) for verdict in verdicts]
    site.close()
    return findings


def _named(check: Check, verdict: Verdict) -> Finding:
    name = f"{check.name} {verdict.about}".rstrip()
    return Finding(name, verdict.state, verdict.what, verdict.why, verdict.mend)


def _reasons_to_skip(check: Check, site: Site, unwell: set[str], left: float) -> list[Verdict]:
    if site.on_page and not check.on_page:
        return [skipped("only on the command line: airflow updraft check")]
    if missing := [name for name in check.needs if name in unwell]:
        return [skipped(f"needs {' and '.join(missing)}")]
    if left <= 0:
        return [skipped("no time was left for it here: run airflow updraft check")]
    return []


def _run(check: Check, site: Site, seconds_max: float) -> list[Verdict]:
    """The verdicts of a check, in a thread that nobody waits for longer than its time."""
    verdicts: list[Verdict] = []
    context = copy_context()
    thread = Thread(target=context.run, args=(_collect, check, site, verdicts), daemon=True)
    thread.start()
    thread.join(seconds_max)
    if thread.is_alive():
        late = f"no answer within {seconds_max:.0f} s"
        return [*verdicts, failed(late, "a part that hangs here hangs for devices too", _LOOK)]
    return verdicts


_LOOK = "see whether database, network and proxy answer, and the log of the API server"


def _collect(check: Check, site: Site, verdicts: list[Verdict]) -> None:
    try:
        for verdict in check.run(site):
            verdicts.append(verdict)  # at once: a part may hang after it
    except UpdraftError as error:
        verdicts.append(
            failed(str(error), "Updraft cannot work with this", "mend it as the words say")
        )
    except (
        Exception
    ) as error:  # whatever it is: nobody knows what it quotes, and the others are to run
        words = f"the check itself broke: {describe(error)}"
        verdicts.append(
            failed(words, "nothing is known of this part", f"{_LOOK}; report it if it stays")
        )
