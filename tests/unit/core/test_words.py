"""What people write: read back as it was, or named as unreadable."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.core.errors import LedgerCorruptError
from reviewer.core.words import Words, read_words, write_words


@given(st.builds(Words, st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8"))))
def test_words_are_read_back(words: Words) -> None:
    """Any text survives, and the bytes are an object, as contents in the clear must be."""
    assert read_words(write_words(words)) == words
    assert write_words(words).startswith(b"{")


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"comment":""}'])
def test_other_bytes_are_no_words(content: bytes) -> None:
    """What is something else is not passed off as empty."""
    with pytest.raises(LedgerCorruptError):
        read_words(content)
