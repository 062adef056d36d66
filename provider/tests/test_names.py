"""A text in place of names is an error, not a list of letters."""

from __future__ import annotations

from typing import Any

import pytest
from world import World, create

from airflow_updraft.dag_api.collection_store import CollectionStore


@pytest.fixture
def asks(world: World) -> CollectionStore:
    world.device().push(create("r", note="n", site="s"), create("r1"))
    return CollectionStore(world.engine, world.collections, "asks")


def test_case_c11_text_is_not_taken_for_its_letters(asks: CollectionStore) -> None:
    """case C11"""
    with pytest.raises(TypeError, match=r"remove takes a list of names, not a text"):
        asks.patch("r", {}, remove="note", by="t")
    with pytest.raises(TypeError, match=r"ids takes a list of names, not a text"):
        asks.get_many("r1")
    assert asks.get("r") == {"id": "r", "note": "n", "site": "s"}
    assert asks.patch("r", {}, remove=["note"], by="t")
    assert asks.get_many(["r"]) == {"r": {"id": "r", "site": "s"}}


@pytest.mark.parametrize("wrong", [0, 7, None, b"r"])
def test_case_c11_names_that_are_no_texts_are_a_clear_error(
    asks: CollectionStore, wrong: Any
) -> None:
    """case C11"""
    with pytest.raises(TypeError, match="takes a list of texts, and holds a value of type"):
        asks.get_many(["r", wrong])
    with pytest.raises(TypeError, match="takes a list of texts, and holds a value of type"):
        asks.patch("r", {}, remove=[wrong], by="t")
    with pytest.raises(TypeError, match="a field's name is a text"):
        asks.patch("r", {wrong: 1}, by="t")
