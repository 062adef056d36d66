"""An erasure in lines of text: what is erased, and what this command does not touch."""

from __future__ import annotations

from airflow_updraft.erasure.erase import Found
from airflow_updraft.erasure.subject import ERASED, Subject

REMAINS = (
    "Not touched, see docs/operations.md#erasure:",
    "- Airflow: conf of runs of updraft_exchange, XComs, the audit log, and logs of tasks.",
    "- Target tables: the next export deletes the rows, as of any deleted record. Copies that "
    "DAGs have made stay.",
    "- Source tables: a row that is still there brings its record back.",
    "- Backups of the store, and its database's own logs and free pages.",
    "- Devices drop the records with their next exchange. An unsent edit of such a record is a "
    "conflict with a deletion, which a person decides; what else they have not sent arrives.",
    "- Ids of records, and the user's name: at tombstones, until these are pruned, and at the "
    "user's devices (airflow updraft devices).",
)


def counts(found: Found) -> list[str]:
    """Return what there is to erase, in lines."""
    each = ", ".join(f"{name} {count:,}" for name, count in sorted(found.records.items()))
    lines = [
        f"Records: {sum(found.records.values()):,}" + (f" ({each})" if each else ""),
        f"Tombstones with something kept of them: {found.tombstones:,}",
        f"Verdicts in the ledger, also of forgotten records: {found.verdicts:,}",
        f"Reports of devices: {found.reports:,}",
        f"Rows refused by targets: {found.refused_rows:,}",
        f"Changes set aside by consumers: {found.refused_changes:,}",
    ]
    if found.written:
        lines.append(
            f"Records of others that the user wrote last: {found.written:,}. Their content stays, "
            f"since the store does not know who wrote which field; the writer becomes {ERASED!r}. "
            "Erase each by --record where it is the user's."
        )
    return lines


def nothing(subject: Subject) -> str:
    """Return that the store holds nothing, with the name, which may be misspelt."""
    name = " ".join(map(repr, subject.record)) if subject.record else repr(subject.user)
    return f"The store holds nothing of {name}. Is the name right?"
