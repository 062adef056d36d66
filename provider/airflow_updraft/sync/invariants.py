"""Rules that every store obeys, checked in SQL on a single snapshot, without a lock.

Only a bug, an edit by hand, or a backup restored in part can break a rule; then devices would
silently skip or repeat changes. So a violation names rule, place and remedy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

import sqlalchemy as sa

from airflow_updraft.collections import Collections
from airflow_updraft.json_values import Json
from airflow_updraft.store.connection import connected
from airflow_updraft.store.cursors import EXPIRED, UNTOLD
from airflow_updraft.store.tables import consumers, meta, records, replicas, revoked_views
from airflow_updraft.sync.unfit_records import unfit_records

EXAMPLES_MAX = 20

_REWRITE = (
    "Devices do not show it, or cannot edit it; nothing of it is lost. Write it anew by a DAG, as "
    "a record may be: "
    "a number of many digits as a text, a key without a name under a name, what is too large in "
    "two records."
)
_RENEW = (
    "Then run `python -m airflow_updraft new-epoch`, so that every device reads everything again."
)


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken rule: the rule, at most EXAMPLES_MAX places that break the rule, and a remedy."""

    rule: str
    where: list[str]
    todo: str


@dataclass(frozen=True, slots=True)
class _Rule:
    says: str
    broken: sa.Executable
    todo: str


def verify(store: sa.Engine, told: Collections | None = None) -> dict[str, Json]:
    """Return ``{"checked": {table: rows}, "violations": [{rule, where, todo}]}`` of one moment.

    ``told`` is for a report that everybody reads: users and replicas are left out, and of
    collections that are private or missing in ``told`` all but revisions. None: for operators, who
    see everything.
    """
    with _snapshot(store) as conn:
        violations = [
            Violation(rule.says, where, rule.todo)
            for rule in _rules(store.dialect.name)
            if (
                where := [
                    _place(dict(row._mapping), told)
                    for row in conn.execute(rule.broken).fetchmany(EXAMPLES_MAX)
                ]
            )
        ]
        if unfit := [_place(names, told) for names in islice(unfit_records(conn), EXAMPLES_MAX)]:
            violations.append(
                Violation("a record is one that could be written as it is", unfit, _REWRITE)
            )
        counted = {
            table.name: conn.scalar(sa.select(sa.func.count()).select_from(table))
            for table in (records, replicas, revoked_views, consumers)
        }
    return {"checked": counted, "violations": [asdict(violation) for violation in violations]}


@contextmanager
def _snapshot(store: sa.Engine) -> Iterator[sa.Connection]:
    if store.dialect.name == "sqlite":
        with connected(store, "AUTOCOMMIT") as conn:
            conn.exec_driver_sql("BEGIN")
            try:
                yield conn
            finally:
                conn.exec_driver_sql("ROLLBACK")
        return
    with connected(store, "REPEATABLE READ") as conn:
        yield conn


def _place(row: Mapping[str, Any], told: Collections | None) -> str:
    parts = dict(row)
    if told is not None:
        collection = told.get(parts.get("collection", ""))
        hidden = (
            _PEOPLE
            if "collection" not in parts or (collection and not collection.is_private)
            else _PRIVATE
        )
        parts = {name: value for name, value in parts.items() if name not in hidden}
    return " ".join(f"{name}={value!r}" for name, value in parts.items())


_PEOPLE = {"user", "replica_id", "field", "field_revision"}
"""Left out for everybody: persons, and names that a record may have made up."""
_PRIVATE = _PEOPLE | {"id"}


def _rules(dialect: str) -> tuple[_Rule, ...]:
    return (*_record_rules(dialect), *_other_rules(dialect))


_counter = sa.select(meta.c.revision).where(meta.c.id == 1).scalar_subquery()
_record = (records.c.collection, records.c.id, records.c.revision)


