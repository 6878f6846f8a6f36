"""Lint of deterministic checks: patterns that do too much or nothing, and examples that their own check contradicts.

Patterns are RE2, so that none of them can be slow beyond a constant; what is left to say is how large that constant is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

import re2

from reviewer.checks.patterns import compile_own
from reviewer.core.check import Check, Flagged, Passed, Subject
from reviewer.core.draft import DataClass, Drafter, RawDraft, ReviewRequest
from reviewer.core.errors import Fault
from reviewer.core.finding import Outcome
from reviewer.core.placement import FieldPath
from reviewer.core.redaction import redact
from reviewer.core.rubric import Criterion, Judge, Kind, Rubric, WorkedExample
from reviewer.rubrics.files import Loaded

MAX_PROGRAM = 2_000
"""Instructions of a compiled pattern: about what a list of 150 words comes to."""
MAX_COMPARED = 64
"""Longer groups are only searched for patterns that stand twice, so that comparing stays cheap."""

# Checks that look at the draft alone: an example has no sources, no conversation and no tool calls.
_OF_THE_DRAFT = frozenset(
    {"refusal", "non_answer", "over_caveating", "sensitive_data", "forbidden_text", "hidden_text"}
)
_LITERAL = re.compile(r"[^\\.^$*+?{}\[\]|()]+")
_ANCHORED = re.compile(r"[\^$]|\\[bBAz]")


@dataclass(frozen=True, slots=True)
class _Group:
    """Patterns of one argument and locale, and where they stand."""

    path: FieldPath
    argument: str
    locale: str
    patterns: tuple[str, ...]


def check_faults(rubric: Loaded[Rubric], checks: Mapping[str, Check], today: date) -> tuple[list[Fault], list[Fault]]:
    """Return errors and warnings about the patterns and examples of a rubric.

    Args:
        checks: compiled, by `rubric/criterion`; criteria whose check could not be built are passed over.
        today: UTC date at which examples are checked.
    """
    errors: list[Fault] = []
    warnings: list[Fault] = []
    forbidden: list[_Group] = []
    required: list[_Group] = []
    for at, criterion in enumerate(rubric.model.criteria):
        check = checks.get(f"{rubric.model.id}/{criterion.id}")
        if check is None:
            continue
        groups = list(_groups(criterion, ("criteria", at, "check", "args")))
        forbidden.extend(group for group in groups if group.argument == "patterns")
        required.extend(group for group in groups if group.argument == "require")
        for group in groups:
            errors.extend(rubric.document.fault(path, message, "RUB312") for path, message in _empty(group))
            warnings.extend(rubric.document.fault(path, message, "RUB313") for path, message in _large(group))
            warnings.extend(rubric.document.fault(path, message, "RUB314") for path, message in _covered(group))
        for number, message in _contradictions(criterion, check, today):
            errors.append(rubric.document.fault(("criteria", at, "examples", number), message, "RUB310"))
    errors.extend(rubric.document.fault(path, message, "RUB315") for path, message in _impossible(required, forbidden))
    return errors, warnings


def _groups(criterion: Criterion, base: FieldPath) -> Iterator[_Group]:
    """Yield the groups of patterns of `forbidden_text` and `required_text`."""
    if criterion.check is None or criterion.check.id not in ("forbidden_text", "required_text"):
        return
    for argument in ("patterns", "when", "require"):
        by_locale = criterion.check.args.get(argument)
        for locale, patterns in by_locale.items() if isinstance(by_locale, dict) else ():
            texts = tuple(text for text in patterns if isinstance(text, str)) if isinstance(patterns, list) else ()
            yield _Group((*base, argument, locale), argument, locale, texts)


def _empty(group: _Group) -> Iterator[tuple[FieldPath, str]]:
    for at, pattern in enumerate(group.patterns):
        if compile_own(pattern).search("") is not None:
            yield (*group.path, at), "pattern matches the empty text, so every text"


def _large(group: _Group) -> Iterator[tuple[FieldPath, str]]:
    for at, pattern in enumerate(group.patterns):
        size: int = re2.compile(pattern).programsize
        if size > MAX_PROGRAM:
            yield (*group.path, at), f"pattern compiles to {size:,} instructions; more than {MAX_PROGRAM:,} are slow"


def _covered(group: _Group) -> Iterator[tuple[FieldPath, str]]:
    seen: dict[str, int] = {}
    for at, pattern in enumerate(group.patterns):
        first = seen.setdefault(pattern.lower(), at)
        if first != at:
            yield (*group.path, at), f"pattern already stands at [{first}]"
        elif len(group.patterns) <= MAX_COMPARED and (other := _wider(at, pattern, group.patterns)) is not None:
            yield (*group.path, at), f"whatever it matches, [{other}] matches as well"


def _wider(at: int, pattern: str, patterns: Sequence[str]) -> int | None:
    """Return another pattern that matches wherever this one does; only seen where this one is plain text."""
    if not _LITERAL.fullmatch(pattern):
        return None
    for number, other in enumerate(patterns):
        same = other.lower() == pattern.lower()
        if number != at and not same and not _ANCHORED.search(other) and compile_own(other).search(pattern) is not None:
            return number
    return None


def _impossible(required: Sequence[_Group], forbidden: Sequence[_Group]) -> Iterator[tuple[FieldPath, str]]:
    """Yield groups of required wording, plain text all of it, that is forbidden in the same locale."""
    for group in required:
        patterns = [p for other in forbidden if other.locale in ("*", group.locale) for p in other.patterns]
        if not patterns or not all(_LITERAL.fullmatch(text) for text in group.patterns):
            continue
        stop = compile_own(*patterns)
        if group.patterns and all(stop.search(text) is not None for text in group.patterns):
            yield group.path, "all of this wording is forbidden by another check of the rubric"


def _contradictions(criterion: Criterion, check: Check, today: date) -> Iterator[tuple[int, str]]:
    """Yield examples that the criterion's own check answers the other way round.

    Where the critic judges as well, it may object to what the check passes: that is why it is asked.
    """
    if criterion.check is None or criterion.check.id not in _OF_THE_DRAFT:
        return
    for number, example in enumerate(criterion.examples):
        outcome = check(_subject(example, today))
        failed = isinstance(outcome, Flagged) and outcome.outcome is Outcome.NOT_MET
        if example.outcome == "MET" and failed:
            yield number, "the example is MET, and the criterion's check fails it"
        alone = criterion.judge is Judge.CHECK and criterion.kind is Kind.ABSENCE
        if example.outcome == "NOT_MET" and alone and isinstance(outcome, Passed):
            yield number, "the example is NOT_MET, and the criterion's check passes it"


def _subject(example: WorkedExample, today: date) -> Subject:
    draft = RawDraft(
        text=example.draft,
        tool_calls=(),
        conversation=(),
        sources=(),
        drafter=Drafter("", ""),
        finish_reason="stop",
    )
    request = ReviewRequest(
        request_id="",
        content_digest=draft.digest(),
        tenant="lint",
        intent="lint",
        draft=draft,
        locale="",
        data_class=DataClass.PUBLIC,
    )
    return Subject(redact(request, ()), "", datetime.combine(today, time(), UTC))
