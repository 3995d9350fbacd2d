"""What is read and written as JSON, held against the standard library."""

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.encoding import decoded, encoded

HALF_A_PAIR = "\ud800"

any_text = st.text(st.characters(codec=None), max_size=30)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | any_text
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)


def read_by(read: Any, raw: str | bytes) -> str:
    """What comes of it, and of which types; nan is not equal to itself."""
    try:
        return repr(read(raw))
    except ValueError:
        return "refused"
    except RecursionError:
        return "too deep"


@given(documents, st.booleans())
def test_what_was_written_is_read_as_the_standard_library_reads_it(document: Any, escaped: bool) -> None:
    text = json.dumps(document, ensure_ascii=escaped)
    assert read_by(decoded, text) == read_by(json.loads, text)


@given(st.text('{}[]",:0123456789.eE+-\\udtrfalsn \u00a0\ufeff') | any_text | st.binary())
@example("9" * 5000)
@example("-" + "9" * 30)
@example("1" + "0" * 400 + ".0")
@example("1e400")
@example("[" * 100_000)
@example('{"a":' * 100_000)
@example('{"a": 1, "a": 2}')
@example('"\\ud800"')
@example("[NaN, -Infinity]")
@example(b'"\xff"')
@example(b"\xef\xbb\xbf{}")
@example("{}".encode("utf-16"))
def test_what_is_damaged_is_refused_or_read_as_the_standard_library_does(raw: str | bytes) -> None:
    assert read_by(decoded, raw) == read_by(json.loads, raw)


@given(st.dictionaries(st.text(), st.integers(-(2**63), 2**64 - 1) | st.text(st.characters(codec=None)) | st.none()))
@example({HALF_A_PAIR: HALF_A_PAIR})
def test_what_is_written_is_read_again(document: dict[str, Any]) -> None:
    assert decoded(encoded(document)) == document


class Word(str):
    """As libraries have them."""


def test_what_only_resembles_plain_text_is_written_too() -> None:
    assert decoded(encoded({"name": Word("x")})) == {"name": "x"}
