"""Shortening: what of a route's seating can still be asked in the time that is left, by what models usually take.

An estimate chooses between two reviewers by its 90th percentile, and keeps one from being asked by its median only
(decision 9). What is left out is told in a note, and where the route's demands are not met by what remains, a person
decides. No reviewer gets a seat whom the route does not name for it, and no quorum becomes smaller.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from reviewer.core.choice import Candidate, Seating
from reviewer.core.rubric import Effect
from reviewer.core.verdict import Cause, Trouble

SCREEN_SHARE = 0.5
"""Of the time that is left, what a screen may use up: one that hangs must not take the strong reviewer's time."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long a model takes, in seconds: median and 90th percentile."""

    p50_s: float
    p90_s: float


_NO_TIME = Trouble(Cause.DEADLINE, "every reviewer usually takes longer than the time that was left: none was asked")


@dataclass(frozen=True, slots=True)
class _Budget:
    """What fits into the time that is left; a model of which nothing is known is taken to fit."""

    estimates: Mapping[str, Estimate]
    left_s: float

    def likely(self, candidate: Candidate, before_s: float = 0.0) -> bool:
        """Whether nine of ten calls would be answered in time, were they begun after so many seconds."""
        return before_s + self.slow_s(candidate) <= self.left_s

    def hopeless(self, candidate: Candidate) -> bool:
        """Whether not even every other call would be."""
        estimate = self.estimates.get(candidate.spec.model)
        return estimate is not None and estimate.p50_s > self.left_s

    def slow_s(self, candidate: Candidate) -> float:
        estimate = self.estimates.get(candidate.spec.model)
        return estimate.p90_s if estimate else 0.0


def shorten(
    seated: Seating, estimates: Mapping[str, Estimate], left_s: float, *, quorum: int, screen_clears: bool
) -> Seating | Trouble:
    """Fit a seating into the time that is left.

    Total: whatever the figures are, it neither raises nor returns a seating in which nobody is asked.

    Args:
        estimates: by model id; one that is missing is not known.
        quorum: critiques that an approval needs.
        screen_clears: a screen may stand for the whole critique.

    Returns:
        The very same seating where all of it fits. Without seats where only the screen can be asked; then, as where
        fewer seats than the quorum remain, its notes hold a reason for a person. A trouble where nobody can be asked.
    """
    if not estimates:
        return seated
    budget = _Budget(estimates, left_s)
    if len(seated.seats) > 1:
        return _panel(seated, budget, quorum)
    return _line(seated, budget) if seated.screen is None else _cascade(seated, seated.screen, budget, screen_clears)


def _line(seated: Seating, budget: _Budget) -> Seating | Trouble:
    """Put first who is likely to answer in time, else who may."""
    first, hopeful = seated.seats[0], _hopeful(seated, budget)
    if not hopeful:
        return _NO_TIME
    chosen = next(filter(budget.likely, hopeful), hopeful[0])
    if chosen is first:
        return seated
    spares = tuple([candidate for candidate in hopeful if candidate is not chosen])
    message = f"{chosen.spec.model} was asked first: {first.spec.model} usually takes longer than was left"
    return replace(seated, seats=(chosen,), spares=spares, notes=(*seated.notes, _note(message)))


def _cascade(seated: Seating, screen: Candidate, budget: _Budget, screen_clears: bool) -> Seating | Trouble:  # noqa: FBT001 - it is the route's word
    """Leave out the screen where the strong reviewer needs its time, and him where only the screen has a chance."""
    strong = _line(seated, budget)
    if isinstance(strong, Trouble):
        if budget.hopeless(screen):
            return _NO_TIME
        if screen_clears:
            # If it clears, it has done all that the route asks for; if not, the deadline says what is missing.
            return seated
        message = "only the screening reviewer was asked: the strong one usually takes longer than was left"
        return Seating((), (), screen, (*seated.notes, Trouble(Cause.DEADLINE, message)))
    in_share = budget.slow_s(screen) <= budget.left_s * SCREEN_SHARE
    if in_share and budget.likely(strong.seats[0], budget.slow_s(screen)):
        return strong
    note = _note("the screening reviewer was not asked: the time that was left was needed for the strong one")
    return replace(strong, screen=None, notes=(*strong.notes, note))


def _panel(seated: Seating, budget: _Budget, quorum: int) -> Seating | Trouble:
    """Replace seats that will hardly answer in time by spares that will, and give up those that cannot."""
    seats = list(seated.seats)
    spares = [spare for spare in seated.spares if not budget.hopeless(spare)]
    for at, seat in enumerate(seats):
        if budget.likely(seat):
            continue
        others = {other.entry.family for other in seats if other is not seat}
        better = next((s for s in spares if budget.likely(s) and s.entry.family not in others), None)
        if better is not None:
            spares[spares.index(better)] = seat
            seats[at] = better
    kept = tuple([seat for seat in seats if not budget.hopeless(seat)])
    if kept == seated.seats:
        return seated
    if not kept:
        return _NO_TIME
    spares = [spare for spare in spares if not budget.hopeless(spare)]
    told = f"{len(kept)} of {len(seats)} reviewers of the panel usually answer in the time that was left"
    if len(kept) < quorum:
        enough = Trouble(Cause.DEADLINE, f"{told}, and {quorum} are needed: one was asked, for whoever decides")
        return Seating(kept[:1], tuple(spares), notes=(*seated.notes, enough))
    if len(kept) == len(seats):
        told = "reviewers of the panel who usually take longer than was left had their seats taken by others"
    return Seating(kept, tuple(spares), notes=(*seated.notes, _note(told)))


def _hopeful(seated: Seating, budget: _Budget) -> list[Candidate]:
    return [candidate for candidate in (*seated.seats, *seated.spares) if not budget.hopeless(candidate)]


def _note(message: str) -> Trouble:
    return Trouble(Cause.DEADLINE, message, Effect.NOTE)
