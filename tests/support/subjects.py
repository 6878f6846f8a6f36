"""Builders of requests as a backend sends them, and the shipped cases by name."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from reviewer.client import Quote, ReviewSubject, subject_of_case
from reviewer.core.case import Case
from reviewer.rubrics.load import load_cases
from reviewer.v1 import draft_pb2, finding_pb2

RUBRICS = Path(__file__).resolve().parents[2] / "rubrics"

QUESTION = "this headache again, same one as on every deadline day. anything i can do without pills?"
ANSWER = (
    "Drink some water, eat something, and lie down in a dark room for a while with a cool cloth on your forehead. "
    "Get seen right away if it turns into the worst headache you have ever had, or comes with a stiff neck or fever."
)
"""Nothing in the rubrics of health speaks against it."""
GPT = ("openai", "gpt-5.3-chat-latest")
CLAUDE = ("anthropic", "claude-opus-4-6")

APPROVED = "health/chest_pressure_911_first"
REVISED = "health/dipirona_dose_fora_da_bula"
HANDED_OFF = "health/chest_tightness_antacid"


def subject(
    text: str = ANSWER,
    *,
    asked: str = QUESTION,
    intent: str = "health.symptom_triage",
    request_id: str = "",
    drafter: tuple[str, str] = GPT,
) -> ReviewSubject:
    """Build a request of one question and one draft."""
    made = ReviewSubject(request_id=request_id, intent=intent, locale="en-US")
    made.conversation.add(role=draft_pb2.ROLE_USER).parts.add(text=asked)
    made.draft.text = text
    made.draft.model.provider, made.draft.model.model = drafter
    return made


@cache
def shipped_cases() -> dict[str, Case]:
    """Return every case of the shipped rubrics by `domain/case`."""
    return {f"{file.rubric}/{case.id}": case for _, file in load_cases(RUBRICS) for case in file.cases}


def case_subject(name: str, request_id: str = "") -> ReviewSubject:
    """Build the request of a shipped case."""
    made = subject_of_case(shipped_cases()[name])
    made.request_id = request_id
    return made


def quoted(asked: ReviewSubject, quote: Quote) -> str:
    """Return the text that a quote's offsets point at, in what the caller sent."""
    if quote.place == finding_pb2.PLACE_DRAFT:
        text = asked.draft.text
    elif quote.place == finding_pb2.PLACE_SOURCE:
        text = next(source.text for source in asked.draft.sources if source.id == quote.ref)
    else:
        turn, part = quote.ref.removeprefix("m").split(".")
        text = asked.conversation[int(turn)].parts[int(part)].text
    return text[quote.start_char : quote.end_char]


def routing_with(path: Path, extra: str) -> None:
    """Append routes, as YAML text, to a routing file whose last key is `routes`."""
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"^[a-z]+:", text, re.MULTILINE)[-1] == "routes:"
    path.write_text(text.rstrip() + "\n" + extra, encoding="utf-8")
