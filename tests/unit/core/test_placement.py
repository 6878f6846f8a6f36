from __future__ import annotations

from reviewer.core.placement import PlacedError


def test_message_joins_all_faults() -> None:
    """A placed error keeps every fault and says all of them in its message."""
    error = PlacedError(iter([(("a", 1), "first"), (("b",), "second")]))

    assert error.faults == ((("a", 1), "first"), (("b",), "second"))
    assert str(error) == "first; second"
