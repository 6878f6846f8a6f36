from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.core.shares import share


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"), [(0, 59, 0.0, 0.0611), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0)]
)
def test_known_intervals(part: int, whole: int, low: float, high: float) -> None:
    """Bounds agree with the published formula, computed by hand."""
    found = share(part, whole)
    assert found.low == pytest.approx(low, abs=5e-5)
    assert found.high == pytest.approx(high, abs=5e-5)


@given(st.integers(0, 500), st.integers(0, 500))
def test_a_share_lies_in_its_interval(one: int, other: int) -> None:
    """Bounds enclose the share and stay within 0 and 1; of nothing anything is possible."""
    found = share(one, one + other)
    assert 0 <= found.low <= found.high <= 1
    if found.value is None:
        assert (found.low, found.high) == (0, 1)
    else:
        assert found.low <= found.value <= found.high
