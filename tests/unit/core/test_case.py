from __future__ import annotations

import pytest
from pydantic import ValidationError

from reviewer.core.case import Case, CaseDraft

DRAFT: dict[str, object] = {"text": "Rest."}


def case(**changes: object) -> Case:
    content: dict[str, object] = {
        "id": "a_case",
        "intent": "health.dose",
        "conversation": [{"role": "user", "text": "what now"}],
        "draft": DRAFT,
        "expect": {"verdicts": ["APPROVE"]},
    }
    return Case.model_validate(content | changes)


def test_a_case_needs_something_to_review() -> None:
    """A draft of a case has text or proposes a call."""
    assert case().draft == CaseDraft(text="Rest.")
    assert case(draft={"tool_calls": [{"name": "send"}]}).draft.text == ""
    with pytest.raises(ValidationError, match="draft text or a proposed tool call"):
        case(draft={})


@pytest.mark.parametrize(
    "changes",
    [
        {"verdict": "APPROVE"},
        {"intent": "Health"},
        {"conversation": []},
        {"expect": {"verdicts": []}},
        {"expect": {"verdicts": ["APPROVED"]}},
        {"expect": {"verdicts": ["APPROVE"], "findings": {"no_rubric": "MET"}}},
        {"critique": {"health/dose": {"outcome": "MET", "why": "it does", "score": 1}}},
    ],
)
def test_what_a_case_cannot_say_is_refused(changes: dict[str, object]) -> None:
    """Unknown keys, unknown words and empty expectations are faults of the file, not ignored."""
    with pytest.raises(ValidationError):
        case(**changes)
