"""collections.json: a declaration for worker and server, refused with file and place."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from airflow_updraft.collections import TableRef, compile_collections, load_collections
from airflow_updraft.errors import CollectionsFileError

DEMO = Path(__file__).parents[2] / "demo" / "collections.json"


DECLARATIONS = json.loads(
    (Path(__file__).parents[2] / "shared" / "contract" / "declarations.json").read_text("utf-8")
)["cases"]
SCHEMA = Path(__file__).parents[2] / "shared" / "contract" / "collections.schema.json"


@pytest.mark.parametrize("case", DECLARATIONS, ids=lambda case: str(case["name"]))
def test_case_d9_declaration_is_taken_or_refused_as_by_the_worker(
    case: dict[str, Any], tmp_path: Path
) -> None:
    """case D9: worker, server and editor share a rule for names and keys."""
    path = tmp_path / "collections.json"
    path.write_text(json.dumps(case["file"]), "utf-8")
    if "refused" in case:
        with pytest.raises(CollectionsFileError) as caught:
            load_collections(path)
        assert case["refused"] in str(caught.value)
    else:
        assert set(load_collections(path)) == set(case["file"]["collections"])
    editor = jsonschema_rs.validator_for(json.loads(SCHEMA.read_text("utf-8")))
    assert editor.is_valid(case["file"]) == ("refused" not in case or "editor" in case)


def test_package_ships_the_schema_that_editors_have() -> None:
    shipped = resources.files("airflow_updraft") / "collections.schema.json"
    assert shipped.read_text("utf-8") == SCHEMA.read_text("utf-8")


RIGHTS = json.loads(
    (Path(__file__).parents[2] / "shared" / "contract" / "declared-rights.json").read_text("utf-8")
)


@pytest.mark.parametrize("case", RIGHTS["cases"], ids=lambda case: json.dumps(case["declared"]))
def test_case_b2_both_sides_read_rights_alike(case: dict[str, Any]) -> None:
    """case B2: unreadable records may not be written."""
    body = {"schema": {}, **case["declared"]}
    if "refused" in case:
        with pytest.raises(CollectionsFileError, match=case["refused"]):
            compile_collections({"diary": body})
        return
    diary = compile_collections({"diary": body})["diary"]
    assert (diary.read, diary.write) == (case["read"], case["write"])


def test_demo_declaration_loads() -> None:
    collections = load_collections(DEMO)
    assert collections["sites"].write == "none"
    assert collections["inspections"].target == TableRef("updraft_demo", "inspections", "id")
    assert collections["inspections"].on_conflict == "ask"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (1, "expected an object"),
        ({}, "schema"),
        ({"schema": {"type": "nonsense"}}, "bad schema"),
        ({"schema": {"$ref": "https://example.com/s.json"}}, "must be whole in itself"),
        ({"schema": {}, "onconflict": "ask"}, "onconflict"),
        ({"schema": {}, "onConflict": "mine"}, "ask, client-wins, server-wins"),
        ({"schema": {}, "read": "some"}, "all, own, none"),
        ({"schema": {}, "write": None}, "all, own, none"),
        ({"schema": {}, "target": "t"}, "target"),
        ({"schema": {}, "target": {"connection": "c", "table": "t"}}, "key"),
        (
            {"schema": {}, "target": {"connection": "c", "table": "t", "key": "k", "columns": "a"}},
            "columns",
        ),
        (
            {"schema": {}, "source": {"connection": "c", "table": "t", "key": "k"}},
            '"write": "none"',
        ),
    ],
    ids=str,
)
def test_wrong_declaration_names_the_collection_and_what_is_wrong(body: Any, words: str) -> None:
    with pytest.raises(CollectionsFileError, match="inspections: ") as caught:
        compile_collections({"inspections": body})
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "{",
        "[]",
        "{}",
        '{"version": 2}',
        '{"version": 1}',
        '{"version": 1, "collections": {}}',
    ],
)
def test_wrong_file_is_named(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "collections.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(CollectionsFileError, match="collections"):
        load_collections(path)


def test_problem_is_in_the_validators_words_with_a_pointer() -> None:
    collection = load_collections(DEMO)["inspections"]
    problem = collection.problem(
        {"id": "a", "site": "A7", "status": "ok", "inspected_on": "31.12.2026"}
    )
    assert problem is not None
    assert problem.as_json() == {
        "kind": "schema",
        "message": '"31.12.2026" is not a "date"',
        "path": "/inspected_on",
    }
    assert collection.problem({"id": "a", "site": "A7", "status": "ok"}) is None


def test_patterns_take_linear_time() -> None:
    collection = compile_collections(
        {"c": {"schema": {"properties": {"n": {"pattern": "^(a+)+$"}}}}}
    )["c"]
    assert collection.problem({"n": "a" * 50_000 + "!"}) is not None


def test_declaration_is_json_alone() -> None:
    assert json.loads(DEMO.read_text("utf-8"))["version"] == 1
