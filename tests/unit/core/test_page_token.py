from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.core.page_token import read_token, write_token

QUESTION = ("acme", "verdict = REVISE", "create_time desc")
parts = st.lists(st.text(max_size=8), max_size=4).map(tuple)


@given(st.integers(0, 2**63 - 1), parts)
def test_tokens_read_back(index: int, question: tuple[str, ...]) -> None:
    """A token leads on from where it was written, for the question that it was written for."""
    assert read_token(write_token(index, question), question) == index


@given(parts, parts)
def test_a_token_belongs_to_its_question(asked: tuple[str, ...], other: tuple[str, ...]) -> None:
    """With any other question a token is refused, also where its parts run together to the same text."""
    if asked != other:
        with pytest.raises(ValueError, match="another"):
            read_token(write_token(7, asked), other)


@pytest.mark.parametrize("token", ["a", "!", "AAAA", "caf\u00e9", " ", "=" * 28, "A" * 27, "A" * 5000])
def test_what_is_no_token(token: str) -> None:
    """Anything else is refused."""
    with pytest.raises(ValueError, match=r"is no page token|belongs to another"):
        read_token(token, QUESTION)


def test_tokens_need_no_escaping() -> None:
    """A token can stand in a URL as it is."""
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", write_token(number, QUESTION)) for number in range(300))
