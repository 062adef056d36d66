"""The commands by which operators help a consumer on, and how consumers are counted and shown."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from world import NOW, World, create, patch

from airflow_updraft import airflow_bridge, cli
from airflow_updraft.dag_api import consumer
from airflow_updraft.dag_api.collection_store import CollectionStore
from airflow_updraft.store.tables import consumers
from airflow_updraft.sync.run import report


@pytest.fixture
def behind(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A store whose consumer has read one of three changes."""
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "")
    monkeypatch.setattr(airflow_bridge, "server_store_engine", lambda: world.engine)
    world.device().push(create("a"), create("b"), create("c"))
    assert read(world, 1) == ["a"]
    return world


def read(world: World, limit: int = 100) -> list[str]:
    with consumer.changes(world.engine, "asks", "score", limit) as changes:
        return [change.id for change in changes]


def command(*words: str) -> int:
    return cli.main(["consumers", *words])


def test_list_shows_who_is_behind(behind: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("list") == 0
    assert capsys.readouterr().out == "score of asks: behind 2, set aside 0\n"


def test_case_c12_skip_lets_a_dag_pass_the_record_that_it_fails_at(
    behind: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """case C12, for a DAG that refuses nothing by itself."""
    assert command("skip", "asks", "score", "b") == 0
    assert read(behind) == ["c"]
    assert command("list", "--refused", "asks", "score") == 0
    assert "'b' (revision 2): skipped by the command" in capsys.readouterr().out
    behind.device("r2").push(patch("b", base=2, note="n"))
    assert read(behind) == ["b"]


def test_skip_all_restart_and_forget(behind: World) -> None:
    assert command("skip", "asks", "score", "--all") == 0
    assert read(behind) == []
    assert command("restart", "asks", "score") == 0
    assert read(behind) == ["a", "b", "c"]
    assert command("forget", "asks", "score") == 0
    with behind.engine.connect() as conn:
        assert conn.execute(sa.select(consumers)).all() == []


def test_target_can_be_restarted_alone(behind: World) -> None:
    with behind.engine.begin() as conn:
        row = {"name": "target", "collection": "asks", "revision": -1}
        conn.execute(consumers.insert().values(row))
    assert command("restart", "asks", "target") == 0
    with behind.engine.connect() as conn:
        query = sa.select(consumers.c.revision).where(consumers.c.name == "target")
        assert conn.scalar(query) == 0
    assert command("forget", "asks", "target") == 2


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("restart", "asks", "scores"), "asks has no consumer 'scores'; there are: asks score"),
        (("skip", "asks", "score", "never"), "asks has no record 'never'"),
        (("skip", "asks", "score"), "name a record, or say --all"),
        (("skip", "asks", "score", "a", "--all"), "name a record, or say --all"),
        (("forget", "asks", "bell"), "'bell' is no consumer of a DAG"),
    ],
)
def test_wrong_names_change_nothing(
    behind: World, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], error: str
) -> None:
    before = behind.snapshot()
    assert command(*words) == 2
    assert error in capsys.readouterr().err
    assert behind.snapshot() == before


def test_airflows_own_command_line_has_them() -> None:
    (group,) = cli.airflow_commands()
    named = {getattr(one, "name", ""): one for one in group.subcommands}
    actions = [one.name for one in named["consumers"].subcommands]  # type: ignore[union-attr]
    assert actions == ["list", "restart", "skip", "forget"]


def test_case_c8_report_counts_what_a_consumer_has_yet_to_read(behind: World) -> None:
    """case C8: nowhere shown. A consumer is counted before its first success, too."""

    def fail() -> None:
        with consumer.changes(behind.engine, "asks", "never succeeds", 1):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    CollectionStore(behind.engine, behind.collections, "asks").patch("a", {"visits": 1}, by="x")
    done: dict[str, dict[str, object]] = {name: {} for name in behind.collections}
    assert report(behind.engine, behind.collections, done, NOW)["consumers"] == [
        {"name": "never succeeds", "collection": "asks", "behind": 3, "refused": 0},
        {"name": "score", "collection": "asks", "behind": 3, "refused": 0},
    ]
