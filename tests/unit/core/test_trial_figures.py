"""Figures and gates of a trial, from records alone: what fails, what is ready, and that a restart changes nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from reviewer.core.canonical import canonical_bytes
from reviewer.core.figure import GateState, TrialState
from reviewer.core.record import CONTENT_KEY_BYTES, seal
from reviewer.core.review import Handoff, HandoffState
from reviewer.core.rollout import ReleaseStage, Trial
from reviewer.core.rollout_gates import DEFAULT_GATES, Measure, RolloutGate, RolloutGates
from reviewer.core.rubric import Effect
from reviewer.core.shadowing import read_pair, read_single, shadow_entry
from reviewer.core.trial_figures import BLOCK, GROWTH, Progress
from reviewer.core.verdict import Cause, Reason, Verdict
from tests.support.builders import review
from tests.support.reviews import CALL

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
BASE, CANDIDATE = "a" * 64, "b" * 64
CANARY = Trial("trial-1", CANDIDATE, BASE, ReleaseStage.CANARY, 50, (), 3, NOW, "dee")
SHADOW = replace(CANARY, stage=ReleaseStage.SHADOW, percent=100)
GATES = RolloutGates(
    min_n=10,
    gates=(
        RolloutGate(measure=Measure.BLOCKED, tolerance=0.02, effect=0.3),
        RolloutGate(measure=Measure.OVERTURNED, tolerance=0.02, effect=0.3, needed=False),
    ),
)


def single(number: int, *, mine: bool, verdict: Verdict = Verdict.APPROVE, **fields: Any) -> bytes:
    """Return the record of a review by the candidate, or by what is in force."""
    release, stage = (CANDIDATE, "canary") if mine else (BASE, "")
    made = review(number, release=release, stage=stage, verdict=verdict, **fields)
    return seal(made, b"k" * CONTENT_KEY_BYTES).record


def pair(number: int, ours: Verdict, theirs: Verdict = Verdict.APPROVE, trial: Trial = SHADOW, **fields: Any) -> bytes:
    answered = review(number, verdict=theirs, release=BASE, **fields)
    shadow = review(number, verdict=ours, release=CANDIDATE, **fields)
    return shadow_entry(f"s-{number}", NOW, trial, answered, shadow).record


def taken(trial: Trial, records: Iterator[bytes], gates: RolloutGates = GATES) -> Progress:
    progress = Progress(trial, gates)
    for index, record in enumerate(records, trial.since + 1):
        progress.add(index, record)
    return progress


def resolved(review_id: str, decision: str) -> bytes:
    told = {"schema": "handoff/1", "action": "resolve", "subjects": ["handoffs/1", f"reviews/{review_id}"]}
    return canonical_bytes({**told, "details": {"decision": decision}})


def test_a_canary_that_blocks_more_fails_and_says_so() -> None:
    """A candidate that blocks what its baseline approves fails its gate, with figures that name both."""
    verdicts = (Verdict.HUMAN_HANDOFF, Verdict.APPROVE)
    progress = taken(CANARY, (single(n, mine=n % 2 == 0, verdict=verdicts[n % 2]) for n in range(60)))
    outlook = progress.outlook
    assert outlook.state is TrialState.FAILED
    assert outlook.failed is not None
    assert outlook.failed.gate.measure is Measure.BLOCKED
    assert "blocked: 100.0% of" in str(outlook.failed)
    assert outlook.failed.low > 0.5


def test_a_canary_that_does_the_same_becomes_ready() -> None:
    """A candidate that decides alike is ready once both sides have seen enough, and not before."""
    records = [single(n, mine=n % 2 == 0) for n in range(100)]
    assert taken(CANARY, iter(records[:20])).outlook.state is TrialState.RUNNING
    outlook = taken(CANARY, iter(records)).outlook
    assert (outlook.state, outlook.candidate_n, outlook.baseline_n) == (TrialState.READY, 50, 50)
    whole = [one for one in outlook.figures if not one.segment]
    assert [one.state for one in whole] == [GateState.HOLDS, GateState.OPEN]


def test_only_what_belongs_to_the_trial_counts() -> None:
    """Reviews of before, of other routes, of canaries and of other candidates count on no side."""
    progress = Progress(replace(CANARY, routes=("nowhere",)), GATES)
    progress.add(9, single(1, mine=False))
    assert progress.outlook.baseline_n == 0
    progress = Progress(CANARY, GATES)
    progress.add(3, single(1, mine=True))
    progress.add(4, single(2, mine=True, canary="health/x"))
    progress.add(5, seal(review(3, release="c" * 64, stage="canary"), b"k" * 32).record)
    progress.add(6, seal(review(4, release=CANDIDATE), b"k" * 32).record)
    progress.add(7, b'{"schema":"other/1"}')
    progress.add(8, pair(5, Verdict.APPROVE))
    progress.add(9, b"no json")
    assert (progress.outlook.candidate_n, progress.outlook.baseline_n) == (0, 0)
    progress.add(10, single(6, mine=True))
    progress.add(10, single(6, mine=True))
    assert progress.outlook.candidate_n == 1


@pytest.mark.parametrize("trial", [CANARY, SHADOW])
def test_where_one_began_to_read_makes_no_difference(trial: Trial) -> None:
    """Read in one go, or with pauses in between, the figures are the same to the last digit."""
    verdicts = [Verdict.APPROVE, Verdict.REVISE, Verdict.APPROVE, Verdict.HUMAN_HANDOFF]
    if trial is SHADOW:
        records = [pair(n, verdicts[n % 4], verdicts[n % 3], locale=("en", "pt-BR")[n % 2]) for n in range(70)]
    else:
        records = [single(n, mine=n % 3 == 0, verdict=verdicts[n % 4]) for n in range(70)]
    whole = taken(trial, iter(records))
    resumed = Progress(trial, GATES)
    for index, record in enumerate(records, trial.since + 1):
        resumed.add(index, record)
        resumed.add(index, record)
        assert resumed.outlook.candidate_n <= whole.outlook.candidate_n
    assert resumed.outlook == whole.outlook
    assert len(records) > 3 * BLOCK


def test_a_long_canary_is_looked_at_ever_more_rarely() -> None:
    """Looks are as many as the logarithm of the reviews, and those of a sound candidate find nothing in thousands."""
    verdicts = (Verdict.APPROVE, Verdict.REVISE)
    progress, seen = Progress(CANARY, GATES), set()
    for n in range(6_000):
        progress.add(CANARY.since + 1 + n, single(n, mine=n % 2 == 0, verdict=verdicts[n % 9 == 0]))
        if n % 10 == 0:
            seen.add(tuple(figure.p_sound for figure in progress.outlook.figures))
    assert progress.outlook.state is TrialState.READY
    assert 1_000 // BLOCK <= len(seen) < 1_000 // BLOCK + 1.1 * GROWTH * math.log(6_000 / 1_000)


def test_a_shadow_fails_on_pairs_that_differ() -> None:
    """Pairs in which only the candidate blocks end a trial; pairs of other trials do not count."""
    progress = taken(SHADOW, (pair(n, Verdict.REVISE) for n in range(30)))
    assert progress.outlook.state is TrialState.FAILED
    other = replace(SHADOW, id="trial-0")
    progress = taken(SHADOW, (pair(n, Verdict.REVISE, trial=other) for n in range(30)))
    assert progress.outlook.candidate_n == 0


def test_a_single_locale_can_fail_a_trial() -> None:
    """A candidate that is worse in one locale alone fails there, and the failure names the locale."""
    ours = (Verdict.APPROVE, Verdict.REVISE)

    def records() -> Iterator[bytes]:
        for n in range(400):
            rare = n % 10 == 0
            # Elsewhere it approves as much more as it blocks here.
            yield pair(
                n, ours[rare], Verdict.REVISE if n % 10 == 1 else Verdict.APPROVE, locale="pt-BR" if rare else "en"
            )

    failed = taken(SHADOW, records()).failed
    assert failed is not None
    assert failed.segment == "locale=pt-BR"


def test_levels_of_all_comparisons_add_up_to_alpha() -> None:
    """However many segments appear, the levels of all comparisons together stay within alpha."""
    gates = RolloutGates(min_n=10, max_segments=30)
    progress = taken(SHADOW, (pair(n, Verdict.APPROVE, locale=f"x{n}") for n in range(60)), gates)
    figures = progress.outlook.figures
    assert len({one.segment for one in figures}) == 31
    assert sum(one.level for one in figures) <= gates.alpha


def test_what_people_decide_counts_where_they_decide_it() -> None:
    """A handoff that a person approved as it was counts against the side that handed it off."""
    progress = Progress(CANARY, GATES)
    ticket = Handoff("ticket-1", HandoffState.OPEN, NOW)
    handed = [single(n, mine=n % 2 == 0, verdict=Verdict.HUMAN_HANDOFF, handoff=ticket) for n in range(40)]
    index = count(4)
    for record in handed:
        progress.add(next(index), record)
    for n, record in enumerate(handed):
        told = read_single(record)
        assert told is not None
        progress.add(next(index), resolved(told.review_id, "approve_as_is" if n % 2 == 0 else "reject"))
    figure = next(one for one in progress.outlook.figures if one.gate.measure is Measure.OVERTURNED and not one.segment)
    assert (figure.candidate, figure.baseline) == (1.0, 0.0)


def test_a_shadow_agrees_with_people_or_not() -> None:
    """Of two judges of one draft the one that a person contradicts is worse."""
    progress = Progress(SHADOW, GATES)
    progress.add(4, pair(1, Verdict.APPROVE, Verdict.HUMAN_HANDOFF))
    told = read_pair(pair(1, Verdict.APPROVE, Verdict.HUMAN_HANDOFF))
    assert told is not None
    progress.add(5, resolved(told.review_id, "approve_as_is"))
    figure = next(one for one in progress.outlook.figures if one.gate.measure is Measure.OVERTURNED and not one.segment)
    assert (figure.candidate, figure.baseline, figure.candidate_n) == (0.0, 1.0, 1)


def test_costs_and_refusals_are_compared() -> None:
    """Costs count as shares of their cap, and reasons about criteria that mean a refusal as refusals."""
    refusal = Reason(Cause.POLICY, Effect.REVISE, "answer_quality/unneeded_refusal_absent", None, "It refuses.")
    gates = replaced(min_n=1)
    dear = replace(CALL, cost_micro_usd=250_000, latency_us=60_000_000)
    answered = review(1, calls=(replace(CALL, cost_micro_usd=0, latency_us=0),), reasons=())
    shadow = review(1, calls=(dear,), reasons=(refusal,), release=CANDIDATE)
    progress = Progress(SHADOW, gates)
    progress.add(4, shadow_entry("s", NOW, SHADOW, answered, shadow).record)
    found = {one.gate.measure: (one.candidate, one.baseline) for one in progress.outlook.figures if not one.segment}
    assert found[Measure.COST] == (1.0, 0.0)
    assert found[Measure.LATENCY] == (1.0, 0.0)
    assert found[Measure.OVER_REFUSAL] == (1.0, 0.0)
    assert found[Measure.NON_ANSWER] == (0.0, 0.0)


def replaced(**fields: Any) -> RolloutGates:
    return DEFAULT_GATES.model_copy(update=fields)


def test_answers_taken_over_cost_what_they_cost() -> None:
    """A shadow that took its answers over is not held to be cheaper than what it was taken from."""
    answered = review(1, calls=(CALL,))
    shadow = replace(review(1, release=CANDIDATE), calls=(), reused_from=answered.name)
    entry = shadow_entry("s", NOW, SHADOW, answered, shadow)
    told = read_pair(entry.record)
    assert told is not None
    assert told.candidate.cost_micro_usd == told.baseline.cost_micro_usd == CALL.cost_micro_usd
    assert entry.spent.micro_usd == 0


def test_a_shadow_is_no_verdict() -> None:
    """The record of a shadow holds no verdict of its own, no request id and no text, and is about its review."""
    entry = shadow_entry("s", NOW, SHADOW, review(1), review(2, release=CANDIDATE))
    assert (entry.facets.verdict, entry.request_id, entry.content, entry.kind) == ("", "", b"", "shadow")
    assert entry.facets.about == (review(1).name,)
    assert read_single(entry.record) is None
    assert set(orjson.loads(entry.record)["candidate"]) == {"verdict", "criteria", "cost_micro_usd", "model_us"}


def test_gates_that_ask_for_nothing_are_refused() -> None:
    """Two gates of one measure, and a gate that nothing could fail, are faults of the file."""
    with pytest.raises(ValidationError, match="stand twice"):
        RolloutGates(gates=(RolloutGate(measure=Measure.COST), RolloutGate(measure=Measure.COST)))
    with pytest.raises(ValidationError, match="must be below 1"):
        RolloutGate(measure=Measure.COST, tolerance=0.5, effect=0.5)
