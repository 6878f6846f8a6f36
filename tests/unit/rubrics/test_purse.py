from __future__ import annotations

from dataclasses import replace

from reviewer.core.errors import InvariantError
from reviewer.rubrics.purse import Estimator, Meter
from tests.support.reviews import CALL


async def test_what_was_not_spent_is_free_again() -> None:
    """A critique sets twice its bound aside; once it is made, only what it cost is gone."""
    meter = Meter(100)
    first = meter.purse()
    assert await first.reserve(lambda: 50) is None
    assert await meter.purse().reserve(lambda: 1) is not None
    first.settle((replace(CALL, cost_micro_usd=30),))
    assert await meter.purse().reserve(lambda: 35) is None
    last = meter.purse()
    assert await last.reserve(lambda: 1) is not None
    assert last.refused


async def test_a_call_of_unknown_cost_counts_whole() -> None:
    """Where nobody can say what a call cost, nothing of what was set aside for it comes back."""
    meter = Meter(100)
    purse = meter.purse()
    assert await purse.reserve(lambda: 50) is None
    purse.settle((replace(CALL, cost_micro_usd=None),))
    assert await meter.purse().reserve(lambda: 1) is not None


async def test_an_estimate_with_a_model_without_price_is_none() -> None:
    """One price that nobody knows makes the sum unknown; critiques are counted all the same."""
    estimator = Estimator()

    def unknown() -> int:
        raise InvariantError("no price")

    assert await estimator.reserve(lambda: 5) is not None
    assert await estimator.reserve(unknown) is not None
    assert await estimator.reserve(lambda: 5) is not None
    assert estimator.micro_usd is None
    assert estimator.critiques == 3
