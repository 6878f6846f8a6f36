"""What live trials may cost: worked out before anybody is asked, and held to a cap while they run."""

from __future__ import annotations

from collections.abc import Callable

from reviewer.core.errors import InvariantError
from reviewer.core.outcome import CallRecord
from reviewer.core.spending import spent_on
from reviewer.core.verdict import Cause, Trouble

# An unreadable reply is asked for once more, which the ceiling of one critique leaves out.
_ASKS = 2


class Estimator:
    """Adds up what critiques would cost at most, and lets none of them be made.

    Attributes:
        micro_usd: so far; None once a model without a price would be asked.
        critiques: how many would be made.
    """

    def __init__(self) -> None:
        """Start at nothing."""
        self.micro_usd: int | None = 0
        self.critiques = 0

    async def reserve(self, estimate: Callable[[], int]) -> Trouble | None:
        """Count, and refuse."""
        self.critiques += 1
        try:
            amount = estimate()
        except InvariantError:
            self.micro_usd = None
        else:
            if self.micro_usd is not None:
                self.micro_usd += amount
        return Trouble(Cause.BUDGET_EXHAUSTED, "nobody is asked: this only adds up what asking would cost")


class Meter:
    """Money of a whole run.

    Args:
        cap_micro_usd: None bounds nothing.
    """

    def __init__(self, cap_micro_usd: int | None) -> None:
        """Start with nothing spent."""
        self._cap = cap_micro_usd
        self._taken = 0

    def purse(self) -> MeteredPurse:
        """Return what one trial pays with."""
        return MeteredPurse(self)

    def take(self, amount: int) -> bool:
        """Set an amount aside, unless that would go over the cap."""
        if self._cap is not None and self._taken + amount > self._cap:
            return False
        self._taken += amount
        return True

    def give_back(self, amount: int) -> None:
        """Take back what was set aside and not spent."""
        self._taken -= amount


class MeteredPurse:
    """What one trial pays with.

    Attributes:
        refused: its critique would have gone over the cap.
    """

    def __init__(self, meter: Meter) -> None:
        """Start with nothing set aside."""
        self._meter = meter
        self._reserved = 0
        self.refused = False

    async def reserve(self, estimate: Callable[[], int]) -> Trouble | None:
        """Set aside what the critique costs at most, a second ask included, or refuse it.

        Raises:
            InvariantError: a model has no price.
        """
        amount = _ASKS * estimate()
        if self._meter.take(amount):
            self._reserved += amount
            return None
        self.refused = True
        return Trouble(Cause.BUDGET_EXHAUSTED, "the cap of this run does not pay for another critique")

    def settle(self, calls: tuple[CallRecord, ...]) -> None:
        """Give back what was not spent; of calls whose cost is not known, nothing."""
        spent = spent_on(calls)
        self._meter.give_back(0 if spent.unpriced_calls else max(self._reserved - spent.micro_usd, 0))
        self._reserved = 0
