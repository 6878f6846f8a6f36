"""Cases as scripts: what the prompt of a labelled draft shows becomes the key of its critique."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from reviewer.core.case import Case, CaseFile, ScriptedFinding
from reviewer.core.case_request import compact_json, request_of
from reviewer.core.draft import Role
from reviewer.core.errors import Fault, RubricError
from reviewer.core.passage import NAME, TITLE, RedactedDraft
from reviewer.core.redaction import redact
from reviewer.core.rubric import Place
from reviewer.core.segments import segment
from reviewer.simulate.reading import ReadPart, segments_of
from reviewer.simulate.script import CaseKey, Script


def script_for_cases(
    files: Iterable[CaseFile], public_values: Iterable[str] = (), *, always_met: bool = False
) -> Script:
    """Build the script in which every case is answered as it says.

    Args:
        files: any number of suites.
        public_values: values that redaction may leave standing; a case is found with and without them replaced.

    Raises:
        RubricError: two cases would show the same prompt and be answered differently; names both.
    """
    public = tuple(public_values)
    cases: dict[CaseKey, Mapping[str, ScriptedFinding]] = {}
    owners: dict[CaseKey, str] = {}
    faults: list[Fault] = []
    for file in files:
        for case in [worded for own in file.cases for worded in (own, *own.phrasings())]:
            name = f"{file.rubric}/{file.suite}/{case.id}"
            for key, critique in _entries(case, public):
                if cases.setdefault(key, critique) != critique:
                    message = f"shows the same draft and last turn as {owners[key]}, with another critique"
                    faults.append(Fault(name, "draft", message))
                owners.setdefault(key, name)
    if faults:
        raise RubricError(tuple(faults))
    return Script(cases=cases, always_met=always_met)


def _entries(case: Case, public: tuple[str, ...]) -> Iterator[tuple[CaseKey, Mapping[str, ScriptedFinding]]]:
    request = request_of(case)
    for values in ((), public) if public else ((),):
        shown = redact(request, values)
        yield case_key(_shown_parts(shown)), _shown_critique(case, shown)


def _shown_parts(shown: RedactedDraft) -> tuple[ReadPart, ...]:
    """Render and read back, so that a case's key is made from the very lines that a prompt of it shows."""
    return tuple(
        ReadPart(
            part.label,
            part.passage.place,
            part.passage.role.value if part.passage.role else "",
            segments_of(part.rendered()),
        )
        for part in segment(shown).parts
    )


def case_key(parts: Iterable[ReadPart]) -> CaseKey:
    """Return what identifies a prompt among cases."""
    draft = last_turn = ""
    calls: list[str] = []
    for part in parts:
        if part.place is Place.DRAFT:
            draft = part.squashed()
        elif part.place is Place.TOOL_CALL:
            calls.append(_sorted_arguments(part))
        elif part.place is Place.CONVERSATION and part.role == Role.USER:
            last_turn = part.squashed()
    return CaseKey(draft, "\n".join(calls), last_turn)


def _sorted_arguments(part: ReadPart) -> str:
    """Make equal arguments look equal, whatever their spacing and order; text that is no JSON stays as it is."""
    text = part.squashed()
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, sort_keys=True)
    except ValueError:
        return text


def _shown_critique(case: Case, shown: RedactedDraft) -> Mapping[str, ScriptedFinding]:
    """Put placeholders into scripted quotes where redaction put them into the text: a critic sees no other form."""
    replaced = _replacements(case, shown)
    if not replaced:
        return case.critique
    return {key: _shown_finding(finding, replaced) for key, finding in case.critique.items()}


def _shown_finding(finding: ScriptedFinding, replaced: list[tuple[str, str]]) -> ScriptedFinding:
    quotes = []
    for quote in finding.quotes:
        text = quote.text
        for value, placeholder in replaced:
            text = text.replace(value, placeholder)
        quotes.append(quote.model_copy(update={"text": text}))
    return finding.model_copy(update={"quotes": tuple(quotes)})


def _replacements(case: Case, shown: RedactedDraft) -> list[tuple[str, str]]:
    """Return every replaced value with what is shown in its place, longest first."""
    originals = {
        (Place.DRAFT, "draft"): case.draft.text,
        **{(Place.SOURCE, source.id): source.text for source in case.sources},
        **{(Place.SOURCE, source.id + TITLE): source.title for source in case.sources},
        **{(Place.TOOL_CALL, call.id): compact_json(call.arguments) for call in case.draft.tool_calls},
        **{(Place.TOOL_CALL, call.id + NAME): call.name for call in case.draft.tool_calls},
        **{
            (Place.TOOL_RESULT if turn.role == "tool" else Place.CONVERSATION, f"m{number}.0"): turn.text
            for number, turn in enumerate(case.conversation)
        },
    }
    pairs = {
        (originals[p.place, p.ref][sub.original_start : sub.original_end], p.text[sub.start : sub.end])
        for p in shown.passages
        for sub in p.substitutions
    }
    return sorted(pairs, key=lambda pair: (-len(pair[0]), pair))
