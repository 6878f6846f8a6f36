"""Drift towards leniency: whether a second model has begun to object less often than it used to.

A one-sided Bernoulli CUSUM (Page, "Continuous inspection schemes", Biometrika 41, 1954) over the critiques of one model
on one route. A critique counts as an approval where it objects to nothing. The first `BASELINE_N` of them teach what is
usual, p0; after that each one adds the log-likelihood ratio of p1, at which the odds of an approval are four times
those of p0, against p0. The sum never falls below zero; where it reaches `THRESHOLD`, an alarm is due.

What to do about an alarm is `reviewer.canary`. Growing strictness is not looked for: people see it in their handoffs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from reviewer.core.finding import Finding, Origin, Outcome

BASELINE_N = 200
"""Critiques from which the usual rate of approvals is learned."""
ODDS_RATIO = 4
"""How much more lenient a model must have become for the sum to be at its quickest."""
THRESHOLD = 7.5
"""Where the sum sounds the alarm.

A model that stays as it is gets there once in 12,300 critiques in the mean at p0 = 0.5 (simulated, 250 runs; later at
other rates), one that goes from approving 60 % to approving everything within 22.
"""
LOWEST_RATE = 0.01
HIGHEST_RATE = 0.97


@dataclass(frozen=True, slots=True)
class Stream:
    """What is remembered of one model's critiques on one route.

    Attributes:
        seen: critiques so far.
        approvals: those of the first `BASELINE_N` that objected to nothing.
        statistic: the sum; 0 while the baseline is being learned.
    """

    seen: int = 0
    approvals: int = 0
    statistic: float = 0.0

    @property
    def learning(self) -> bool:
        """Whether the usual rate is not known yet."""
        return self.seen < BASELINE_N

    @property
    def alarming(self) -> bool:
        """Whether the model approves more often than chance would let it, had it not changed."""
        return self.statistic >= THRESHOLD

    @property
    def rate(self) -> float:
        """The learned rate of approvals: Laplace-smoothed, within bounds that leave room above and below."""
        smoothed = (self.approvals + 1) / (BASELINE_N + 2)
        return min(max(smoothed, LOWEST_RATE), HIGHEST_RATE)

    @property
    def saturated(self) -> bool:
        """Whether nearly everything is approved as a rule, so that more approvals say nothing: canaries must do."""
        return not self.learning and (self.approvals + 1) / (BASELINE_N + 2) > HIGHEST_RATE

    def after(self, *, approved: bool) -> Stream:
        """Return the stream with one more critique. Constant in time and space."""
        if self.learning:
            return Stream(self.seen + 1, self.approvals + approved)
        if self.saturated:
            return Stream(self.seen + 1, self.approvals)
        up, down = _increments(self.rate)
        return Stream(self.seen + 1, self.approvals, max(self.statistic + (up if approved else down), 0.0))

    def rested(self) -> Stream:
        """Return the stream after its alarm was heard: what is usual stays known, the next alarm needs new evidence."""
        return Stream(self.seen, self.approvals)


@lru_cache(maxsize=BASELINE_N + 1)
def _increments(rate: float) -> tuple[float, float]:
    """What an approval adds, and what an objection takes away, where approvals have this rate as a rule."""
    odds = ODDS_RATIO * rate / (1 - rate)
    lenient = odds / (1 + odds)
    return math.log(lenient / rate), math.log((1 - lenient) / (1 - rate))


def objects(finding: Finding) -> bool:
    """Whether a critic spoke against a draft, whatever became of its evidence.

    What counts is what it claimed: a MET that code turned down for want of a quote is a witness who saw nothing.
    """
    return finding.claimed in (Outcome.NOT_MET, Outcome.UNCERTAIN)


def opinions(findings: tuple[Finding, ...]) -> dict[str, bool]:
    """Say of each second model that answered at all whether it had nothing against a draft.

    Returns:
        By requested model id, in the order of the findings; a model without a readable critique is not there.
    """
    content: dict[str, bool] = {}
    for finding in findings:
        if finding.origin is Origin.CRITIC:
            content[finding.by] = content.get(finding.by, True) and not objects(finding)
    return content
