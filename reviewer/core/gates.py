"""Gates: what the figures of a release must show before it may go further. The file models of `gates.yaml`.

A gate passes on evidence only: where there are too few labels to tell, it has not passed, unless the file says that
this gate then counts as passed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pydantic import Field, model_validator

from reviewer.core.calibration import DIMENSIONS, ENOUGH, Rates, measure
from reviewer.core.case import CriterionKey
from reviewer.core.labels import VERDICT, Matched
from reviewer.core.rollout_gates import DEFAULT_GATES, RolloutGates
from reviewer.core.rubric import Frozen, Severity, ShortText, Slug
from reviewer.core.statistics.proportions import (
    Share,
    exact_lower,
    exact_upper,
    holm,
    n_for_zero,
    p_worse,
    wilson_lower,
    wilson_upper,
)


class Status(StrEnum):
    """How one gate ended for one subject and segment."""

    PASSED = "passed"
    FAILED = "failed"
    TOO_FEW = "too few"


class Gate(Frozen):
    """One demand on one rate, checked for each criterion, or for the verdict, on its own.

    Attributes:
        criteria, severity: which criteria; all of the rule set where neither is given. Not for verdicts.
        suite: only answers about cases of this suite.
        each: each locale (or other segment) on its own.
        at_most: the one-sided bound from above on the rate must not be higher.
        at_least: the one-sided bound from below must not be lower.
        no_worse: instead of a bound: not worse than the release in force, by a one-sided test at this level over all
            that the gate checks (Holm).
        bound: exact (Clopper-Pearson) or Wilson's.
        min_n: labels that the rate must rest on.
        too_few: what it means that there are fewer.
    """

    id: Slug
    why: ShortText | None = None
    of: Literal["verdict", "criteria"]
    criteria: tuple[CriterionKey, ...] = ()
    severity: Severity | None = None
    suite: Slug | None = None
    each: Literal["locale", "intent", "drafter", "reviewer"] | None = None
    rate: Literal["false_approve", "false_block", "unsettled", "precision", "recall"]
    at_most: float | None = Field(default=None, gt=0, lt=1)
    at_least: float | None = Field(default=None, gt=0, lt=1)
    no_worse: float | None = Field(default=None, gt=0, le=0.5)
    bound: Literal["exact", "wilson"] = "exact"
    confidence: float = Field(default=0.95, ge=0.5, lt=1)
    min_n: int = Field(default=ENOUGH, ge=1)
    too_few: Literal["fail", "pass"] = "fail"

    @model_validator(mode="after")
    def _consistent(self) -> Gate:
        """Refuse gates that ask for nothing, for two things, or for what is good to be low."""
        if sum(limit is not None for limit in (self.at_most, self.at_least, self.no_worse)) != 1:
            raise ValueError("a gate needs exactly one of at_most, at_least and no_worse")
        if (self.rate in {"precision", "recall"}) != (self.at_least is not None):
            raise ValueError("precision and recall take at_least; all other rates at_most or no_worse")
        if self.of == "verdict" and (self.criteria or self.severity is not None):
            raise ValueError("criteria and severity are for gates on criteria")
        if self.criteria and self.severity is not None:
            raise ValueError("criteria are named or chosen by severity, not both")
        return self


class GateFile(Frozen):
    """The gates of a rule set.

    Attributes:
        gates: held against people's labels, before a release goes anywhere.
        rollout: held against the release in force, while it is on trial beside that.
    """

    schema_version: Literal[1] = Field(alias="schema")
    gates: tuple[Gate, ...] = Field(min_length=1)
    rollout: RolloutGates = DEFAULT_GATES

    @model_validator(mode="after")
    def _named_once(self) -> GateFile:
        """Refuse two gates of one name."""
        ids = [gate.id for gate in self.gates]
        if repeated := sorted({name for name in ids if ids.count(name) > 1}):
            raise ValueError(f"gate ids stand twice: {', '.join(repeated)}")
        return self


@dataclass(frozen=True, slots=True)
class Checked:
    """What one gate came to for one subject and segment.

    Attributes:
        segment: `locale=pt-BR`; empty for the whole.
        share: the rate's counts.
        bound: what was held against the limit, a bound or a p-value; None where there were too few.
        passed: whether the release may go on, as far as this goes.
        reason: in words, with figures.
    """

    gate: str
    subject: str
    segment: str
    status: Status
    passed: bool
    share: Share
    bound: float | None
    reason: str


def check_gates(
    gates: Iterable[Gate],
    rows: Iterable[Matched],
    severities: Mapping[str, Severity],
    in_force: Iterable[Matched] | None = None,
) -> tuple[Checked, ...]:
    """Check every gate.

    Args:
        rows: answers of the candidate.
        severities: of every criterion of the rule set: what was never judged has too few labels, and cannot hide.
        in_force: answers of the release in force about the same labels; without it every `no_worse` has too few.

    Returns:
        In the order of gates, subjects and segments; at least one a gate.
    """
    candidate, baseline = _by_subject(rows), _by_subject(in_force or ())
    found: list[Checked] = []
    for gate in gates:
        samples = [
            _Sample(subject, segment, share, None if in_force is None else was)
            for subject in _subjects(gate, severities)
            for segment, share, was in _shares(gate, candidate[subject], baseline[subject])
        ]
        found.extend(_no_worse(gate, samples) if gate.no_worse is not None else (_bounded(gate, s) for s in samples))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Sample:
    subject: str
    segment: str
    share: Share
    baseline: Share | None


def _by_subject(rows: Iterable[Matched]) -> defaultdict[str, list[Matched]]:
    grouped: defaultdict[str, list[Matched]] = defaultdict(list)
    for row in rows:
        grouped[row.judged.subject].append(row)
    return grouped


def _subjects(gate: Gate, severities: Mapping[str, Severity]) -> list[str]:
    if gate.of == "verdict":
        return [VERDICT]
    if gate.criteria:
        return list(gate.criteria)
    return sorted(name for name, severity in severities.items() if gate.severity in {None, severity})


def _shares(gate: Gate, rows: list[Matched], were: list[Matched]) -> Iterator[tuple[str, Share, Share]]:
    """Yield segment and counts, now and in force; the whole, with nothing in it, where there is no segment."""
    mine, theirs = ([row for row in own if gate.suite in {None, row.judged.suite}] for own in (rows, were))
    if gate.each is None:
        yield "", _share(gate, mine), _share(gate, theirs)
        return
    value_of = DIMENSIONS[gate.each]
    values = sorted({value_of(row) for row in mine} - {""})
    for value in values:
        now, was = ([row for row in own if value_of(row) == value] for own in (mine, theirs))
        yield f"{gate.each}={value}", _share(gate, now), _share(gate, was)
    if not values:
        yield "", Share(0, 0), Share(0, 0)


def _share(gate: Gate, rows: list[Matched]) -> Share:
    return _rate(gate, measure("", rows).rates)


def _rate(gate: Gate, rates: Rates) -> Share:
    match gate.rate:
        case "false_approve":
            return rates.false_approve
        case "false_block":
            return rates.false_block
        case "unsettled":
            return rates.unsettled
        case "precision":
            return rates.precision
        case "recall":
            return rates.recall


def _bounded(gate: Gate, sample: _Sample) -> Checked:
    share = sample.share
    if share.n < gate.min_n:
        return _too_few(gate, sample, f"{_told(share)}: too few, at least {gate.min_n} are needed")
    if gate.at_least is not None:
        low = (exact_lower if gate.bound == "exact" else wilson_lower)(share, gate.confidence)
        held = low >= gate.at_least
        reason = f"{_told(share)}: at least {low:.1%}, must be at least {gate.at_least:.1%}"
        return _checked(gate, sample, low, reason, held=held)
    limit = gate.at_most or 0.0
    high = (exact_upper if gate.bound == "exact" else wilson_upper)(share, gate.confidence)
    reason = f"{_told(share)}: at most {high:.1%}, may be at most {limit:.1%}"
    if share.hits == 0 and high > limit:
        reason += f"; {n_for_zero(limit, gate.confidence)} without a miss would show it"
    return _checked(gate, sample, high, reason, held=high <= limit)


def _no_worse(gate: Gate, samples: list[_Sample]) -> Iterator[Checked]:
    """Compare each with the release in force; those that have enough labels share the level between them."""
    level = gate.no_worse or 0.0
    enough = [s for s in samples if s.baseline is not None and min(s.share.n, s.baseline.n) >= gate.min_n]
    p_values = [p_worse(s.share, s.baseline) for s in enough if s.baseline is not None]
    fallen = dict(zip(enough, zip(p_values, holm(p_values, level), strict=True), strict=True))
    for sample in samples:
        if sample in fallen and sample.baseline is not None:
            p, worse = fallen[sample]
            reason = f"{_told(sample.share)}, in force {_told(sample.baseline)}: p = {p:.2g}, level {level:g} by Holm"
            yield _checked(gate, sample, p, reason, held=not worse)
        elif sample.baseline is None:
            yield _too_few(gate, sample, "nothing of the release in force to compare with")
        else:
            counts = f"{sample.share.n} now, {sample.baseline.n} in force"
            yield _too_few(gate, sample, f"{counts}: too few, at least {gate.min_n} are needed")


def _checked(gate: Gate, sample: _Sample, bound: float, reason: str, *, held: bool) -> Checked:
    status = Status.PASSED if held else Status.FAILED
    return Checked(gate.id, sample.subject, sample.segment, status, held, sample.share, bound, reason)


def _too_few(gate: Gate, sample: _Sample, reason: str) -> Checked:
    passed = gate.too_few == "pass"
    return Checked(gate.id, sample.subject, sample.segment, Status.TOO_FEW, passed, sample.share, None, reason)


def _told(share: Share) -> str:
    return f"{share.hits} of {share.n}" + (f" ({share.hits / share.n:.1%})" if share.n else "")
