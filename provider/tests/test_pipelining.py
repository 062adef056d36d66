"""Statements sent together do the same as statements sent separately."""

from __future__ import annotations

import sqlalchemy as sa

from airflow_updraft.store.pipelining import execute_together
from airflow_updraft.store.tables import create_store

GROW = sa.text("UPDATE updraft_meta SET revision = revision + :step WHERE id = 1")
READ = sa.text("SELECT revision FROM updraft_meta WHERE epoch = :epoch")


def test_each_sees_what_those_before_it_did(every_engine: sa.Engine) -> None:
    create_store(every_engine, lambda: "e'; %s :x")
    with every_engine.begin() as conn:
        found = execute_together(conn, (GROW, {"step": 3}), (READ, {"epoch": "e'; %s :x"}))
        assert found is not None
        assert found.scalars().all() == [3]
        assert execute_together(conn) is None


def test_what_psycopg2_is_sent_is_one_text(psycopg2_engine: sa.Engine) -> None:
    with psycopg2_engine.begin() as conn:
        conn.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    create_store(psycopg2_engine)
    sent: list[str] = []
    sa.event.listen(psycopg2_engine, "before_cursor_execute", lambda *args: sent.append(args[2]))
    with psycopg2_engine.begin() as conn:
        execute_together(conn, (GROW, {"step": 1}), (GROW, {"step": 1}))
    assert len(sent) == 1
