"""What two plans of one request have in common: made once for a pair of plans, and looked up for each review.

Which recorded answers may be taken is read off here; what they come to is `reviewer.replay.rejudge`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from reviewer.core.choice import Seating, seating
from reviewer.core.draft import Drafter
from reviewer.core.models import ModelCatalogue
from reviewer.core.passage import Passage, RedactedDraft, RedactionReport
from reviewer.core.questionnaire import PROMPT_VERSION
from reviewer.core.review import Review
from reviewer.core.rubric import Place
from reviewer.core.rulebook import Plan, RubricPin, Rulebook
from reviewer.core.sameness import asked_text
from reviewer.core.verdict import Trouble


class _AnyProvider:
    """All providers are open, as far as rules go: which ones a service had is no part of them."""

    def __contains__(self, name: object) -> bool:
        return True


_ANY = _AnyProvider()
_NOTHING = Passage(Place.DRAFT, "draft", "")


@dataclass(frozen=True, slots=True)
class Comparison:
    """What holds in both of two plans.

    Attributes:
        questions: keys asked in both with all that is said about them.
        checks: keys whose check is the same and looks at the same facts.
        conditions: keys whose `applies_when` is the same.
        data_classes: the routes show the same classes of material.
    """

    questions: frozenset[str] = frozenset()
    checks: frozenset[str] = frozenset()
    conditions: frozenset[str] = frozenset()
    data_classes: bool = False


UNKNOWN = Comparison()


class Rules:
    """A candidate rule set beside those under which reviews were made. Not for use from several threads."""

    def __init__(self, candidate: Rulebook, past: tuple[Rulebook, ...]) -> None:
        """Keep them; the candidate is one of the past too, for reviews that it made."""
        self.candidate = candidate
        self._past = (*past, candidate)
        self._by_digest = {rulebook.digest: rulebook for rulebook in self._past}
        self._by_pins: dict[tuple[RubricPin, ...], Rulebook | None] = {}
        self._compared: dict[tuple[int, int, str], Comparison] = {}
        self._seated: dict[tuple[int, Drafter, date], Seating | Trouble] = {}
        self._parts: dict[tuple[int, tuple[str, ...]], Plan] = {}

    def at_the_time(self, review: Review) -> Rulebook | None:
        """Return the rules that a review was made under; None where they are not at hand.

        A rule set that has the same rubrics, and other routes or models, is taken where the very same is not there.
        """
        known = self._by_digest.get(review.route.rulebook_digest)
        if known is not None:
            return known
        if review.pins not in self._by_pins:
            fitting = (r for r in self._past if set(review.pins) <= set(r.pins))
            self._by_pins[review.pins] = next(fitting, None)
        return self._by_pins[review.pins]

    def compare(self, before: Rulebook, old: Plan, new: Plan, review: Review) -> Comparison:
        """Compare the plan that a review went through under one rule set with the candidate's."""
        version, locale = review.route.prompt_version, review.locale
        key = (id(old), id(new), version)
        found = self._compared.get(key)
        if found is None:
            tags = before.overlay_tag(locale), self.candidate.overlay_tag(locale)
            found = self._compared[key] = _compare(old, new, tags, asked_alike=version == PROMPT_VERSION)
        return found

    def part(self, plan: Plan, keys: tuple[str, ...]) -> Plan:
        """Return a plan of these criteria alone."""
        found = self._parts.get((id(plan), keys))
        if found is None:
            chosen = frozenset(keys)
            criteria = tuple([item for item in plan.criteria if item.key in chosen])
            found = self._parts[id(plan), keys] = replace(plan, criteria=criteria)
        return found

    def seated(self, plan: Plan, catalogue: ModelCatalogue, drafter: Drafter, today: date) -> Seating | Trouble:
        """Say who would have been asked on a day, were every provider open."""
        key = (id(plan), drafter, today)
        found = self._seated.get(key)
        if found is None:
            if len(self._seated) > 10_000:
                self._seated.clear()
            stub = RedactedDraft((_NOTHING,), (), (), (), drafter, "", RedactionReport(), {})
            found = self._seated[key] = seating(plan, catalogue, stub, today, _ANY)
        return found


def names(seated: Seating | Trouble) -> tuple[object, ...]:
    """Return what two seatings must share for the answers of one to stand for those of the other."""
    if isinstance(seated, Trouble):
        return (seated.cause, seated.message)
    told = [(c.spec.provider, c.spec.model) for c in (*seated.seats, *seated.spares)]
    screen = seated.screen
    return (len(seated.seats), *told, (screen.spec.provider, screen.spec.model) if screen else None)


def _compare(old: Plan, new: Plan, tags: tuple[str, str], *, asked_alike: bool) -> Comparison:
    both = [(key, old.by_key[key], item) for key, item in new.by_key.items() if key in old.by_key]
    facts = old.policy_facts == new.policy_facts
    before, after = _asked(old, tags[0]), _asked(new, tags[1])
    same = frozenset(key for key, text in after.items() if before.get(key) == text)
    return Comparison(
        questions=same if asked_alike else frozenset(),
        checks=frozenset(
            key
            for key, was, now in both
            if facts and was.criterion.check is not None and was.criterion.check == now.criterion.check
        ),
        conditions=frozenset(key for key, was, now in both if was.criterion.applies_when == now.criterion.applies_when),
        data_classes=set(old.route.data_classes) == set(new.route.data_classes),
    )


def _asked(plan: Plan, tag: str) -> dict[str, str]:
    """Return what the critic is told about each question of a plan, by key."""
    rubrics = {rubric.id: rubric for rubric in plan.rubrics}
    return {key: asked_text(rubrics[plan.by_key[key].rubric_id], plan.by_key[key].criterion, tag) for key in plan.asked}
