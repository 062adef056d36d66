"""The mutation of a DAG's write, and the error of its outcome, which names the record."""

from __future__ import annotations

from airflow_updraft.collections import Collection
from airflow_updraft.dag_api.writes import Delete, Patch, Put, Write, place
from airflow_updraft.errors import (
    RecordChangedError,
    RecordInvalidError,
    RecordMissingError,
    UpdraftError,
)
from airflow_updraft.exchange.merge import Outcome, Stored
from airflow_updraft.exchange.mutation import Mutation
from airflow_updraft.exchange.server_changes import difference
from airflow_updraft.store.revision import Counter


def mutation_of(write: Write, held: Stored | None, counter: Counter, first: int) -> Mutation | None:
    """Return the mutation for a write, or None when the store holds the result already.

    The author has seen everything, except with a patch that has a base. ``first`` is the store's
    revision before the writes.
    """
    match write:
        case Put():
            return difference(write.collection, {"id": write.id, **write.fields}, held, counter)
        case Delete():
            return Mutation(write.collection, write.id, counter.revision, "delete")
        case Patch():
            if write.base is not None and not 0 <= write.base <= first:
                message = f"base {write.base} is no revision of the store, which is at {first}"
                raise RecordInvalidError(place(write.collection, write.id), message)
            seen = counter.revision if write.base is None else write.base
            return Mutation(
                write.collection, write.id, seen, "patch", set=write.fields, removed=write.removed
            )


def is_missing(outcome: Outcome) -> bool:
    """Tell whether a patch found no record."""
    return outcome.fields == "*" and outcome.problem is None


def problem_of(write: Write, outcome: Outcome, collection: Collection) -> UpdraftError | None:
    """Return the problem that keeps the write from being done; None when all was equal.

    Messages hold no values: more people read the log of a task than the records.
    """
    where = place(write.collection, write.id)
    if outcome.problem is not None:
        problem = collection.without_values(outcome.problem)
        return RecordInvalidError(where, problem.message, problem.path)
    if is_missing(outcome):
        return RecordMissingError(f"{where} does not exist, or was deleted. Nothing was written")
    if outcome.fields is not None:
        return RecordChangedError(where, tuple(outcome.fields), getattr(write, "base", None) or 0)
    return None
