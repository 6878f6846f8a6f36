"""How a candidate on trial compares with what is in force: figures and gates, from the records of the log alone.

Whoever takes in the same records in the order of the log comes to the same, after a restart and in every service:
canaries are looked at in blocks of reviews, shadows pair by pair. Memory grows with gates and segments, never with the
log. Blocks grow with what was seen, so that a long canary is read in the time of its records; since where one ends says
nothing of what is in it, the error rates stay (`reviewer.core.statistics.sequential` takes batches of any size).

A share `alpha` of false alarms is divided evenly among gates. Of a gate's part the whole gets half; the other half goes
to segments, in the order in which the log first shows them, as 1/2, 1/6, 1/12 and so on, which add up to one. When a
segment appears says nothing of what it will show, so the sum bounds the chance of any false alarm.
"""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from reviewer.core.figure import Figure, GateState, Outlook, TrialState
from reviewer.core.handoff_word import read_word
from reviewer.core.rollout import ReleaseStage, Trial
from reviewer.core.rollout_gates import Measure, RolloutGate, RolloutGates
from reviewer.core.shadowing import Judged, read_pair, read_single
from reviewer.core.statistics.paired import Evidence
from reviewer.core.statistics.sequential import Batch, Comparison, Plan
from reviewer.core.verdict import Verdict

BLOCK = 20
"""Reviews of a canary between two looks, at first: few enough to be quick."""
GROWTH = 50
"""Later a look follows once a fiftieth of the reviews seen is new."""
MAX_OPEN = 10_000
"""Handoffs whose resolution is waited for; of more, the oldest are forgotten."""
WHOLE = ""
_STEPS = 50
"""Costs and times are rounded to so many steps of their cap, so that equal ones can be counted together."""
_Z = 1.96
_FINE = "approve_as_is"


@dataclass(slots=True)
class _Side:
    """Sums of one side, for its mean and spread."""

    n: int = 0
    total: float = 0.0
    squares: float = 0.0

    def add(self, value: float) -> None:
        self.n += 1
        self.total += value
        self.squares += value * value

    @property
    def mean(self) -> float | None:
        return self.total / self.n if self.n else None

    @property
    def error(self) -> float:
        """Squared standard error of the mean, drawn away from nothing: a few equal values do not say that all are."""
        if self.n == 0:
            return 1.0
        mean = self.total / self.n
        return (max(self.squares / self.n - mean * mean, 0.0) + 1 / (self.n + 4)) / (self.n + 4)


class _Unpaired:
    """Reviews of two sides, which share nothing."""

    def __init__(self, gate: RolloutGate, alpha: float, beta: float) -> None:
        self._comparison = Comparison(Plan(gate.effect, alpha, beta, (), gate.tolerance))
        self._waiting: tuple[Counter[float], Counter[float]] = Counter(), Counter()
        self.sides = _Side(), _Side()

    def add(self, value: float, side: int) -> None:
        self._waiting[side][value] += 1
        self.sides[side].add(value)

    def look(self) -> None:
        """End a block."""
        if self._waiting[0] or self._waiting[1]:
            self._comparison.take(Batch(*self._waiting))
            self._waiting = Counter(), Counter()

    @property
    def p_values(self) -> tuple[float, float]:
        return self._comparison.p_values()

    @property
    def error(self) -> float:
        return self.sides[0].error + self.sides[1].error


class _Paired:
    """Pairs of reviews of one draft each."""

    def __init__(self, gate: RolloutGate) -> None:
        self._worse = Evidence(gate.tolerance, against_high=False)
        self._sound = Evidence(gate.tolerance + gate.effect, against_high=True)
        self._differences = _Side()
        self.sides = _Side(), _Side()

    def add(self, candidate: float, baseline: float) -> None:
        self.sides[0].add(candidate)
        self.sides[1].add(baseline)
        self._differences.add(candidate - baseline)
        self._worse.bet(candidate - baseline)
        self._sound.bet(candidate - baseline)

    @property
    def p_values(self) -> tuple[float, float]:
        return self._worse.p_value, self._sound.p_value

    @property
    def error(self) -> float:
        return self._differences.error


@dataclass(slots=True)
class _Open:
    """A handoff whose resolution may come."""

    side: int
    segments: tuple[str, ...]
    pair: tuple[bool, bool] | None = None