def _record_rules(dialect: str) -> tuple[_Rule, ...]:
    c = records.c
    twice = sa.select(c.revision).group_by(c.revision).having(sa.func.count() > 1)
    return (
        _Rule(
            "a record's revision is from 1 to the counter",
            sa.select(*_record).where(sa.or_(c.revision > _counter, c.revision < 1)),
            "Set updraft_meta.revision to the highest revision of updraft_records. " + _RENEW,
        ),
        _Rule(
            "no two records have one revision",
            sa.select(*_record).where(c.revision.in_(twice)).order_by(c.revision),
            "A device may have skipped one of them. Give each a revision above the counter, raise "
            "the counter. " + _RENEW,
        ),
        _Rule(
            "a record was created at or before its revision",
            sa.select(*_record, c.created).where(sa.or_(c.created > c.revision, c.created < 1)),
            "Set created to the revision and field_revisions to '{}' in this row. " + _RENEW,
        ),
        _Rule(
            "a field's revision is after the record's creation and not above its revision",
            sa.text(_FIELD_REVISIONS[dialect]),
            "It would hide a conflict, or invent one. Set field_revisions to '{}' in this row. "
            + _RENEW,
        ),
        _Rule(
            "a tombstone holds no fields",
            sa.select(*_record).where(
                c.deleted,
                sa.or_(
                    sa.cast(c.fields, sa.Text) != "{}", sa.cast(c.field_revisions, sa.Text) != "{}"
                ),
            ),
            "Set fields and field_revisions to '{}' in this row, or deleted to false if the record "
            "should live. " + _RENEW,
        ),
    )


def _other_rules(dialect: str) -> tuple[_Rule, ...]:
    g, u, m = revoked_views.c, consumers.c, meta.c
    here = sa.and_(records.c.collection == g.collection, records.c.id == g.id)
    with_record = revoked_views.outerjoin(records, here)
    return (
        _Rule(
            "the prune horizon is from 0 to the counter",
            sa.select(m.horizon, m.revision).where(sa.or_(m.horizon > m.revision, m.horizon < 0)),
            "UPDATE updraft_meta SET horizon = revision: every device that is behind reads "
            "everything again.",
        ),
        _Rule(
            "the ledger's number, nonce, hash and verdicts fit each other",
            sa.select(replicas.c.replica_id, replicas.c.user, replicas.c.number).where(
                _ledger_broken(dialect)
            ),
            "Its device's next resend could be applied twice or answered wrong. Take this row from "
            "a backup; "
            "never delete it.",
        ),
        _Rule(
            "a reader's cursor is from 0 to the counter",
            sa.select(u.name, u.collection, u.revision).where(
                u.name != UNTOLD, sa.or_(u.revision > _counter, u.revision < EXPIRED)
            ),
            "It would skip changes. Delete this row: the reader is handed every record once more.",
        ),
        _Rule(
            "who was told that a record is gone does not own it, and the record is still known",
            sa.select(g.user, g.collection, g.id, g.revision)
            .select_from(with_record)
            .where(
                sa.or_(
                    records.c.id.is_(None),
                    records.c.owner == g.user,
                    g.revision > records.c.revision,
                )
            ),
            "The user could lose sight of the record. Delete this row. " + _RENEW,
        ),
    )


def _ledger_broken(dialect: str) -> sa.ColumnElement[bool]:
    r = replicas.c
    kind = sa.func.json_type(r.verdicts) if dialect == "sqlite" else sa.func.json_typeof(r.verdicts)
    answered = r.hash.is_not(None)
    return sa.or_(
        r.number < 0,
        sa.and_(r.number == 0, sa.or_(r.nonce.is_not(None), answered, r.is_void)),
        sa.and_(r.number > 0, r.nonce.is_(None)),
        sa.and_(r.is_void, answered),
        answered != r.verdicts.is_not(None),
        sa.and_(answered, sa.func.length(r.hash) != 64),
        kind != "array",
    )


_FIELD_REVISIONS = {
    "sqlite": """
        SELECT r.collection, r.id, r.revision, f.key AS field, f.value AS field_revision
        FROM updraft_records r,
        json_each(CASE json_type(r.field_revisions)
            WHEN 'object' THEN r.field_revisions ELSE '{"*": ""}' END) f
        WHERE f.type <> 'integer' OR f.value NOT BETWEEN r.created + 1 AND r.revision""",
    "postgresql": """
        SELECT r.collection, r.id, r.revision, f.key AS field, f.value AS field_revision
        FROM updraft_records r,
        json_each_text(CASE json_typeof(r.field_revisions) WHEN 'object' THEN r.field_revisions
                       ELSE CAST('{"*": ""}' AS json) END) f
        WHERE CASE WHEN f.value ~ '^[0-9]{1,18}$'
            THEN CAST(f.value AS bigint) NOT BETWEEN r.created + 1 AND r.revision
              ELSE true END""",
}
