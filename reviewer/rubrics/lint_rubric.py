"""Lint of one rubric's wording: what a critic will misread, and what nobody holds it to.

How patterns and examples agree with the checks is `reviewer.rubrics.lint_checks`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from reviewer.core.errors import Fault
from reviewer.core.placement import FieldPath
from reviewer.core.questionnaire import build
from reviewer.core.routing import Routing, intent_covers
from reviewer.core.rubric import Criterion, EvidenceDemand, Judge, Kind, Rubric, Severity
from reviewer.rubrics.files import Loaded

MAX_QUESTIONNAIRE_BYTES = 64 * 1024
"""About 17,000 tokens of English: what one call asks before it has shown any of the draft."""

# Two clauses, each with its own verb, are two questions; "drug and dose" is one.
_TWO_IDEAS = re.compile(
    r"\b(?:and|or)\s+(?:also\s+|not\s+)?(?:does|do|is|are|has|have|can|gives?|names?|states?|tells?|says?|keeps?|avoids?"
    r"|cites?|warns?|asks?|offers?|explains?|shows?|uses?|includes?|mentions?|free\s+of)\b",
    re.IGNORECASE,
)
_NEGATIVE = re.compile(r"\b(?:does not|doesn't|fails? to|avoids?|never)\b", re.IGNORECASE)
_DOUBLE_NEGATIVE = re.compile(
    r"\b(?:does not|doesn't|never|without|fails? to)\s+(?:\w+\s+){0,3}(?:not|never|fails?|without|avoids?|un\w+ly)\b",
    re.IGNORECASE,
)
_VAGUE = re.compile(
    r"\b(?:appropriate(?:ly)?|as needed|good enough|properly|reasonable care|suitabl[ey])\b", re.IGNORECASE
)


def rubric_warnings(rubric: Loaded[Rubric]) -> Iterator[Fault]:
    """Yield what is unwise in a rubric, whatever else is in the set."""
    model, document = rubric.model, rubric.document
    for at, criterion in enumerate(model.criteria):
        for field, message, code in (*_example_warnings(criterion), *_wording_warnings(criterion)):
            yield document.fault(("criteria", at, *field), message, code)
    for path, facts in (
        ((), model.policy_facts),
        *((("locales", tag), overlay.policy_facts) for tag, overlay in model.locales.items()),
    ):
        for at, fact in enumerate(facts):
            if fact.source is None:
                yield document.fault((*path, "policy_facts", at), "policy fact without a source", "RUB304")
    for at, intent in enumerate(model.applies_to.intents):
        if any(intent_covers(other, intent) for other in model.applies_to.intents if other != intent):
            message = f"{intent} is covered by another pattern of the list"
            yield document.fault(("applies_to", "intents", at), message, "RUB210")
    size = len(build((model,), "").prefix.encode())
    if size > MAX_QUESTIONNAIRE_BYTES:
        message = f"the questionnaire has {size:,} bytes; more than {MAX_QUESTIONNAIRE_BYTES:,} are read carelessly"
        yield document.fault(("criteria",), message, "RUB308")


def reach_warnings(rubric: Loaded[Rubric], routing: Routing) -> Iterator[Fault]:
    """Yield criteria whose conditions no route that runs the rubric can meet."""
    routed = [intent for r in routing.all_routes if rubric.model.id in r.rubrics for intent in r.intents]
    if not routed:
        return
    for at, criterion in enumerate(rubric.model.criteria):
        wanted = criterion.applies_when.intents if criterion.applies_when else ()
        if wanted and not any(intent_covers(a, b) or intent_covers(b, a) for a in wanted for b in routed):
            path = ("criteria", at, "applies_when", "intents")
            message = f"no route that runs {rubric.model.id} has such an intent"
            yield rubric.document.fault(path, message, "RUB311")


def _example_warnings(criterion: Criterion) -> Iterator[tuple[FieldPath, str, str]]:
    if criterion.judge is not Judge.CHECK:
        outcomes = [example.outcome for example in criterion.examples]
        if outcomes.count("MET") != 1 or outcomes.count("NOT_MET") != 1:
            yield ("examples",), "expected one example that is MET and one that is NOT_MET", "RUB301"


def _wording_warnings(criterion: Criterion) -> Iterator[tuple[FieldPath, str, str]]:
    question = criterion.question
    if _TWO_IDEAS.search(question) or question.count("?") > 1:
        yield ("question",), "question joins two ideas: make two criteria of it", "RUB302"
    if double := _DOUBLE_NEGATIVE.search(question):
        yield ("question",), f"question says {double.group(0)!r}: a double negative", "RUB307"
    elif criterion.kind is Kind.PRESENCE and (match := _NEGATIVE.search(question)):
        message = f"presence question says {match.group(0)!r}: ask for what must be there, or make it absence"
        yield ("question",), message, "RUB303"
    for field, text in (("question", question), ("guidance", criterion.guidance or "")):
        if vague := _VAGUE.search(text):
            yield (field,), f"{vague.group(0)!r} is vague: name an observable sign", "RUB305"
    blind = criterion.evidence_rule.on is EvidenceDemand.NONE and criterion.judge is Judge.CRITIC
    if blind and criterion.severity is Severity.BLOCKER:
        yield ("evidence",), "a blocker that nobody has to quote anything for", "RUB306"