@dataclass(slots=True)
class Progress:
    """One trial under way.

    Attributes:
        index: of the last record that was taken in; those before the trial count as taken in.
    """

    trial: Trial
    gates: RolloutGates
    index: int = -1
    _segments: dict[str, int] = field(default_factory=dict)
    _compared: dict[tuple[Measure, str], _Unpaired | _Paired] = field(default_factory=dict)
    _n: list[int] = field(default_factory=lambda: [0, 0])
    _next_look: int = BLOCK
    _open: OrderedDict[str, _Open] = field(default_factory=OrderedDict)
    _failed: Figure | None = None

    def __post_init__(self) -> None:
        """Begin with the trial."""
        self.index = max(self.index, self.trial.since)

    def add(self, index: int, record: bytes) -> None:
        """Take in the next record of the log, of whatever kind; one that was taken in before changes nothing."""
        if index <= self.index:
            return
        self.index = index
        if self.trial.stage is ReleaseStage.SHADOW:
            self._add_pair(record)
        else:
            self._add_single(record)
        self._add_word(record)

    def drop(self, index: int) -> None:
        """Take note that nothing up to an index is of any use any more."""
        self.index = max(self.index, index)

    @property
    def outlook(self) -> Outlook:
        """Where it stands."""
        figures = tuple(self._figures())
        enough = min(self._n) >= self.gates.min_n
        if self._failed is not None:
            state = TrialState.FAILED
        elif enough and all(_held(figure) for figure in figures if not figure.segment):
            state = TrialState.READY
        else:
            state = TrialState.RUNNING
        return Outlook(state, self._n[0], self._n[1], figures, self._failed)

    @property
    def failed(self) -> Figure | None:
        """The first comparison that failed; None as long as none did."""
        return self._failed

    def _add_pair(self, record: bytes) -> None:
        pair = read_pair(record)
        if pair is None or pair.trial != self.trial.id:
            return
        segments = self._names(pair.tier, pair.locale)
        self._n = [n + 1 for n in self._n]
        ours, theirs = self._values(pair.candidate), self._values(pair.baseline)
        for gate in self.gates.gates:
            if gate.measure in ours and gate.measure in theirs:
                self._compare(gate, segments, ours[gate.measure], theirs[gate.measure])
        if pair.baseline.verdict is Verdict.HUMAN_HANDOFF:
            approved = pair.candidate.verdict is Verdict.APPROVE, False
            self._wait(pair.review_id, _Open(0, segments, approved))
        self._check()

    def _add_single(self, record: bytes) -> None:
        single = read_single(record)
        if single is None or single.canary:
            return
        mine = single.stage == ReleaseStage.CANARY and single.release == self.trial.digest
        # What the candidate judges may be routed otherwise by its own rules; it is of this trial all the same.
        other = not single.stage and single.release != self.trial.digest and self.trial.covers(single.route)
        if not mine and not other:
            return
        side = 0 if mine else 1
        segments = self._names(single.tier, single.locale)
        self._n[side] += 1
        for measure, value in self._values(single.judged).items():
            self._note(measure, segments, value, side)
        if single.handoff:
            self._wait(single.review_id, _Open(side, segments))
        if sum(self._n) >= self._next_look:
            self._next_look += max(BLOCK, self._next_look // GROWTH)
            self._look()

    def _add_word(self, record: bytes) -> None:
        """Take in what a person decided about a handoff."""
        word = read_word(record)
        waiting = self._open.pop(word.review_id, None) if word else None
        if word is None or waiting is None:
            return
        gate = next((gate for gate in self.gates.gates if gate.measure is Measure.OVERTURNED), None)
        if gate is None:
            return
        fine = word.decision == _FINE
        if waiting.pair is not None:
            ours, theirs = (float(approved != fine) for approved in waiting.pair)
            self._compare(gate, waiting.segments, ours, theirs)
            self._check()
        else:
            self._note(Measure.OVERTURNED, waiting.segments, float(fine), waiting.side)

    def _wait(self, review_id: str, waiting: _Open) -> None:
        self._open[review_id] = waiting
        if len(self._open) > MAX_OPEN:
            self._open.popitem(last=False)

    def _names(self, tier: str, locale: str) -> tuple[str, ...]:
        """Return the segments that a review belongs to, the whole first; gives new ones their numbers."""
        names = [WHOLE]
        for name in (f"tier={tier}" if tier else "", f"locale={locale}" if locale else ""):
            if name and name not in self._segments and len(self._segments) < self.gates.max_segments:
                self._segments[name] = len(self._segments) + 1
            if name in self._segments:
                names.append(name)
        return tuple(names)

    def _values(self, one: Judged) -> Mapping[Measure, float]:
        gates = self.gates
        values = {
            Measure.APPROVED: float(one.verdict is Verdict.APPROVE),
            Measure.BLOCKED: float(one.verdict is not Verdict.APPROVE),
            Measure.REVISED: float(one.verdict is Verdict.REVISE),
            Measure.HANDOFF: float(one.verdict is Verdict.HUMAN_HANDOFF),
            Measure.OVER_REFUSAL: float(not one.criteria.isdisjoint(gates.over_refusal)),
            Measure.NON_ANSWER: float(not one.criteria.isdisjoint(gates.non_answer)),
        }
        if one.cost_micro_usd is not None:
            values[Measure.COST] = _step(one.cost_micro_usd / 1e6 / gates.cost_cap_usd)
        if one.model_us is not None:
            values[Measure.LATENCY] = _step(one.model_us / 1e6 / gates.latency_cap_s)
        return values

    def _gate(self, measure: Measure) -> RolloutGate | None:
        return next((gate for gate in self.gates.gates if gate.measure is measure), None)

    def _compare(self, gate: RolloutGate, segments: tuple[str, ...], ours: float, theirs: float) -> None:
        for segment in segments:
            compared = self._compared.setdefault((gate.measure, segment), _Paired(gate))
            assert isinstance(compared, _Paired)
            compared.add(ours, theirs)

    def _note(self, measure: Measure, segments: tuple[str, ...], value: float, side: int) -> None:
        gate = self._gate(measure)
        if gate is None:
            return
        for segment in segments:
            key = measure, segment
            if key not in self._compared:
                self._compared[key] = _Unpaired(gate, self._level(segment), self.gates.beta)
            compared = self._compared[key]
            assert isinstance(compared, _Unpaired)
            compared.add(value, side)

    def _look(self) -> None:
        for compared in self._compared.values():
            if isinstance(compared, _Unpaired):
                compared.look()
        self._check()

    def _check(self) -> None:
        """Keep the first failure: what was seen cannot be unseen."""
        if self._failed is None and any(self._fails(segment, one) for (_, segment), one in self._compared.items()):
            self._failed = next(one for one in self._figures() if one.state is GateState.FAILED)

    def _fails(self, segment: str, compared: _Unpaired | _Paired) -> bool:
        return compared.p_values[0] <= self._level(segment)

    def _level(self, segment: str) -> float:
        level = self.gates.alpha / len(self.gates.gates) / 2
        if segment:
            number = self._segments[segment]
            level /= number * (number + 1)
        return level

    def _figures(self) -> Iterator[Figure]:
        for gate in self.gates.gates:
            for segment in (WHOLE, *self._segments):
                compared = self._compared.get((gate.measure, segment))
                if compared is not None:
                    yield self._figure(gate, segment, compared)
                elif not segment:
                    yield Figure(gate, "", GateState.OPEN, None, None, 0, 0, -1.0, 1.0, 1.0, 1.0, self._level(""))

    def _figure(self, gate: RolloutGate, segment: str, compared: _Unpaired | _Paired) -> Figure:
        ours, theirs = compared.sides
        p_worse, p_sound = compared.p_values
        level = self._level(segment)
        state = GateState.HOLDS if p_sound <= self.gates.beta else GateState.OPEN
        if self._fails(segment, compared):
            state = GateState.FAILED
        middle, width = (ours.mean or 0.0) - (theirs.mean or 0.0), _Z * math.sqrt(compared.error)
        low, high = max(middle - width, -1.0), min(middle + width, 1.0)
        sides = ours.mean, theirs.mean, ours.n, theirs.n
        return Figure(gate, segment, state, *sides, low, high, p_worse, p_sound, level)


def _held(figure: Figure) -> bool:
    return figure.state is GateState.HOLDS or not figure.gate.needed


def _step(share: float) -> float:
    return round(min(max(share, 0.0), 1.0) * _STEPS) / _STEPS
