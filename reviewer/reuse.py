"""Reuse: earlier answers of the second model to the very same questions about the very same text.

Only answers are reused, never verdicts: quotes are looked up again, the verdict is computed again, and each review has
a record of its own, which names the review whose answers it took. What was lost, unreadable or answered by another
model than the one asked is not kept. Kept in memory, within one process and one tenant.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from reviewer.core.canonical import Json, canonical_bytes
from reviewer.core.choice import Candidate, Seating
from reviewer.core.outcome import Completed, Critique
from reviewer.core.prompt import Prompt
from reviewer.core.rubric import Effect
from reviewer.core.rulebook import Plan
from reviewer.core.verdict import Trouble


@dataclass(frozen=True, slots=True)
class Kept:
    """Answers that another review may take.

    Attributes:
        review: name of the review that asked for them.
        troubles: notes that belong to them.
        simulated: one of them came from the simulated provider.
    """

    review: str
    critiques: tuple[Critique, ...]
    troubles: tuple[Trouble, ...]
    simulated: bool


class Memory:
    """Answers by what was asked, the oldest forgotten first.

    Args:
        window_s: seconds for which answers may be taken; 0 keeps none.
        max_entries: kept at once.
    """

    def __init__(self, window_s: float, max_entries: int) -> None:
        """Start empty."""
        self._window_s = window_s
        self._max_entries = max_entries
        self._kept: OrderedDict[str, tuple[float, Kept]] = OrderedDict()

    @property
    def keeps(self) -> bool:
        """Whether anything is ever kept."""
        return self._window_s > 0

    def find(self, key: str, now: float) -> Kept | None:
        """Return what was kept under a key within the window; finding it does not extend its time."""
        found = self._kept.get(key)
        if found is None:
            return None
        until, kept = found
        return kept if now < until else None

    def keep(self, key: str, kept: Kept, now: float) -> None:
        """Keep answers from now on, if they may be taken at all: all of them whole, and nothing amiss with them."""
        whole = all(isinstance(critique.outcome, Completed) for critique in kept.critiques)
        amiss = any(trouble.effect is not Effect.NOTE for trouble in kept.troubles)
        if not self.keeps or not kept.critiques or not whole or amiss:
            return
        self._kept[key] = (now + self._window_s, kept)
        self._kept.move_to_end(key)
        while len(self._kept) > self._max_entries or next(iter(self._kept.values()))[0] <= now:
            self._kept.popitem(last=False)

    def forget(self) -> None:
        """Drop everything: a model whose word was kept is not believed any more."""
        self._kept.clear()


def key_of(tenant: str, plan: Plan, seated: Seating, prompts: Sequence[Prompt]) -> str:
    """Return what two reviews must share to share answers, as SHA-256 in hex.

    A prompt's digest covers rubric text, header (intent, tier, locale, day), every part shown and every image, and
    leaves out nothing but boundary and attention checks. Beside it stand the tenant, the rubrics by digest, the route
    with what it says of modes, and who is asked.
    """
    asked = [(seat, "seat") for seat in seated.seats] + ([(seated.screen, "screen")] if seated.screen else [])
    told: dict[str, Json] = {
        "tenant": tenant,
        "prompts": [prompt.digest for prompt in prompts],
        "rubrics": [pin.digest for pin in plan.pins],
        "route": plan.route.model_dump(mode="json"),
        "tier": plan.tier.label,
        "asked": [_told(candidate, part) for candidate, part in asked],
    }
    return hashlib.sha256(canonical_bytes(told)).hexdigest()


def _told(candidate: Candidate, part: str) -> Json:
    spec = candidate.spec
    return [part, spec.provider, spec.model, spec.max_output_tokens]
