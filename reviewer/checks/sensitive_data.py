"""Check `sensitive_data`: does the draft hand out personal data or secrets?

Redaction has already found and typed the values; one value has one placeholder in the whole request, so that "the
user gave it" is a look-up. What redaction leaves in place (published hotlines) is not seen here either.
"""

from __future__ import annotations

from functools import partial
from typing import Literal

from pydantic import Field

from reviewer.checks.quoting import MAX_QUOTES, quote
from reviewer.core.check import Check, CheckOutcome, Flagged, Passed, Subject
from reviewer.core.draft import Role
from reviewer.core.finding import Quote
from reviewer.core.passage import Passage, Substitution
from reviewer.core.rubric import Frozen, Place

_NOTHING = Passed(why="nothing of the listed kinds stands in the draft")
_GIVEN = Passed(why="every value was given by the user or a source")

DataKind = Literal["card", "iban", "ssn", "cpf", "cnpj", "email", "phone", "secret"]


class Args(Frozen):
    """What to look for and where a value may come from.

    Attributes:
        kinds: as `reviewer.core.detection` names them.
        allow_from_conversation: a value that a user turn holds may be repeated; a secret never.
        allow_from_sources: a value that a source holds may be repeated; a secret never.
    """

    kinds: tuple[DataKind, ...] = Field(min_length=1)
    allow_from_conversation: bool = True
    allow_from_sources: bool = True


def build(args: Args) -> Check:
    """Return the check."""
    return partial(_check, args, frozenset(args.kinds))


def _check(args: Args, kinds: frozenset[str], subject: Subject) -> CheckOutcome:
    draft = subject.draft
    if not draft.report.counts:
        return _NOTHING
    suspects = [
        (passage, sub)
        for place in (Place.DRAFT, Place.TOOL_CALL)
        for passage in draft.at(place)
        for sub in passage.substitutions
        if sub.kind in kinds
    ]
    if not suspects:
        return _NOTHING
    allowed = _given(args, subject)
    bad = [(p, s) for p, s in suspects if s.kind == "secret" or s.placeholder not in allowed]
    if not bad:
        return _GIVEN
    return Flagged(_why(bad), _quotes(bad), fix="Remove the values, or point to where the user can find their own.")


def _given(args: Args, subject: Subject) -> set[str]:
    """Return the placeholders of values that the user or a source brought in, as far as the arguments allow them."""
    passages: list[Passage] = []
    if args.allow_from_conversation:
        passages += [p for p in subject.draft.at(Place.CONVERSATION) if p.role is Role.USER]
    if args.allow_from_sources:
        passages += subject.draft.at(Place.SOURCE)
    return {sub.placeholder for passage in passages for sub in passage.substitutions}


def _why(bad: list[tuple[Passage, Substitution]]) -> str:
    names = list(dict.fromkeys(sub.placeholder for _, sub in bad))
    more = f" and {len(names) - MAX_QUOTES} more" if len(names) > MAX_QUOTES else ""
    secret = "; a secret is never repeated" if any(sub.kind == "secret" for _, sub in bad) else ""
    return f"the draft gives values that it may not give: {', '.join(names[:MAX_QUOTES])}{more}{secret}"


def _quotes(bad: list[tuple[Passage, Substitution]]) -> tuple[Quote, ...]:
    first: dict[str, tuple[Passage, Substitution]] = {}
    for passage, sub in bad:
        first.setdefault(sub.placeholder, (passage, sub))
    return tuple(quote(passage, sub.start, sub.end) for passage, sub in list(first.values())[:MAX_QUOTES])
