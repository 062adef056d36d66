"""DAG ``inspection_scoring``: inspections arrive and are scored.

Score and follow-up task go back to the devices. A run starts within about 2 s of a capture. No
device writes the fields ``score`` and ``outcome``, so they never conflict with people's edits. A
repeated run writes equal values, which changes nothing.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, task

from airflow_updraft import Collection, WriteBatch, write_batch

inspections, sites, tasks = Collection("inspections"), Collection("sites"), Collection("tasks")

CHANGES_LIMIT = 2_000
POINTS = {"ok": 100, "watch": 60, "fail": 20}
FOLLOW_UP_BELOW = 50
READING_HIGH = 500


@task(task_id="score", retries=2, retry_delay=timedelta(seconds=2))
def score() -> dict[str, int]:
    """Score the inspections changed since the last run, in one transaction.

    Returns how many inspections got each outcome.
    """
    outcomes: dict[str, str] = {}
    with inspections.changes(consumer="inspection_scoring", limit=CHANGES_LIMIT) as changes:
        known_sites = sites.get_many({change.record["site"] for change in changes if change.record})
        known_tasks = tasks.get_many(change.id for change in changes)
        with write_batch() as batch:
            for change in changes:
                if change.record is None:
                    batch.delete(tasks, change.id)
                    continue
                points, outcome = judge(change.record, known_sites.get(change.record["site"]))
                outcomes[change.id] = outcome
                # An inspection deleted meanwhile comes as a separate change, which deletes the task
                # too.
                if points is None:
                    batch.patch(
                        inspections,
                        change.id,
                        {"outcome": outcome},
                        remove=["score"],
                        missing_ok=True,
                    )
                else:
                    batch.patch(
                        inspections,
                        change.id,
                        {"outcome": outcome, "score": points},
                        missing_ok=True,
                    )
                follow_up(batch, change.record, points, known_tasks.get(change.id))
    return dict(
        Counter(
            outcome
            for done, outcome in outcomes.items()
            if (inspections.name, done) not in batch.missing
        )
    )


def judge(inspection: dict[str, Any], site: dict[str, Any] | None) -> tuple[int | None, str]:
    """Return the score (None: no score is possible) and the outcome in words."""
    if site is None:
        return None, "rejected by validation: site unknown"
    points = POINTS[inspection["status"]]
    if inspection.get("reading", 0) > READING_HIGH:
        points -= 15
    return points, "ok" if points >= FOLLOW_UP_BELOW else "follow-up needed"


def follow_up(
    batch: WriteBatch, inspection: dict[str, Any], points: int | None, known: dict[str, Any] | None
) -> None:
    """Create the task of a bad inspection, once; withdraw an open task that is not needed any more.

    The task's id is the inspection's, so that a retry finds it. People alone say whether it is
    done.
    """
    task_id, site = inspection["id"], inspection["site"]
    needed = points is not None and points < FOLLOW_UP_BELOW
    if needed and known is None:
        batch.put(
            tasks, {"id": task_id, "site": site, "title": f"Visit {site} again", "done": False}
        )
    elif not needed and known is not None and not known["done"]:
        batch.delete(tasks, task_id)


with DAG(
    dag_id="inspection_scoring",
    description=(
        "Scores inspections as they arrive and sends score and follow-up tasks back to the devices."
    ),
    schedule=[inspections.asset()],
    catchup=False,
    # `npm start` unpauses this DAG; the end-to-end tests leave the DAG paused, with few exceptions.
    is_paused_upon_creation=True,
    max_active_runs=1,  # two runs of one consumer would be handed the same changes
    tags=["updraft", "demo"],
    doc_md=__doc__,
):
    score()
