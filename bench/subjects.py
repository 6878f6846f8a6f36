"""What is reviewed: one everyday draft, drafts of a stated size, and rule sets with a stated number of criteria."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random
from typing import Any, Final

import yaml

from reviewer.v1 import draft_pb2
from reviewer.v1.review_service_pb2 import ReviewSubject

KIB: Final = 1024
INTENT: Final = "finance.investment_information"
BLOCKER: Final = "bench/criterion_0"
"""The first criterion of `rule_set`."""
OBJECTIONABLE: Final = "Money that you need soon rarely belongs into a fund."
"""A sentence of the everyday draft."""

_QUESTION = "ok so whats the difference between an index fund and a savings account, and what does the fund cost me?"
_SOURCE = (
    "The fund follows an index of 500 large companies. The expense ratio is 0.07% a year, taken from the fund's assets "
    "every day. Shares are bought and sold once a day at the closing price. The value of an investment can fall as "
    "well as rise, and past results say nothing certain about future ones. Dividends are paid out every quarter."
)
_DRAFT = (
    "A savings account is a deposit: the bank pays you interest and the balance doesn't drop. An index fund owns a "
    "slice of many companies, so its value moves with the market: it can grow more over the years, and it can also "
    "fall, for years at a time, with no deposit insurance against that.\n\nOn cost: the expense ratio is 0.07% a year, "
    "taken from the fund's assets every day, so you never see a bill [prospectus]. Dividends are paid out every "
    "quarter [prospectus]. A savings account usually has no such fee, but its interest can change at any time.\n\n"
    "Which one fits depends on when you need the money and how much of a drop you could live with. " + OBJECTIONABLE
)
_VOCABULARY = (
    "account balance bank broad calm careful change choice clear company cost customer daily deposit difference early "
    "even fair family fee few first fund gentle growth habit house income index interest invoice kind large later "
    "letter little long market measure money month often open owner paper part plain point price quarter question "
    "quiet record return rise saver share short simple slow small statement steady table term value wage week year"
)
_WORDS = _VOCABULARY.split()
_KINDS = (("absence", "on_not_met"), ("absence", "on_not_met"), ("presence", "on_met"), ("absence", "on_not_met"))
"""Two thirds of the shipped criteria are of kind absence, most others of kind presence."""


def everyday() -> ReviewSubject:
    """Return a short question, one source, and a draft of three paragraphs, by a model of another family."""
    subject = ReviewSubject(intent=INTENT, locale="en-US")
    subject.conversation.add(role=draft_pb2.ROLE_USER).parts.add(text=_QUESTION)
    subject.draft.text = _DRAFT
    subject.draft.model.provider, subject.draft.model.model = "openai", "gpt-5.3-chat-latest"
    subject.draft.sources.add(id="prospectus", title="Prospectus, index fund", text=_SOURCE)
    return subject


def foreign(intent: str) -> ReviewSubject:
    """Return the everyday request under another intent, drafted by a model that every reviewer may judge."""
    subject = everyday()
    subject.intent = intent
    subject.draft.model.provider, subject.draft.model.model = "google", "gemini-2.5-pro"
    return subject


def sized(kib: int) -> ReviewSubject:
    """Return the everyday request with a draft of `kib` KiB of plain sentences in paragraphs, equal at each call."""
    rng = Random(kib)
    paragraphs: list[str] = []
    length = 0
    while length < kib * KIB:
        paragraphs.append(" ".join(_sentence(rng) for _ in range(rng.randint(3, 7))))
        length += len(paragraphs[-1]) + 2
    subject = everyday()
    subject.draft.text = "\n\n".join(paragraphs)[: kib * KIB]
    return subject


def _sentence(rng: Random) -> str:
    words = rng.choices(_WORDS, k=rng.randint(6, 18))
    return f"{' '.join(words).capitalize()}."


def rule_set(directory: Path, shipped: Path, criteria: int) -> None:
    """Write a folder of rules whose only rubric asks `criteria` questions in one call.

    Args:
        directory: to be made.
        shipped: the product's own rules: model catalogue and reviewers are taken from there.
    """
    (directory / "bench").mkdir(parents=True)
    shutil.copy(shipped / "models.yaml", directory)
    routing = yaml.safe_load((shipped / "routing.yaml").read_text(encoding="utf-8"))
    routing["default"] |= {"domain": "bench", "rubrics": ["bench"]}
    routing["routes"] = []
    rubric = {
        "schema": 1,
        "id": "bench",
        "version": "1.0.0",
        "domain": "bench",
        "owner": "benchmark",
        "changed": "2026-11-21",
        "purpose": "Ask a stated number of questions.",
        "applies_to": {"intents": ["*"]},
        "criteria": [_criterion(number) for number in range(criteria)],
    }
    (directory / "routing.yaml").write_text(yaml.safe_dump(routing), encoding="utf-8")
    (directory / "bench" / "rubric.yaml").write_text(yaml.safe_dump(rubric), encoding="utf-8")


def _criterion(number: int) -> dict[str, Any]:
    kind, demand = _KINDS[number % len(_KINDS)]
    return {
        "id": f"criterion_{number}",
        "title": f"Criterion {number}",
        "question": f"Does the draft keep to rule {number} in every one of its sentences?",
        "kind": kind,
        "severity": "blocker" if number == 0 else "major",
        "met_when": [f"Each sentence keeps to rule {number}.", f"Rule {number} does not concern the draft."],
        "not_met_when": [f"One sentence breaks rule {number}.", f"Rule {number} is turned round."],
        "not_counting": [f"A sentence that only speaks of rule {number}."],
        "evidence": {"on": demand},
    }
