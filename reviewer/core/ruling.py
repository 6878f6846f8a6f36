"""By which rules one review is judged: the door through which rule sets reach the corridor.

A review asks once, at its beginning, and goes by the answer to its end. Who answers, and when the answer changes, is
`reviewer.standing`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reviewer.core.canary import Canary
from reviewer.core.draft import ReviewRequest
from reviewer.core.review import Review
from reviewer.core.rollout import Trial
from reviewer.core.rollout_gates import DEFAULT_GATES, RolloutGates
from reviewer.core.rulebook import Rulebook


@dataclass(frozen=True, slots=True)
class RuleSet:
    """A rule set that is ready to judge.

    Attributes:
        rulebook: its digest follows from what the files mean.
        release: digest of the release that it was read from, which follows from the bytes of its files; empty where
            it was read from none. Two releases whose files differ in comments alone share a rulebook's digest.
        canaries: what its second models can be examined with.
        gates: what it is held to while it is on trial.
    """

    rulebook: Rulebook
    release: str = ""
    canaries: tuple[Canary, ...] = ()
    gates: RolloutGates = DEFAULT_GATES


@dataclass(frozen=True, slots=True)
class Shadowing:
    """A candidate that judges a request as well, for the record alone.

    Attributes:
        baseline: by what it is answered.
    """

    trial: Trial
    rules: RuleSet
    baseline: RuleSet


@dataclass(frozen=True, slots=True)
class Ruling:
    """By what one request is judged.

    Attributes:
        stage: `canary` where a candidate on trial judges; empty where what is in force does.
        shadow: who judges it as well; None for nobody.
    """

    rules: RuleSet
    stage: str = ""
    shadow: Shadowing | None = None


Rules = Callable[[ReviewRequest, Review | None], Ruling]
"""Says by what a request is judged now, given the review that it revises the draft of, if it does. Called on the loop,
for every review; must not block, must not raise."""


def always(rules: RuleSet) -> Rules:
    """Judge everything by one rule set."""
    ruling = Ruling(rules)
    return lambda _request, _previous: ruling
