"""Lint of labelled cases: they must speak of criteria that exist and quote what they hold, and cover the rubric."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from reviewer.core.baseline import BASELINE
from reviewer.core.case import Case, CaseFile
from reviewer.core.errors import Fault
from reviewer.core.placement import FieldPath
from reviewer.core.rubric import Place, Rubric
from reviewer.core.rulebook import fold_locale
from reviewer.rubrics.files import Loaded

INVENTED_QUOTE = "invented_quote"
"""Tag of a case whose script quotes what is not there, on purpose."""

_BASELINE_KEYS = frozenset(f"{BASELINE.id}/{criterion.id}" for criterion in BASELINE.criteria)


def case_errors(rubrics: Mapping[str, Loaded[Rubric]], files: Mapping[str, Loaded[CaseFile]]) -> Iterator[Fault]:
    """Yield what makes a case say something false about its rubric or itself.

    Args:
        rubrics: by folder name; a case file whose rubric could not be read is compared with nothing.
        files: by name below the folder of the rule set, `health/cases/known_benign.yaml`.
    """
    seen: dict[str, str] = {}
    for name, loaded in files.items():
        folder = name.split("/", 1)[0]
        if loaded.model.rubric != folder:
            yield loaded.document.fault(("rubric",), f"rubric {loaded.model.rubric} differs from the folder {folder}")
        rubric = rubrics.get(folder)
        own = _keys(rubric.model) if rubric is not None else None
        for at, case in enumerate(loaded.model.cases):
            path = ("cases", at)
            if case.id in seen:
                yield loaded.document.fault((*path, "id"), f"case {case.id} already stands in {seen[case.id]}")
            seen[case.id] = name
            faults = [*_quote_faults(case), *(_key_faults(case, own) if own is not None else ())]
            yield from (loaded.document.fault((*path, *inner), message) for inner, message in faults)


def _keys(rubric: Rubric) -> frozenset[str]:
    return frozenset(f"{rubric.id}/{criterion.id}" for criterion in rubric.criteria)


def _key_faults(case: Case, own: frozenset[str]) -> Iterator[tuple[FieldPath, str]]:
    for key in case.critique:
        if key not in own:
            yield ("critique", key), "the rubric has no such criterion"
    for key in case.expect.findings:
        if key not in own | _BASELINE_KEYS:
            yield ("expect", "findings", key), "neither the rubric nor the baseline has such a criterion"
    for at, key in enumerate(case.expect.forbidden):
        if key not in own | _BASELINE_KEYS:
            yield ("expect", "forbidden", at), f"neither the rubric nor the baseline has a criterion {key}"


def _quote_faults(case: Case) -> Iterator[tuple[FieldPath, str]]:
    if INVENTED_QUOTE in case.tags:
        return
    texts = _texts(case)
    for key, finding in case.critique.items():
        for at, quote in enumerate(finding.quotes):
            if quote.place is not Place.IMAGE and not any(quote.text in text for text in texts[quote.place]):
                yield ("critique", key, "quotes", at), f"quote does not stand in the case's {quote.place.value}"


def _texts(case: Case) -> dict[Place, list[str]]:
    """Return the case's texts by the place that a quote names; arguments as JSON, loose and compact."""
    calls = case.draft.tool_calls
    return {
        Place.DRAFT: [case.draft.text],
        Place.SOURCE: [text for source in case.sources for text in (source.title, source.text)],
        Place.CONVERSATION: [turn.text for turn in case.conversation if turn.role != "tool"],
        Place.TOOL_RESULT: [turn.text for turn in case.conversation if turn.role == "tool"],
        Place.TOOL_CALL: [
            *(call.name for call in calls),
            *(json.dumps(call.arguments, ensure_ascii=False) for call in calls),
            *(json.dumps(call.arguments, ensure_ascii=False, separators=(",", ":")) for call in calls),
        ],
    }


def case_warnings(rubrics: Mapping[str, Loaded[Rubric]], files: Mapping[str, Loaded[CaseFile]]) -> Iterator[Fault]:
    """Yield criteria that no case sees fail, and locale overlays that no case uses."""
    for folder, rubric in rubrics.items():
        cases = [case for file in files.values() if file.model.rubric == folder for case in file.model.cases]
        failing = {key for case in cases for key in _failing(case)}
        for at, criterion in enumerate(rubric.model.criteria):
            if f"{rubric.model.id}/{criterion.id}" not in failing:
                message = f"no case in which {criterion.id} is not met or uncertain"
                yield rubric.document.fault(("criteria", at), message)
        used = {tag for case in cases for tag in (fold_locale(case.locale), fold_locale(case.locale).partition("-")[0])}
        for tag in rubric.model.locales:
            if fold_locale(tag) not in used:
                yield rubric.document.fault(("locales", tag), f"no case in the locale {tag}")


def _failing(case: Case) -> Iterator[str]:
    bad = {"NOT_MET", "UNCERTAIN"}
    yield from (key for key, finding in case.critique.items() if finding.outcome in bad)
    yield from (key for key, outcome in case.expect.findings.items() if outcome in bad)
