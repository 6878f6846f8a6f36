"""Spending: what reviews cost, added up, and what one review may cost at most before anybody was asked.

Costs are list prices; what a provider really bills (discounts, taxes, calls cut off half-way) is not known here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reviewer.core.choice import Candidate, Seating
from reviewer.core.errors import InvariantError
from reviewer.core.models import PER_MILLION
from reviewer.core.outcome import CallRecord
from reviewer.core.prompt import Prompt
from reviewer.core.tokens import at_most

TENANT_PATTERN = r"[a-z0-9][a-z0-9._-]{0,62}"
"""Names that callers may use; one that begins with an underscore is the service's own."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What model calls cost together.

    Attributes:
        micro_usd: of the calls whose cost is known.
        calls: attempts, failed ones included.
        unpriced_calls: those whose cost is not known: no reply came, or the model has no price.
        cached_input_tokens: the part of the input that came from the provider's cache.
        output_tokens: reasoning included.
    """

    micro_usd: int = 0
    calls: int = 0
    unpriced_calls: int = 0
    input_tokens: int = 0
    cached_input_tokens: int = 0
    output_tokens: int = 0

    def __add__(self, other: Spent) -> Spent:
        """Add two figures up."""
        return Spent(
            self.micro_usd + other.micro_usd,
            self.calls + other.calls,
            self.unpriced_calls + other.unpriced_calls,
            self.input_tokens + other.input_tokens,
            self.cached_input_tokens + other.cached_input_tokens,
            self.output_tokens + other.output_tokens,
        )


NOTHING = Spent()


def spent_on(calls: Iterable[CallRecord]) -> Spent:
    """Add up what calls cost."""
    total = NOTHING
    for call in calls:
        cost, usage = call.cost_micro_usd, call.usage
        total += Spent(
            cost or 0, 1, int(cost is None), usage.input_tokens, usage.cached_input_tokens, usage.output_tokens
        )
    return total


def ceiling_micro_usd(seated: Seating, prompts: tuple[Prompt, ...]) -> int:
    """Return what asking these reviewers may cost: all tokens there may be, none from a cache, the longest replies.

    Each seat counts at the price of the dearest that may come to sit on it. A second ask after an unreadable reply is
    not counted.

    Args:
        prompts: what each reviewer is asked, at least one.

    Raises:
        InvariantError: a model has no price (a service with a budget does not start with one).
    """
    tokens = sum([at_most(prompt) for prompt in prompts])
    spare = max([_cost(candidate, tokens, len(prompts)) for candidate in seated.spares], default=0)
    seats = sum([max(_cost(candidate, tokens, len(prompts)), spare) for candidate in seated.seats])
    return seats + (_cost(seated.screen, tokens, len(prompts)) if seated.screen else 0)


def _cost(candidate: Candidate, tokens: int, replies: int) -> int:
    """Price of so many tokens in and so many whole replies out, rounded up."""
    price = candidate.entry.price
    if price is None:
        raise InvariantError(f"{candidate.entry.id} has no price, so that no budget can be kept")
    dearest_in = max(price.input, price.cache_write or 0)
    dearest_out = max(price.output, price.reasoning or 0)
    total = tokens * dearest_in + replies * candidate.spec.max_output_tokens * dearest_out
    return -(-total // PER_MILLION)
