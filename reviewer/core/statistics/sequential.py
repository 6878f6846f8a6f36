"""Candidate against baseline, looked at as often as one likes, with error rates that are stated beforehand.

A test by betting: evidence is a product of factors, one a batch, each of which is at most 1 in the mean as long as the
null hypothesis holds. By Ville's inequality (1939) such a product reaches 1/alpha with probability at most alpha, at
whatever time one looks. Take a batch with `n_c` and `n_b` values between 0 and 1, and a point (b + m, b) on the edge of
the null "the candidate's mean is at most the baseline's plus m". The factor is

    product over the candidate's values of (1 + g_c (y - b - m)), times
    product over the baseline's values of (1 + g_b (y - b)),         with n_c g_c + n_b g_b = 0.

Its mean depends on the two means alone, its logarithm is concave in them, and the last condition makes the edge point
its maximum along the edge, where it is 1. So it holds for shares (values 0 and 1) and for bounded means (latency or
cost divided by a cap) alike, and where means drift within or between batches, too. For shares it is the e-variable of
Turner, Ly & Grünwald, "Generic E-variables for exact sequential k-sample tests" (2024); for means it bets as
Waudby-Smith & Ramdas, JRSS B 86 (2024) do. A uniform mixture over edge points and stakes stands for not knowing either.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from typing import NamedTuple, TypeAlias

ALL = ""
"""Name of the comparison over every segment together."""

Values: TypeAlias = Mapping[float, int]
"""How often each value between 0 and 1 was seen."""

_Counts: TypeAlias = tuple[tuple[float, int], ...]
_LOGITS = tuple(at / 2 for at in range(-14, 15, 2))
_ODDS_RATIOS = (1.25, 1.6, 2.5, 6.0)
_CAUTION = 0.9
"""A stake never reaches the one that a single value could lose everything with."""
_NEVER_BELOW = 1e-9


def counted(hits: int, n: int) -> Values:
    """Return the values of `hits` ones among `n`."""
    if not 0 <= hits <= n:
        raise ValueError(f"got {hits} of {n}: expected 0 <= hits <= n")
    return {1.0: hits, 0.0: n - hits}


def scaled(values: Iterable[float], cap: float) -> Values:
    """Return values of at least 0 as shares of a cap; what is above the cap counts as the cap."""
    return Counter([min(max(value, 0.0) / cap, 1.0) for value in values])


@dataclass(frozen=True, slots=True)
class Batch:
    """What one segment saw since the last look.

    Attributes:
        segment: as declared in the plan; another one, or `ALL`, counts for the whole only.
    """

    candidate: Values
    baseline: Values
    segment: str = ALL


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked, fixed before the first value is seen. High values are bad.

    Attributes:
        effect: difference of the means, above `tolerance`, that must not go unseen; above 0.
        alpha: greatest chance that anything is called regressed, as long as no mean is above the baseline's by more
            than `tolerance`; divided by the number of comparisons (Bonferroni), since one false alarm is one too many.
        beta: greatest chance of `Sound` while some declared segment, or the whole, is worse by `tolerance + effect`.
            Not divided: all of them must be shown to be sound.
        segments: declared ahead; the whole is always compared as well.
        tolerance: how much worse is still called no worse.
    """

    effect: float
    alpha: float = 0.05
    beta: float = 0.05
    segments: tuple[str, ...] = ()
    tolerance: float = 0.0

    def __post_init__(self) -> None:
        if not (self.effect > 0 and self.tolerance >= 0 and self.tolerance + self.effect < 1):
            raise ValueError("expected effect > 0, tolerance >= 0, and both together below 1")
        if not (0 < self.alpha < 1 and 0 < self.beta < 1):
            raise ValueError("expected alpha and beta between 0 and 1")
        if ALL in self.segments or len(set(self.segments)) < len(self.segments):
            raise ValueError("expected segments with names, each once")

    @property
    def comparisons(self) -> tuple[str, ...]:
        """What is compared: the whole, and each segment."""
        return (ALL, *self.segments)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one comparison stands.

    Attributes:
        candidate_n, baseline_n: values seen.
        candidate_mean, baseline_mean: None before the first value.
        p_regressed, p_sound: always-valid p-values, before any division for several comparisons.
    """

    segment: str
    candidate_n: int
    baseline_n: int
    candidate_mean: float | None
    baseline_mean: float | None
    p_regressed: float
    p_sound: float


@dataclass(frozen=True, slots=True)
class Undecided:
    """Neither is shown yet."""

    standings: tuple[Standing, ...]


@dataclass(frozen=True, slots=True)
class Regressed:
    """The candidate is worse in what `worse` names. Final."""

    worse: tuple[Standing, ...]
    standings: tuple[Standing, ...]


@dataclass(frozen=True, slots=True)
class Sound:
    """The candidate is nowhere worse by the stated effect."""

    standings: tuple[Standing, ...]


Decision: TypeAlias = Undecided | Regressed | Sound


class Comparison:
    """A comparison under way.

    Holds a few hundred numbers a segment, whatever was seen. The same batches in one order give the same decisions.
    """

    def __init__(self, plan: Plan) -> None:
        """Begin with nothing seen."""
        self.plan = plan
        self._arms = {name: _Arms() for name in plan.comparisons}
        self._worse = {name: _Evidence(plan.tolerance, against_high=False) for name in plan.comparisons}
        edge = plan.tolerance + plan.effect
        self._sound = {name: _Evidence(edge, against_high=True) for name in plan.comparisons}

    def update(self, batch: Batch) -> Decision:
        """Take in a batch and decide; raises as `take` does."""
        self.take(batch)
        return self.decision

    def take(self, batch: Batch) -> None:
        """Take in a batch.

        Raises:
            ValueError: a value is not between 0 and 1, or seen less than no time.
        """
        for values in (batch.candidate, batch.baseline):
            if any(not 0 <= value <= 1 or count < 0 for value, count in values.items()):
                raise ValueError("expected values between 0 and 1, each with a count of at least 0")
        names = {ALL, batch.segment} & set(self.plan.comparisons)
        for name in sorted(names):
            self._arms[name].add(batch)
            if (block := self._arms[name].block()) is not None:
                self._worse[name].bet(block)
                self._sound[name].bet(block)

    def p_values(self, segment: str = ALL) -> tuple[float, float]:
        """Return `p_regressed` and `p_sound` of one comparison, as its standing has them."""
        return self._worse[segment].p_value, self._sound[segment].p_value

    @property
    def decision(self) -> Decision:
        """What is known now."""
        standings = tuple(self._standing(name) for name in self.plan.comparisons)
        level = self.plan.alpha / len(standings)
        if worse := tuple(one for one in standings if one.p_regressed <= level):
            return Regressed(worse, standings)
        if all(one.p_sound <= self.plan.beta for one in standings):
            return Sound(standings)
        return Undecided(standings)

    def _standing(self, name: str) -> Standing:
        arms = self._arms[name]
        return Standing(
            segment=name,
            candidate_n=arms.candidate.n,
            baseline_n=arms.baseline.n,
            candidate_mean=arms.candidate.mean,
            baseline_mean=arms.baseline.mean,
            p_regressed=self._worse[name].p_value,
            p_sound=self._sound[name].p_value,
        )


class _Block(NamedTuple):
    candidate: Counter[float]
    baseline: Counter[float]


@dataclass(slots=True)
class _Arm:
    """One side: what was seen in all, and what waits for the other side to see something."""

    n: int = 0
    total: float = 0.0
    waiting: Counter[float] = field(default_factory=Counter)

    @property
    def mean(self) -> float | None:
        return self.total / self.n if self.n else None

    def add(self, values: Values) -> None:
        for value, count in values.items():
            if count:
                self.waiting[value] += count
                self.n += count
                self.total += value * count


@dataclass(slots=True)
class _Arms:
    """Both sides. Where a block ends depends on how many values there are, never on what they are."""

    candidate: _Arm = field(default_factory=_Arm)
    baseline: _Arm = field(default_factory=_Arm)

    def add(self, batch: Batch) -> None:
        self.candidate.add(batch.candidate)
        self.baseline.add(batch.baseline)

    def block(self) -> _Block | None:
        """Return what waits, once both sides have something."""
        if not (self.candidate.waiting and self.baseline.waiting):
            return None
        block = _Block(self.candidate.waiting, self.baseline.waiting)
        self.candidate.waiting, self.baseline.waiting = Counter(), Counter()
        return block


class _Stake(NamedTuple):
    """A bet on one point of the edge: the two means there, and what is staked on each side."""

    candidate: float
    baseline: float
    on_candidate: float
    on_baseline: float


@dataclass(slots=True)
class _Evidence:
    """Evidence against "the candidate's mean is at most (or, against high, at least) the baseline's plus an edge"."""

    edge: float
    against_high: bool
    logs: list[float] = field(default_factory=lambda: [0.0] * (len(_LOGITS) * len(_ODDS_RATIOS)))
    highest: float = 0.0

    @property
    def p_value(self) -> float:
        """The always-valid p-value: one over the most evidence there ever was."""
        return math.exp(-self.highest)

    def bet(self, block: _Block) -> None:
        won = _won(self.edge, self.against_high, tuple(block.candidate.items()), tuple(block.baseline.items()))
        self.logs = [log + more for log, more in zip(self.logs, won, strict=True)]
        most = max(self.logs)
        if most <= self.highest:
            # The mixture is no more than the best of its parts.
            return
        mixed = most + math.log(math.fsum(math.exp(log - most) for log in self.logs) / len(self.logs))
        self.highest = max(self.highest, mixed)


@lru_cache(maxsize=4096)
def _won(edge: float, against_high: bool, candidate: _Counts, baseline: _Counts) -> tuple[float, ...]:  # noqa: FBT001
    """Return what each bet on a block wins or loses, as logarithms.

    Kept, since most measures are yes or no: a long trial comes back to the same few blocks again and again.
    """
    counts = sum(count for _, count in candidate), sum(count for _, count in baseline)
    return tuple([_of_stake(stake, candidate, baseline) for stake in _stakes(edge, against_high, *counts)])


def _of_stake(stake: _Stake, candidate: _Counts, baseline: _Counts) -> float:
    log1p = math.log1p
    won = 0.0
    for value, count in candidate:
        won += count * log1p(stake.on_candidate * (value - stake.candidate))
    for value, count in baseline:
        won += count * log1p(stake.on_baseline * (value - stake.baseline))
    return won


@lru_cache(maxsize=1024)
def _stakes(edge: float, against_high: bool, n_candidate: int, n_baseline: int) -> tuple[_Stake, ...]:  # noqa: FBT001
    """Return the bets of a block: for each baseline mean on the edge, four stakes from timid to bold.

    A stake is the one that would be best if the odds differed so much; it is cut where a value could lose it all.
    """
    n = n_candidate + n_baseline
    # What a unit of the stake puts on each side: together with the counts, nothing along the edge.
    unit_candidate, unit_baseline = n_baseline / n, -n_candidate / n
    sign = -1.0 if against_high else 1.0
    found: list[_Stake] = []
    for logit, ratio in product(_LOGITS, _ODDS_RATIOS):
        baseline = (1 - edge) / (1 + math.exp(-logit))
        candidate = baseline + edge
        centre = (n_candidate * candidate + n_baseline * baseline) / n
        odds = centre / (1 - centre) * ratio
        best = (odds / (1 + odds) - centre) / (centre * (1 - centre))
        bound = min(_bound(candidate, sign * unit_candidate), _bound(baseline, sign * unit_baseline))
        stake = sign * min(best, _CAUTION * bound)
        found.append(_Stake(candidate, baseline, stake * unit_candidate, stake * unit_baseline))
    return tuple(found)


def _bound(mean: float, unit: float) -> float:
    """Return the stake at which the worst value between 0 and 1 would lose everything."""
    worst = mean if unit > 0 else 1 - mean
    return 1 / max(abs(unit) * worst, _NEVER_BELOW)
