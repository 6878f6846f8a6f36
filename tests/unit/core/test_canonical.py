from __future__ import annotations

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from reviewer.core.canonical import canonical_bytes
from reviewer.core.errors import InvariantError

LARGEST = 2**53 - 1
keys = st.text(st.characters(max_codepoint=0x7F))
leaves = st.none() | st.booleans() | st.integers(-LARGEST, LARGEST) | st.text()
values = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(keys, inner), max_leaves=20)


@given(values)
def test_writes_rfc_8785(value: object) -> None:
    """On objects with ASCII keys, arrays, strings, booleans, null and safe integers the bytes are those of RFC 8785."""
    assert canonical_bytes(value) == rfc8785.dumps(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["\x00", "\x1f", "\x7f", '"\\/', "\b\f\n\r\t", "\u2028", "\u00e9", "e\u0301", "\U0001f600"]
)
def test_strings_are_written_as_the_rfc_says(text: str) -> None:
    """Control characters are escaped in the one way of the RFC, everything else stands as it is, unnormalised."""
    assert canonical_bytes({"key": text}) == rfc8785.dumps({"key": text})


@given(st.dictionaries(keys, leaves, min_size=2), st.randoms(use_true_random=False))
def test_order_of_keys_does_not_matter(value: dict[str, object], random: object) -> None:
    """Two equal objects have the same bytes, whatever order they were built in."""
    assert canonical_bytes(dict(reversed(value.items()))) == canonical_bytes(value)


@pytest.mark.parametrize(
    "value",
    [
        2**53,
        -(2**53),
        10**30,
        {1: "number as key"},
        {None: "null as key"},
        {"set": {1}},
        b"bytes",
        object(),
        "\ud800",
        {"\udfff": 1},
    ],
    ids=lambda value: type(value).__name__,
)
def test_refuses_what_json_cannot_hold(value: object) -> None:
    """Integers that JavaScript would round, keys that are no strings, half surrogates and foreign types are refused."""
    for nested in (value, [value], {"key": value}):
        with pytest.raises(InvariantError, match="canonical JSON"):
            canonical_bytes(nested)


@given(st.integers(-10_000_000, 10_000_000).filter(lambda n: n % 10_000))
def test_plain_fractions_follow_the_rfc(ten_thousandths: int) -> None:
    """Fractions as rubric files hold them, outside the set though they are, are written as RFC 8785 writes them."""
    value = {"ratio": ten_thousandths / 10_000}

    assert canonical_bytes(value) == rfc8785.dumps(value)


def test_error_repeats_no_value() -> None:
    """The message names no value, which may be text of a draft."""
    with pytest.raises(InvariantError) as caught:
        canonical_bytes({"secret words \ud800": "more \ud800"})

    assert "secret" not in str(caught.value)
    assert "more" not in str(caught.value)
