"""Critiques that find everything met, as short as the instructions ask for, and what a real tokenizer makes of them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

import bpe_openai

from reviewer.checks.runner import run_checks
from reviewer.core.case_request import request_of
from reviewer.core.check import Subject
from reviewer.core.critique import parse
from reviewer.core.draft import ReviewRequest, Tier
from reviewer.core.outcome import Completed, Critique, CritiqueOutcome, Reply, StopReason, Usage
from reviewer.core.prompt import Header, Prompt, render
from reviewer.core.redaction import redact
from reviewer.core.rulebook import Facts, Plan, Rulebook, inapplicable
from reviewer.core.segments import segment
from reviewer.core.verdict import EvidenceSet, Verdict, decide
from reviewer.core.verification import verify_all
from reviewer.rubrics.load import load_cases
from reviewer.simulate.critic import reply_text
from reviewer.simulate.reading import read
from reviewer.simulate.selection import Scene
from tests.support.subjects import RUBRICS

ENCODINGS = ("o200k_base", "cl100k_base")
_NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
_NONCE = bytes(range(24))


@dataclass(frozen=True, slots=True)
class AllMet:
    """One critique that finds everything met.

    Attributes:
        text: the reply, on one line without spaces.
        outcome: what the service reads in it.
        verdict: what follows from it and from the checks.
    """

    prompt: Prompt
    text: str
    outcome: CritiqueOutcome
    verdict: Verdict

    @property
    def quoted(self) -> int:
        """How many criteria were met with a quote."""
        answers = self.outcome.answers if isinstance(self.outcome, Completed) else ()
        return sum([bool(answer.evidence) for answer in answers])

    @property
    def completed(self) -> bool:
        """Whether the service can read it."""
        return isinstance(self.outcome, Completed)

    @property
    def spaced(self) -> str:
        """The same reply from a model that sets spaces although it was asked not to."""
        return json.dumps(json.loads(self.text), ensure_ascii=False)


def tokens(text: str, encoding: str = ENCODINGS[0]) -> int:
    """Count a text's tokens with a vocabulary that GPT models use."""
    return len(_encoding(encoding).encode_ordinary(text))


def longest_token(encoding: str) -> int:
    """Return the bytes of a vocabulary's longest token."""
    return max(map(len, _encoding(encoding).token_byte_values()))


@cache
def _encoding(name: str) -> Any:
    return bpe_openai.get_encoding(name)


def all_met(plan: Plan, request: ReviewRequest) -> AllMet:
    """Find everything met under a plan, with the quotes that are due, and judge it as the service would."""
    facts = Facts(
        request.intent,
        request.locale,
        has_sources=bool(request.draft.sources),
        has_tool_calls=bool(request.draft.tool_calls),
        has_draft_text=bool(request.draft.text.strip()),
    )
    waived = inapplicable(plan, facts)
    draft = redact(request, plan.public_values)
    checked = run_checks(plan, waived, Subject(draft, request.locale, _NOW))
    index = segment(draft)
    not_asked = tuple(alias for alias, asked in plan.questionnaire.aliases.items() if asked.key in waived)
    header = Header(request.intent, plan.tier.label, request.locale, _NOW, not_asked)
    prompt = render(plan.questionnaire, index, (), header, _NONCE, 4096)
    text = reply_text(read(prompt.questionnaire.prefix, prompt.blocks), Scene(answers={}))
    outcome = parse(Reply(text, StopReason.COMPLETE, "stop", "m", "r", Usage(), simulated=True), prompt)
    critiques = (Critique("m", outcome),)
    findings = (*checked.findings, *verify_all(critiques, index, plan, waived))
    decision = decide(EvidenceSet(plan, facts, findings, critiques, checked.troubles, waived=waived))
    return AllMet(prompt, text, outcome, decision.verdict)


@cache
def approvable(domain: str) -> tuple[ReviewRequest, ...]:
    """Return the requests of a shipped domain's cases that are to be approved."""
    return tuple(
        request_of(case)
        for _, file in load_cases(RUBRICS)
        if file.rubric == domain
        for case in file.cases
        if case.expect.verdicts == ("APPROVE",)
    )


def of_route(rulebook: Rulebook, route_id: str) -> AllMet:
    """Find everything met on a shipped route: for the first request that is approved there, or else for the first."""
    route = next(route for route in rulebook.routing.all_routes if route.id == route_id)
    intent = route.intents[0].replace("*", "any")
    tried: list[AllMet] = []
    for request in approvable(route.domain):
        plan = rulebook.plan(intent, Tier.HIGH, request.locale, b"")
        assert plan.route.id == route_id
        tried.append(all_met(plan, replace(request, intent=intent)))
        if tried[-1].verdict is Verdict.APPROVE:
            return tried[-1]
    return tried[0]
