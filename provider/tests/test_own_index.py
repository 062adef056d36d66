"""Only a collection with private records has an index by owner, made if missing."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from world import OPEN_SCHEMA, World, create

from airflow_updraft.collections import compile_collections
from airflow_updraft.store import own_index
from airflow_updraft.store.own_index import index_own


def own_indexes(engine: sa.Engine) -> list[str]:
    found = sa.inspect(engine).get_indexes("updraft_records")
    return sorted(str(index["name"]) for index in found if "_own_" in str(index["name"]))


def test_index_is_made_once_for_each_collection_that_is_declared_own(
    bare_engine: sa.Engine,
) -> None:
    world = World(bare_engine)
    (first,) = own_indexes(bare_engine)  # the diary's
    longest = "Own-logs_" + "x" * 54
    declared = compile_collections(
        {
            name: {"schema": OPEN_SCHEMA, "read": "own", "write": "own"}
            for name in ("diary", longest)
        }
    )
    for _ in range(2):
        index_own(bare_engine, declared)
        both = own_indexes(bare_engine)
        assert len(both) == 2
        assert first in both
    world.collections = declared
    ana, bob = world.device("r1", "ana"), world.device("r2", "bob")
    ana.push(create("mine", collection=longest, note="n"))
    assert [change["id"] for change in ana.pull(since=0)["changes"]] == ["mine"]
    assert bob.pull()["changes"] == []


def test_without_the_right_to_make_it_all_else_goes_on(
    bare_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> None:
        denied = Exception("must be owner of table updraft_records")
        denied.sqlstate = "42501"  # type: ignore[attr-defined]  # as PostgreSQL's drivers tell it
        raise sa.exc.ProgrammingError("CREATE INDEX", None, denied)

    monkeypatch.setattr(own_index, "run_transaction", refuse)
    world = World(bare_engine)
    assert own_indexes(bare_engine) == []
    assert "the Connection's user may not do this" in caplog.text
    ana = world.device("r1", "ana")
    assert ana.push(create("mine", collection="diary"))["verdicts"][0]["verdict"] == "applied"
