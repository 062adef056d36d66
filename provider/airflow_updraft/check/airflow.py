"""Checks of what Airflow itself runs: processes, DAGs, their pool, the last synchronization."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from airflow_updraft.check.finding import Verdict, Verdicts, failed, ok, skipped, warning
from airflow_updraft.check.site import Site, airflow_session
from airflow_updraft.discreet import describe

DAGS = {
    "updraft_exchange": "devices that cannot use the plugin's routes do not exchange",
    "updraft_sync": "sources are not imported, targets not written, the store not verified",
}
_STUB = (
    r"from airflow_updraft.dags import updraft_exchange, updraft_exports, updraft_sync\n\n"
    r"exchange, sync, exports = updraft_exchange(), updraft_sync(), updraft_exports()\n"
)
_LATE_ROWS = "captured records reach their target table with the next run of updraft_sync only"
_BELLS = ("CollectionChangedTrigger", "TargetBehindTrigger")
LATE = timedelta(minutes=15)


def check_airflow_database(_: Site) -> Verdicts:
    """Airflow's own database answers and has its tables."""
    from airflow.models.pool import Pool  # noqa: PLC0415 (tasks cannot import it)

    try:
        with airflow_session() as session:
            session.scalar(sa.select(Pool.id).limit(1))
    except sa.exc.SQLAlchemyError as error:
        what = f"Airflow's own database does not answer, or has no tables: {describe(error)}"
        why = "Connections, Variables, DAGs and pools cannot be read"
        yield failed(what, why, "airflow db check; airflow db migrate")
        return
    yield ok("it answers")


def alive(job_type: str, command: str, why: str) -> Callable[[Site], Verdicts]:
    """The check of a process of Airflow, by the heartbeat of its job."""

    def check(_: Site) -> Verdicts:
        from airflow.jobs.job import Job  # noqa: PLC0415 (tasks cannot import it)

        with airflow_session() as session:
            newest = (
                sa.select(Job).where(Job.job_type == job_type).order_by(Job.latest_heartbeat.desc())
            )
            jobs = session.scalars(newest.limit(10)).all()
            if any(job.is_alive() for job in jobs):
                yield ok("its heartbeat is fresh")
                return
            seen = (
                f"the last heartbeat was at {jobs[0].latest_heartbeat:%F %T} UTC"
                if jobs
                else "none has ever run"
            )
            is_needed = job_type != "TriggererJob" or _rings(session)
        what = f"none is alive: {seen}"
        yield (failed if is_needed else warning)(what, why, command)

    return check


def _rings(session: Any) -> bool:
    """Tell whether a DAG waits for the bell of a collection or target."""
    from airflow.models.trigger import Trigger  # noqa: PLC0415

    paths = [f"airflow_updraft.trigger.{name}" for name in _BELLS]
    bells = sa.select(sa.func.count()).select_from(Trigger).where(Trigger.classpath.in_(paths))
    return bool(session.scalar(bells))


def check_dags(site: Site) -> Verdicts:
    """Each DAG is parsed, without errors in its file, and unpaused."""
    yield from _check_dags(site, DAGS, failed)


def check_exports(site: Site) -> Verdicts:
    """Each target has its DAG; without it the schedule alone writes the table."""
    names = [name for name, declared in site.collections.items() if declared.target]
    dags = {f"updraft_export_{name}": _LATE_ROWS for name in names}
    yield from _check_dags(site, dags, warning)
    if not names:
        yield ok("no collection has a target")


def _check_dags(site: Site, dags: Mapping[str, str], bad: Callable[..., Verdict]) -> Verdicts:
    from airflow.models.dag import DagModel  # noqa: PLC0415
    from airflow.models.errors import ParseImportError  # noqa: PLC0415

    with airflow_session() as session:
        broken = [str(name) for name in session.scalars(sa.select(ParseImportError.filename))]
        for dag_id, why in dags.items():
            dag = session.get(DagModel, dag_id)
            if dag is None or dag.is_stale:
                yield _not_parsed(site, dag_id, broken, why, bad)
            elif dag.has_import_errors:
                what = f"its file {dag.relative_fileloc} has import errors since it was parsed last"
                yield bad(what, why, "airflow dags list-import-errors", dag_id)
            elif dag.is_paused:
                what = "the DAG is paused: its runs stay queued"
                yield bad(what, why, f"airflow dags unpause {dag_id}", dag_id)
            else:
                yield ok(f"parsed from {dag.relative_fileloc}, not paused", dag_id)


def _not_parsed(
    site: Site, dag_id: str, broken: list[str], why: str, bad: Callable[..., Verdict]
) -> Verdict:
    if broken:
        what = f"no file gives this DAG, and these have import errors: {', '.join(broken[:3])}"
        return bad(what, why, "airflow dags list-import-errors", dag_id)
    mend = f"printf '{_STUB}' > {site.option('core', 'dags_folder')}/updraft_dags.py"
    return bad("no file in the DAG folder gives this DAG", why, mend, dag_id)


def check_pool(site: Site) -> Verdicts:
    """The pool of ``updraft_exchange`` is there and has slots."""
    from airflow.models.pool import Pool  # noqa: PLC0415

    name = site.option("updraft", "pool", "updraft")
    with airflow_session() as session:
        slots = session.scalar(sa.select(Pool.slots).where(Pool.pool == name))
    why = "runs of updraft_exchange stay queued"
    mend = f'airflow pools set {name} 16 "Updraft exchanges"'
    if slots is None:
        yield failed(f"there is no pool {name!r}", why, mend)
    elif slots == 0:
        yield failed(f"the pool {name!r} has no slots", why, mend)
    else:
        yield ok(f"{name}: {'unlimited' if slots < 0 else slots} slots")


def check_last_sync(site: Site) -> Verdicts:
    """The last run of ``updraft_sync`` succeeded, and the next is not late."""
    from airflow.models.dag import DagModel  # noqa: PLC0415
    from airflow.models.dagrun import DagRun  # noqa: PLC0415

    with airflow_session() as session:
        ended = sa.select(DagRun).where(
            DagRun.dag_id == "updraft_sync", DagRun.end_date.is_not(None)
        )
        run = session.scalar(ended.order_by(DagRun.end_date.desc()).limit(1))
        dag = session.get(DagModel, "updraft_sync")
        due = dag.next_dagrun_create_after if dag else None
    if run is not None and str(run.state) != "success":
        what = f"the run {run.run_id} ended {run.state!s}"
        why = "a source, a target or an invariant of the store is not as it should be"
        yield failed(
            what,
            why,
            f"airflow tasks states-for-dag-run updraft_sync {run.run_id}   (then its log)",
        )
    elif due is not None and site.now() - due > LATE:
        what = f"the run that was due at {due:%F %T} UTC has not begun"
        yield warning(what, DAGS["updraft_sync"], "airflow jobs check --job-type SchedulerJob")
    elif run is None:
        yield skipped("no run has ended so far")
    else:
        yield ok(f"ended {run.state!s} at {run.end_date:%F %T} UTC")
