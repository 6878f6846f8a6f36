"""A small rubric and one request under it, rendered as the service would: for tests of whatever answers a prompt."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from reviewer.core.case import Case
from reviewer.core.case_request import request_of
from reviewer.core.critique import parse
from reviewer.core.outcome import CritiqueOutcome, Reply, StopReason, Usage
from reviewer.core.prompt import Header, Prompt, render
from reviewer.core.questionnaire import Questionnaire, build
from reviewer.core.redaction import redact
from reviewer.core.rubric import Rubric
from reviewer.core.segments import SegmentIndex, segment

NONCE = bytes(range(24))


def _criterion(name: str, kind: str, severity: str, **more: object) -> dict[str, object]:
    return {
        "id": name,
        "title": f"Title of {name}",
        "question": f"Is {name} as it should be?",
        "kind": kind,
        "severity": severity,
        "met_when": ["it is so"],
        "not_met_when": ["it is not so"],
        **more,
    }


RUBRIC = Rubric.model_validate(
    {
        "schema": 1,
        "id": "health",
        "version": "1.0.0",
        "domain": "health",
        "owner": "clinical safety",
        "changed": "2026-11-01",
        "purpose": "Answers that people act on.",
        "applies_to": {"intents": ["health.*"]},
        "criteria": [
            _criterion("red_flag", "presence", "blocker"),
            _criterion("no_dose", "absence", "blocker"),
            _criterion("grounded", "grounding", "major", evidence={"on": "both", "places": ["source", "draft"]}),
            _criterion("plain_words", "quality", "minor", evidence={"on": "none"}, na_allowed=True),
            _criterion("right_call", "action", "major"),
            _criterion("counted_by_code", "absence", "minor", judge="check", check={"id": "urls"}, met_when=[]),
        ],
    }
)
QUESTIONNAIRE = build((RUBRIC,), "en-US")
KEYS = tuple(question.key for question in QUESTIONNAIRE.aliases.values())

DRAFT = "Take one tablet of ibuprofen after a meal.\n\nIf the pain lasts longer than three days, see a doctor."
SOURCE = "Ibuprofen leaflet: take it with food. Do not take more than three tablets a day."
QUESTION = "my tooth hurts since monday, can i take something for it"


def case(**changes: Any) -> Case:
    """Build a case about a toothache; `changes` replace whole fields."""
    fields: dict[str, Any] = {
        "id": "toothache",
        "intent": "health.medication_dosage",
        "conversation": [{"role": "user", "text": QUESTION}],
        "sources": [{"id": "leaflet", "title": "Ibuprofen leaflet", "text": SOURCE}],
        "draft": {"text": DRAFT},
        "expect": {"verdicts": ["APPROVE"]},
    }
    return Case.model_validate({**fields, **changes})


@dataclass(frozen=True, slots=True)
class Rendered:
    """One prompt with the segments it shows."""

    prompt: Prompt
    index: SegmentIndex

    def read(self, text: str, stop: StopReason = StopReason.COMPLETE) -> CritiqueOutcome:
        """Read a reply to this prompt as the service would."""
        return parse(Reply(text, stop, stop.value, "m", "sim_1", Usage(), simulated=True), self.prompt)


def rendered(
    of: Case | None = None,
    *,
    nonce: bytes = NONCE,
    not_asked: tuple[str, ...] = (),
    public_values: Iterable[str] = (),
    questionnaire: Questionnaire = QUESTIONNAIRE,
) -> Rendered:
    """Render the prompt of a case, of the toothache by default."""
    request = request_of(of or case())
    index = segment(redact(request, public_values))
    header = Header(request.intent, "high", request.locale, datetime(2026, 11, 21, tzinfo=UTC), not_asked)
    return Rendered(render(questionnaire, index, (), header, nonce, 1_000), index)
