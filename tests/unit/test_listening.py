"""Listening to critiques that a test writes itself: what ends them, what is told of them, and what is left of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from types import TracebackType
from typing import Self

import pytest

from reviewer.consultation import Brief, Consultant, Consultation
from reviewer.core.choice import Candidate
from reviewer.core.draft import Tier
from reviewer.core.finding import Finding, Outcome
from reviewer.core.outcome import FailureKind, Malformed, Refused, Reply, Stopped, StopReason, Unavailable, Usage
from reviewer.core.prompt import Prompt, divide
from reviewer.core.questionnaire import build, split
from reviewer.core.routing import ReviewerSpec
from reviewer.core.verification import QuoteFinder
from reviewer.listening import Audience, gather
from reviewer.providers.breaker import BreakerPolicy
from reviewer.providers.interface import Listener, ProviderError
from reviewer.providers.line import LinePolicy
from tests.support.builders import CATALOGUE, criterion, index_of, plan_of, rubric
from tests.support.small_review import NONCE, rendered

DRAFT = "Rest, and drink plenty of water. Take as many tablets as you like."
QUOTED = "as many tablets as you like"
QUESTIONS = rubric(
    criterion("first"),
    criterion("second", "major"),
    criterion("third", on_fail="revise"),
    criterion("fourth", "minor"),
)
PLAN = plan_of(QUESTIONS, early_exit=True)
PATIENT = plan_of(QUESTIONS)
INDEX = index_of(DRAFT)
CANDIDATE = Candidate(ReviewerSpec(id="critic", provider="anthropic", model="critic-1"), CATALOGUE.models[0])
WHOLE = rendered(questionnaire=build((QUESTIONS,), "")).prompt
BREAKS = "\x00"
"""Where the connection is lost in a text."""
INATTENTIVE = ' {"findings":[],"quoted":[],"met":[],"steering":null,"unreadable_parts":[]}'
"""A whole reply that fails the attention checks, which is not asked for again."""
Written = str | FailureKind | None


def row(alias: str, outcome: str = "NOT_MET", quoted: str = QUOTED) -> str:
    evidence = [{"place": "draft", "seg": "d1", "text": quoted}]
    return json.dumps({"c": alias, "evidence": evidence, "why": "so", "outcome": outcome, "fix": None})


def rows(*written: str) -> str:
    """Return the beginning of a reply that holds these findings."""
    return '{"findings":[' + ",".join(written)


@dataclass
class Writer:
    """A provider that writes what a test says, by group and attempt, and is then silent.

    Attributes:
        scripts: one a group, by its first alias: a text, a failure, or None for not a word; the last one stays.
    """

    scripts: dict[str, list[Written]]
    name: str = "anthropic"
    simulated: bool = True
    left: int = 0
    asked: list[str] = field(default_factory=list)

    async def count(self, model: str, prompt: Prompt) -> int | None:
        raise AssertionError(f"nobody asked to count for {model}, {len(prompt.blocks)} blocks")

    async def complete(self, model: str, prompt: Prompt, listener: Listener | None = None) -> Reply:
        group = next(iter(prompt.asked))
        self.asked.append(group)
        script = self.scripts[group]
        said = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(said, FailureKind):
            raise ProviderError(said, "failed")
        assert listener is not None
        # Silent groups come first: what ends them must find them waiting.
        await asyncio.sleep(0)
        for piece in said or "":
            if piece == BREAKS:
                raise ProviderError(FailureKind.CONNECTION, "broken")
            if listener.heard(piece):
                return Reply("", StopReason.ENDED_EARLY, "ended_early", model, "r", Usage())
        if said is not None and not said.startswith("{"):
            return Reply(said, StopReason.COMPLETE, "stop", model, "r", Usage())
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.left += 1
            raise
        raise AssertionError

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass


@dataclass
class Held:
    """One consultation: what it came to, and what was told meanwhile."""

    consultation: Consultation
    told: list[Finding]
    writer: Writer


def consultant_of(writer: Writer, max_attempts: int, breaker: BreakerPolicy) -> Consultant:
    return Consultant(
        {"anthropic": writer},
        max_attempts=max_attempts,
        min_model_s=0.1,
        breaker=breaker,
        lines=LinePolicy(hedge_percentile=50),
        rng=Random(1),
    )


async def hold(
    scripts: Sequence[Sequence[Written]], *, early: bool = True, max_attempts: int = 1, seconds: float = 10
) -> Held:
    """Ask as many groups as there are scripts, for that long at most."""
    groups = split(WHOLE.questionnaire, len(scripts), frozenset())
    prompts = divide(WHOLE, INDEX, [(group, NONCE) for group in groups])
    writer = Writer({next(iter(group)): list(script) for group, script in zip(groups, scripts, strict=True)})
    consultant = Consultant(
        {"anthropic": writer},
        max_attempts=max_attempts,
        min_model_s=0.1,
        breaker=BreakerPolicy(1, 60),
        lines=LinePolicy(),
        rng=Random(1),
    )
    told: list[Finding] = []
    audience = Audience(PLAN if early else PATIENT, frozenset(), QuoteFinder(INDEX), told.append)
    deadline = asyncio.get_running_loop().time() + seconds
    brief = Brief(prompts, Tier.HIGH, deadline, audience=audience)
    before = asyncio.all_tasks()
    consultation = await consultant.consult(CANDIDATE, brief)
    assert asyncio.all_tasks() == before
    return Held(consultation, told, writer)


def answered(held: Held) -> list[tuple[str, Outcome]]:
    outcome = held.consultation.outcome
    assert isinstance(outcome, Stopped), outcome
    return [(answer.criterion, answer.outcome) for answer in outcome.answers]


async def test_the_rest_is_not_heard() -> None:
    """The call ends with the deciding answer; those before it are kept and told, those behind it are not."""
    held = await hold([[rows(row("c2"), row("c3"), row("c1"))]])

    assert answered(held) == [("probe/second", Outcome.NOT_MET), ("probe/third", Outcome.NOT_MET)]
    assert [finding.criterion for finding in held.told] == ["probe/second", "probe/third"]
    assert [call.stop for call in held.consultation.calls] == ["ended_early"]
    assert held.consultation.calls[0].cost_micro_usd is None


async def test_silent_groups_are_left() -> None:
    """Groups that have not said a word end with the one that decides; each has its call on record."""
    async with asyncio.timeout(5):
        held = await hold([[None], [rows(row("c2"))], [rows(row("c3"))], [None]], seconds=60)

    assert answered(held) == [("probe/second", Outcome.NOT_MET), ("probe/third", Outcome.NOT_MET)]
    assert [call.stop for call in held.consultation.calls] == ["ended_early"] * 4
    assert held.writer.left == 3


@pytest.mark.parametrize(
    ("other", "kind"),
    [(FailureKind.REFUSED, Refused), (FailureKind.TOO_LARGE, Unavailable), (INATTENTIVE, Malformed)],
    ids=["refused", "too_large", "inattentive"],
)
async def test_what_another_group_said_of_the_draft_counts_for_more(other: Written, kind: type[object]) -> None:
    """A group that refused or could not be read fails the critique, although another one's answer decided."""
    assert isinstance((await hold([[other], [rows(row("c3"))]])).consultation.outcome, kind)


