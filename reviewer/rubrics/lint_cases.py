"""Lint of labelled cases: they must speak of criteria that exist and quote what they hold, and cover the rubric."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from reviewer.core.baseline import BASELINE
from reviewer.core.case import Case, CaseFile
from reviewer.core.errors import Fault
from reviewer.core.placement import FieldPath
from reviewer.core.routing import intent_matches
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
            message = f"rubric {loaded.model.rubric} differs from the folder {folder}"
            yield loaded.document.fault(("rubric",), message, "RUB401")
        rubric = rubrics.get(folder)
        own = _keys(rubric.model) if rubric is not None else None
        for at, case in enumerate(loaded.model.cases):
            path = ("cases", at)
            if case.id in seen:
                message = f"case {case.id} already stands in {seen[case.id]}"
                yield loaded.document.fault((*path, "id"), message, "RUB402")
            seen[case.id] = name
            for inner, message in _quote_faults(case):
                yield loaded.document.fault((*path, *inner), message, "RUB404")
            for inner, message in _key_faults(case, own) if own is not None else ():
                yield loaded.document.fault((*path, *inner), message, "RUB403")


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
    """Yield criteria that no case sees fail, overlays that no case uses, and cases that a rubric is not made for."""
    of: dict[str, list[Loaded[CaseFile]]] = {}
    for loaded in files.values():
        of.setdefault(loaded.model.rubric, []).append(loaded)
    cases = {folder: [case for loaded in of.get(folder, ()) for case in loaded.model.cases] for folder in rubrics}
    exercised = {place for folder, rubric in rubrics.items() for place in _exercised(rubric, cases[folder])}
    for folder, rubric in rubrics.items():
        own = of.get(folder, [])
        yield from _unexercised(rubric, cases[folder], exercised)
        for loaded in own:
            yield from _misfits(rubric.model, loaded)


def _exercised(rubric: Loaded[Rubric], cases: Sequence[Case]) -> Iterator[str]:
    """Yield where the criteria stand that some case sees fail; one that is taken over stands in its base."""
    failing = {key for case in cases for key in _failing(case)}
    for at, criterion in enumerate(rubric.model.criteria):
        if f"{rubric.model.id}/{criterion.id}" in failing:
            yield rubric.document.where(("criteria", at))


def _unexercised(rubric: Loaded[Rubric], cases: Sequence[Case], exercised: set[str]) -> Iterator[Fault]:
    for at, criterion in enumerate(rubric.model.criteria):
        if rubric.document.where(("criteria", at)) not in exercised:
            message = f"no case in which {criterion.id} is not met or uncertain"
            yield rubric.document.fault(("criteria", at), message, "RUB405")
    used = {tag for case in cases for tag in _tags(case.locale)}
    for tag in rubric.model.locales:
        if fold_locale(tag) not in used and ("locales", tag) not in rubric.document.others:
            yield rubric.document.fault(("locales", tag), f"no case in the locale {tag}", "RUB406")


def _misfits(rubric: Rubric, loaded: Loaded[CaseFile]) -> Iterator[Fault]:
    """A rubric's own text serves English; any other language of a case is one that an overlay has to know."""
    languages = {fold_locale(tag).partition("-")[0] for tag in rubric.locales} | {"en"}
    for at, case in enumerate(loaded.model.cases):
        if rubric.locales and fold_locale(case.locale).partition("-")[0] not in languages:
            message = f"{rubric.id} has overlays, and none for {case.locale}"
            yield loaded.document.fault(("cases", at, "locale"), message, "RUB408")
        if not any(intent_matches(pattern, case.intent) for pattern in rubric.applies_to.intents):
            message = f"{rubric.id} is written for {', '.join(rubric.applies_to.intents)}, not for {case.intent}"
            yield loaded.document.fault(("cases", at, "intent"), message, "RUB409")


def _tags(locale: str) -> tuple[str, str]:
    folded = fold_locale(locale)
    return folded, folded.partition("-")[0]


def _failing(case: Case) -> Iterator[str]:
    bad = {"NOT_MET", "UNCERTAIN"}
    yield from (key for key, finding in case.critique.items() if finding.outcome in bad)
    yield from (key for key, outcome in case.expect.findings.items() if outcome in bad)
