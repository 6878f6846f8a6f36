"""The hearing: whose critique counts for how much, what each left open, and where they contradict each other.

What follows from it is `reviewer.core.verdict`; who is asked is `reviewer.core.choice`. Judging rules 7 (panels) and 9
(cascades): every judge is held to every question, and of a screen only what speaks against a draft is heard.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from reviewer.core.finding import Finding, Origin, Outcome
from reviewer.core.outcome import Completed, Critique
from reviewer.core.rubric import Severity
from reviewer.core.rulebook import Plan


@dataclass(frozen=True, slots=True)
class Hearing:
    """Critiques by weight.

    Attributes:
        critiques: those that can carry an approval.
        screens: those of which only objections count.
        muted: judges of such screens, as their findings name them.
        complete: those that can carry an approval and are whole.
    """

    critiques: tuple[Critique, ...]
    screens: tuple[Critique, ...] = ()
    muted: frozenset[str] = frozenset()
    complete: tuple[Critique, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Work out once what several rules look at."""
        whole = tuple([critique for critique in self.critiques if isinstance(critique.outcome, Completed)])
        object.__setattr__(self, "complete", whole)

    def hears(self, finding: Finding) -> bool:
        """Whether a finding counts: all do but what a screen says in a draft's favour, or is not sure of."""
        if finding.by not in self.muted or finding.origin is not Origin.CRITIC:
            return True
        return Outcome.NOT_MET in (finding.outcome, finding.claimed)


@dataclass(frozen=True, slots=True)
class Gaps:
    """What one complete critique leaves open.

    Attributes:
        unanswered: keys of questions that arise and have no answer, in the plan's order.
        mostly_waived: more than half of them were answered with NOT_APPLICABLE.
    """

    unanswered: tuple[str, ...]
    mostly_waived: bool


def hear(critiques: tuple[Critique, ...], *, screen_clears: bool) -> Hearing:
    """Sort critiques by weight.

    Args:
        screen_clears: a screen that stands alone is judged like any other critique.
    """
    screens = tuple([critique for critique in critiques if critique.screen])
    if not screens:
        return Hearing(critiques)
    full = tuple([critique for critique in critiques if not critique.screen])
    if screen_clears and not full:
        return Hearing(screens)
    return Hearing(full, screens, frozenset({s.judge for s in screens} - {c.judge for c in full}))


def gaps(critique: Critique, plan: Plan, findings: Iterable[Finding], waived: frozenset[str]) -> Gaps:
    """Hold one judge's findings against the questions that arise.

    Another judge's answer does not stand in for a missing one: a second critique must not cover up what is amiss with
    the first.
    """
    asked = [key for key in plan.asked if key not in waived]
    own = [f for f in findings if f.origin is Origin.CRITIC and f.by == critique.judge]
    answered = {f.criterion for f in own}
    not_applicable = {f.criterion for f in own if f.outcome is Outcome.NOT_APPLICABLE}.intersection(asked)
    return Gaps(tuple([key for key in asked if key not in answered]), len(not_applicable) * 2 > len(asked))


def disagreements(plan: Plan, findings: Iterable[Finding]) -> tuple[tuple[Finding, ...], ...]:
    """Find the blockers and majors that one judge of a panel finds met and another one not met.

    Returns:
        All findings of judges on such a criterion that say either, one tuple a criterion, in an order that does not
        depend on theirs.
    """
    said: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.origin is Origin.CRITIC and finding.outcome in (Outcome.MET, Outcome.NOT_MET):
            said.setdefault(finding.criterion, []).append(finding)
    return tuple(
        tuple(sorted(set(rows), key=lambda f: (f.by, f.outcome, f.why, repr(f.quotes))))
        for key, rows in sorted(said.items())
        if key in plan.by_key and plan.by_key[key].criterion.severity is not Severity.MINOR
        if len({finding.outcome for finding in rows}) > 1
    )
