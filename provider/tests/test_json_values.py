"""The fast JSON parser and writer never disagree with the plain parser and writer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from airflow_updraft.json_values import (
    is_plain,
    json_equal,
    parse_json,
    size_bytes,
    to_json,
    value_problem,
    write_json,
)


def parse_plainly(text: str) -> Any:
    def refuse(name: str) -> None:
        raise ValueError(name)

    try:
        return json.loads(text, parse_constant=refuse)
    except RecursionError as error:
        raise ValueError from error


any_text = st.text(st.characters(exclude_categories=[]))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
)
# Texts that are JSON, nearly JSON, or no JSON at all.
json_texts = (
    st.builds(json.dumps, json_values, ensure_ascii=st.booleans())
    | st.builds(
        lambda value, at, junk: (text := json.dumps(value))[:at] + junk + text[at + 1 :],
        json_values,
        st.integers(0, 30),
        st.sampled_from(
            [
                "",
                "\\",
                '"',
                ",",
                "0",
                "-",
                ".",
                "e",
                "\0",
                "\n",
                "\ud800",
                "\\u0000",
                "\\ud800",
                "NaN",
                "}",
            ]
        ),
    )
    | any_text
)


@given(json_texts)
@settings(max_examples=1_500, deadline=None)
@example("1" + "0" * 5_000)
@example("[" * 100_000)
@example('{"a":1,"a":2}')
@example("1e400")
@example("-0.0")
@example("123456789012345678901234567890")
@example('"\\ud83d\\ude00"')
@example('"\\ud800"')
@example("NaN")
@example("\ufeff1")
def test_fast_parser_reads_what_the_plain_one_reads(text: str) -> None:
    try:
        expected = parse_plainly(text)
    except ValueError:
        with pytest.raises(ValueError):  # noqa: PT011 (the words are the parser's)
            parse_json(text)
        return
    got = parse_json(text)
    assert json.dumps(got) == json.dumps(expected), "types, order and signs included"
    if is_plain(text):
        assert value_problem(got, 30, plain=True) == value_problem(got, 30)


@given(json_values)
@settings(max_examples=500, deadline=None)
def test_fast_writer_writes_what_may_be_stored_so_that_it_is_read_back(value: Any) -> None:
    if value_problem(value) is not None:
        return
    assert json_equal(parse_plainly(write_json(value)), value)
    assert size_bytes(value) == len(write_json(value).encode())
    assert json_equal(parse_plainly(to_json(value)), value)
