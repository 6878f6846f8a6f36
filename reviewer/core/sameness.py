"""Sameness: whether two rule sets put the same question to the critic, so that an answer to one answers the other.

Two questions are the same where everything that is said about them is: the version of the instructions, the rubric
with its purpose and the facts that hold in the locale, and the question itself with its anchors, examples, severity and
demand for evidence. Their number in the questionnaire and their neighbours are not part of that: were they, one new
question would make every recorded answer worthless.
"""

from __future__ import annotations

from reviewer.core.finding import Outcome
from reviewer.core.outcome import Answer
from reviewer.core.questionnaire import PROMPT_VERSION, Question, question_lines
from reviewer.core.rubric import Criterion, Judge, Rubric


def asked_text(rubric: Rubric, criterion: Criterion, tag: str, prompt_version: str = PROMPT_VERSION) -> str:
    """Return all that the critic is told about one question; empty where it is not asked.

    Args:
        tag: locale tag that selects the overlay, empty for none.
    """
    if criterion.judge is Judge.CHECK:
        return ""
    overlay = rubric.overlay(tag)
    local = overlay.guidance.get(criterion.id, "") if overlay else ""
    key = f"{rubric.id}/{criterion.id}"
    shown = overlay.localised(criterion) if overlay else criterion
    question = Question("c", key, shown, Answer(key, Outcome.MET), local)
    facts = [fact.text for fact in rubric.facts(tag)]
    return "\n".join([prompt_version, rubric.purpose, *facts, *question_lines(question)])
