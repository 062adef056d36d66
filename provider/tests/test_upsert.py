"""Whatever text may be stored comes back as it was, whichever way the driver takes it."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from world import NOW

from airflow_updraft.tables import create_store, records, upsert

storable = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
awkward = st.sampled_from(
    ['"', "\\", "{", "}", ",", "NULL", "null", "", " ", "'", '\\"', "%s", ":user", "%(x)s", "\x01"]
)
texts = storable | awkward
fields = st.dictionaries(texts, texts | st.lists(texts, max_size=2) | st.none(), max_size=3)
rows = st.lists(st.tuples(texts, texts | st.none(), fields, st.booleans()), min_size=1, max_size=4)


@pytest.fixture
def store(every_engine: sa.Engine) -> sa.Engine:
    create_store(every_engine)
    return every_engine


@given(rows)
@example([("a", None, {}, False)])
@example([("NULL", "NULL", {"NULL": "\\"}, True), ("b", None, {'"': '\\"'}, False)])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_are_read_as_they_were_written(store: sa.Engine, drawn: Any) -> None:
    written = {
        record_id: {
            "collection": 'a "collection" \\ {',
            "id": record_id,
            "revision": 2**53 - 1,
            "created": number,
            "fields": document,
            "field_revisions": dict.fromkeys(document, 1),
            "deleted": deleted,
            "owner": owner,
            "updated_by": owner or "",
            "updated_at": NOW,
        }
        for number, (record_id, owner, document, deleted) in enumerate(drawn)
    }
    with store.begin() as conn:
        conn.execute(records.delete())
        upsert(conn, records, [row | {"revision": 1, "owner": "before"} for row in written.values()])
        upsert(conn, records, list(written.values()))
        read = {row["id"]: dict(row) for row in conn.execute(records.select()).mappings()}
    for row in read.values():
        row["updated_at"] = row["updated_at"].replace(tzinfo=NOW.tzinfo)
    assert read == written
