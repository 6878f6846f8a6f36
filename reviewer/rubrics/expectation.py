"""Holding what came out of a trial against what its case expects."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from reviewer.core.case import Case
from reviewer.core.finding import Finding, Origin, Outcome
from reviewer.core.rubric import Judge
from reviewer.core.verdict import Verdict, verdict_of
from reviewer.rubrics.trial import Examined, effect_of_checks, worst_outcomes

_OBJECTIONS = (Outcome.NOT_MET, Outcome.UNCERTAIN)
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One thing that did not come out as expected.

    Attributes:
        about: `verdict`, or the criterion.
        expected, got: side by side, in a few words.
        why: what the judges said of it.
        quotes: verified ones that they gave.
    """

    about: str
    expected: str
    got: str
    why: tuple[str, ...] = ()
    quotes: tuple[str, ...] = ()


def mismatches(case: Case, examined: Examined) -> tuple[Mismatch, ...]:
    """Return all that came out otherwise than expected; none where the case passes."""
    return (*_of_verdict(case, examined), *_of_findings(case, examined))


def mismatches_of_checks(case: Case, examined: Examined) -> tuple[Mismatch, ...]:
    """Return what is wrong already by the deterministic checks, where there is no critique to judge the rest."""
    return (*_of_lowest_verdict(case, examined), *_of_check_findings(case, examined))


def _of_verdict(case: Case, examined: Examined) -> Iterator[Mismatch]:
    got = examined.decision.verdict.name
    if got not in case.expect.verdicts:
        why = tuple([f"{r.cause.value} {r.criterion}: {r.message}".strip() for r in examined.decision.reasons])
        quotes = tuple([quote.text for reason in examined.decision.reasons for quote in reason.quotes])
        yield Mismatch("verdict", " or ".join(case.expect.verdicts), got, why, quotes)


def _of_findings(case: Case, examined: Examined) -> Iterator[Mismatch]:
    expect, outcomes = case.expect, examined.outcomes
    for key, outcome in expect.findings.items():
        if outcomes.get(key) != outcome:
            yield _mismatch(key, outcome, examined.findings)
    for key in expect.forbidden:
        if outcomes.get(key) is Outcome.NOT_MET:
            yield _mismatch(key, "not NOT_MET", examined.findings)
    if expect.allowed is not None:
        for key, objection in outcomes.items():
            if objection in _OBJECTIONS and key not in expect.allowed and key not in expect.findings:
                yield _mismatch(key, "no objection", examined.findings)
    for key, fragment in expect.quotes.items():
        quoted = [_folded(text) for text in _quotes(key, examined.findings)]
        if not any(_folded(fragment) in text for text in quoted):
            yield _mismatch(key, f"a quote with {fragment!r}", examined.findings)


def _of_check_findings(case: Case, examined: Examined) -> Iterator[Mismatch]:
    checked = tuple([f for f in examined.findings if f.origin is not Origin.CRITIC])
    outcomes = worst_outcomes(checked)
    for key, outcome in case.expect.findings.items():
        item = examined.plan.by_key.get(key)
        decided = item is None or item.criterion.judge is Judge.CHECK or outcomes.get(key) is Outcome.NOT_MET
        if decided and outcomes.get(key) != outcome:
            yield _mismatch(key, outcome, checked)
    for key in case.expect.forbidden:
        if outcomes.get(key) is Outcome.NOT_MET:
            yield _mismatch(key, "not NOT_MET", checked)


def _of_lowest_verdict(case: Case, examined: Examined) -> Iterator[Mismatch]:
    lowest = verdict_of(effect_of_checks(examined))
    if lowest > max(Verdict[name] for name in case.expect.verdicts):
        expected = " or ".join(case.expect.verdicts)
        yield Mismatch("verdict", expected, f"{lowest.name} or stricter, by the checks alone")


def _mismatch(key: str, expected: str, findings: tuple[Finding, ...]) -> Mismatch:
    own = [finding for finding in findings if finding.criterion == key]
    got = ", ".join(f"{f.outcome.value} ({f.by})" for f in own) or "no answer"
    return Mismatch(key, str(expected), got, tuple(f.why for f in own if f.why), _quotes(key, findings))


def _quotes(key: str, findings: tuple[Finding, ...]) -> tuple[str, ...]:
    own = [finding for finding in findings if finding.criterion == key]
    return tuple([quote.text for finding in own for quote in finding.quotes if quote.status.verified])


def _folded(text: str) -> str:
    return _SPACE.sub(" ", text).strip().casefold()
