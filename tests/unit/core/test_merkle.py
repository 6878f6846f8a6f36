from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reviewer.core.merkle import leaf_hash

EMPTY = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
ONE_ZERO = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"


def test_published_vectors() -> None:
    """The leaf hashes of an empty record and of one zero byte are those published for RFC 6962 trees."""
    assert leaf_hash(b"").hex() == EMPTY
    assert leaf_hash(b"\x00").hex() == ONE_ZERO


@given(st.binary(), st.binary())
def test_a_leaf_is_its_record(first: bytes, second: bytes) -> None:
    """Two records have the same leaf exactly where they are the same bytes."""
    assert (leaf_hash(first) == leaf_hash(second)) == (first == second)