async def test_an_outage_of_another_group_counts_for_less() -> None:
    """A group that could not be reached would have been replaced: the answer that decides makes that needless."""
    assert answered(await hold([[FailureKind.REJECTED], [rows(row("c3"))]])) == [("probe/third", Outcome.NOT_MET)]


async def test_a_new_attempt_is_heard_anew() -> None:
    """What a broken call had said is no part of the outcome; the observer is told of each attempt's findings."""
    held = await hold([[rows(row("c2"), row("c1", "MET")) + BREAKS, rows(row("c1"))]], max_attempts=2)

    assert answered(held) == [("probe/first", Outcome.NOT_MET)]
    assert [finding.outcome for finding in held.told] == [Outcome.NOT_MET, Outcome.MET, Outcome.NOT_MET]
    assert [call.failure for call in held.consultation.calls] == [FailureKind.CONNECTION, None]


async def test_a_repair_can_be_ended_too() -> None:
    """Where a first answer could not be read, the second one may decide."""
    held = await hold([["no JSON at all", rows(row("c1"))]])

    assert answered(held) == [("probe/first", Outcome.NOT_MET)]
    assert [(call.purpose, call.stop) for call in held.consultation.calls] == [
        ("critique", "stop"),
        ("repair", "ended_early"),
    ]


@pytest.mark.parametrize(
    "written",
    [
        rows(row("c1", "UNCERTAIN")),
        rows(row("c1", quoted="words that stand nowhere")),
        rows(row("c2")),
        rows(row("c1", "MET"), row("c1")),
        rows(row("c99")),
        "Not JSON: " + rows(row("c1")),
    ],
    ids=["uncertain", "unverified", "major", "contradicted", "unknown", "prose"],
)
async def test_nothing_less_decides(written: str) -> None:
    """Doubts, invented quotes, lesser criteria, contradictions and unreadable replies are waited for to the end."""
    assert isinstance((await hold([[written]], seconds=0.3)).consultation.outcome, Unavailable | Malformed)


async def test_without_early_exit_findings_are_only_told() -> None:
    """On other routes a listener hears all and ends nothing."""
    held = await hold([[rows(row("c1"), row("c3"))]], early=False, seconds=0.3)

    assert [finding.criterion for finding in held.told] == ["probe/first", "probe/third"]
    assert held.consultation.outcome == Unavailable(
        FailureKind.DEADLINE, "the second model had not answered before the deadline"
    )


async def test_an_early_end_says_nothing_of_the_model() -> None:
    """To the breaker a critique that we ended is neither a success, which would forgive failures, nor a failure."""
    outcomes = []
    writer = Writer({"c1": [FailureKind.CONNECTION, rows(row("c1")), FailureKind.CONNECTION, None]})
    consultant = Consultant(
        {"anthropic": writer},
        max_attempts=1,
        min_model_s=0.1,
        breaker=BreakerPolicy(2, 60),
        lines=LinePolicy(),
        rng=Random(1),
    )
    for _ in range(4):
        audience = gather(PLAN, frozenset(), INDEX, None)
        brief = Brief((WHOLE,), Tier.HIGH, asyncio.get_running_loop().time() + 10, audience=audience)
        outcomes.append((await consultant.consult(CANDIDATE, brief)).outcome)

    assert isinstance(outcomes[1], Stopped)
    assert [o.kind for o in outcomes if isinstance(o, Unavailable)] == [
        FailureKind.CONNECTION,
        FailureKind.CONNECTION,
        FailureKind.BREAKER_OPEN,
    ]


def test_nobody_gathers_without_a_reason() -> None:
    """Calls stay plain unless somebody wants the findings or the route may end early."""
    assert gather(PATIENT, frozenset(), INDEX, None) is None
    assert gather(PATIENT, frozenset(), INDEX, print) is not None
    assert gather(PLAN, frozenset(), INDEX, None) is not None
