"""Body templates: joining encoded pieces is the same as encoding the whole."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.providers.body import BodyTemplate, encoded_prefix, hole

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(a=TEXT, b=st.lists(TEXT), literal=TEXT)
def test_filling_equals_encoding(a: str, b: list[str], literal: str) -> None:
    """Holes anywhere in a shape give the JSON that a plain dict would, whatever the values hold."""
    template = BodyTemplate({"x": hole("a"), "k": literal, "y": [{"z": hole("b")}, hole("a")]})
    filled = template.fill({"a": orjson.dumps(a), "b": orjson.dumps(b), "unused": b"0"})
    assert filled == orjson.dumps({"x": a, "k": literal, "y": [{"z": b}, a]})


def test_a_value_that_looks_like_a_hole_is_a_value() -> None:
    """Text of a draft that spells a hole is not filled in."""
    template = BodyTemplate({"x": hole("a"), "y": hole("b")})
    assert orjson.loads(template.fill({"a": orjson.dumps(hole("b")), "b": b"1"})) == {"x": hole("b"), "y": 1}


def test_a_hole_without_a_value_is_an_error() -> None:
    """A template is never sent half filled."""
    with pytest.raises(KeyError):
        BodyTemplate({"x": hole("a")}).fill({})


def test_a_prefix_is_encoded_once() -> None:
    """The same prefix gives the same bytes object."""
    assert encoded_prefix("p\u2028") is encoded_prefix("p" + chr(0x2028))
