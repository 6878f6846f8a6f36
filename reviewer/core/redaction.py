"""Redaction: `RawDraft` -> `RedactedDraft`, the only form of a request that a model may see.

Invariants:

* every text of the request becomes exactly one `Passage`, the draft's last;
* one value has one placeholder in the whole request, so that a critic can still compare draft and source;
* a placeholder never collides with text that the caller wrote;
* what cannot be scanned (an image of confidential material) makes the report incomplete, which leads to a handoff.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from reviewer.core.detection import Hit, find, region_of
from reviewer.core.draft import DataClass, ImagePart, RawDraft, ReviewRequest, Role, TextPart, ToolCall, ToolResult
from reviewer.core.passage import NAME, TITLE, Passage, RedactedDraft, RedactionReport, SourceMeta, Substitution
from reviewer.core.rubric import Place

_LITERAL_PLACEHOLDER = re.compile(r"\[(?:SECRET|EMAIL|IBAN|CARD|CNPJ|CPF|SSN|PHONE)_(\d{1,9})\]")
_FOLD = re.compile(r"[\s.\-()/+]+")
_MAY_CARRY_IMAGES = (DataClass.PUBLIC, DataClass.INTERNAL)


class _Placeholders:
    """Hands out one placeholder a value, skipping numbers that the caller's own text uses."""

    def __init__(self, public_values: Iterable[str]) -> None:
        self._public = {_fold(value) for value in public_values}
        self._by_value: dict[tuple[str, str], str] = {}
        self._next: Counter[str] = Counter()
        self._floor = 0

    def reserve(self, text: str) -> None:
        """Never hand out a number that stands in `text` as a literal placeholder."""
        for match in _LITERAL_PLACEHOLDER.finditer(text):
            self._floor = max(self._floor, int(match.group(1)))

    def for_value(self, kind: str, value: str) -> str | None:
        """Return the placeholder of a value, or None where the value is public."""
        folded = _fold(value)
        if folded in self._public:
            return None
        key = (kind, folded)
        if key not in self._by_value:
            self._next[kind] += 1
            self._by_value[key] = f"[{kind.upper()}_{self._floor + self._next[kind]}]"
        return self._by_value[key]


def _fold(value: str) -> str:
    return _FOLD.sub("", value).casefold()


def redact(request: ReviewRequest, public_values: Iterable[str] = ()) -> RedactedDraft:
    """Replace personal data and secrets in everything that a check or a critic will see.

    Args:
        request: as converted at the edge; its locale chooses the phone plan.
        public_values: values that stay (published hotlines), compared without white space and punctuation.

    Returns:
        Passages in reading order: conversation, sources, proposed tool calls, draft. Cost is linear in the text.
    """
    raw = request.draft
    unredacted = list(_texts(raw))
    placeholders = _Placeholders(public_values)
    for _, _, _, text in unredacted:
        if "_" in text and "[" in text:
            placeholders.reserve(text)
    region = region_of(request.locale)
    passages = tuple(_redact_text(*item, region, placeholders) for item in unredacted)
    images = tuple(p for m in raw.conversation for p in m.parts if isinstance(p, ImagePart))
    return RedactedDraft(
        passages=passages,
        tool_calls=_redacted_calls(raw.tool_calls, passages),
        sources=tuple(SourceMeta(s.id, s.title, s.uri, s.retrieved_at) for s in raw.sources),
        images=images,
        drafter=raw.drafter,
        finish_reason=raw.finish_reason,
        report=_report(passages, images, request.data_class),
        by_place=_by_place(passages),
    )


def _texts(raw: RawDraft) -> Iterable[tuple[Place, str, Role | None, str]]:
    """Yield every text of the request with its address, in reading order, the draft last."""
    for turn, message in enumerate(raw.conversation):
        for index, part in enumerate(message.parts):
            ref = f"m{turn}.{index}"
            if isinstance(part, TextPart):
                yield Place.CONVERSATION, ref, message.role, part.text
            elif isinstance(part, ToolCall):
                yield Place.CONVERSATION, ref, message.role, f"{part.name} {part.arguments_json}"
            elif isinstance(part, ToolResult):
                yield Place.TOOL_RESULT, ref, message.role, part.text
    # Titles and tool names come from outside like the text below them: they are passages of their own.
    for source in raw.sources:
        if source.title:
            yield Place.SOURCE, source.id + TITLE, None, source.title
        yield Place.SOURCE, source.id, None, source.text
    for call in raw.tool_calls:
        yield Place.TOOL_CALL, call.id + NAME, None, call.name
        yield Place.TOOL_CALL, call.id, None, call.arguments_json
    yield Place.DRAFT, "draft", None, raw.text


def _redact_text(
    place: Place, ref: str, role: Role | None, text: str, region: str, placeholders: _Placeholders
) -> Passage:
    hits = find(text, region)
    if not hits:
        return Passage(place, ref, text, role)
    pieces: list[str] = []
    substitutions: list[Substitution] = []
    at = length = 0
    for hit in hits:
        placeholder = placeholders.for_value(hit.kind, text[hit.start : hit.end])
        if placeholder is None:
            continue
        shown = f'"{placeholder}"' if place is Place.TOOL_CALL and _is_bare_json(text, hit) else placeholder
        pieces += (text[at : hit.start], shown)
        start = length + hit.start - at
        length = start + len(shown)
        substitutions.append(Substitution(hit.kind, placeholder, start, length, hit.start, hit.end))
        at = hit.end
    pieces.append(text[at:])
    return Passage(place, ref, "".join(pieces), role, tuple(substitutions))


def _is_bare_json(text: str, hit: Hit) -> bool:
    """Whether a hit is an unquoted JSON number, whose placeholder must become a string to keep the JSON valid."""
    before, after = text[: hit.start].rstrip()[-1:], text[hit.end :].lstrip()[:1]
    return before in {":", ",", "["} and after in {",", "}", "]"}


def _redacted_calls(calls: tuple[ToolCall, ...], passages: tuple[Passage, ...]) -> tuple[ToolCall, ...]:
    if not calls:
        return ()
    # `_texts` yields name and arguments of each call in turn.
    texts = [p.text for p in passages if p.place is Place.TOOL_CALL][1::2]
    return tuple(ToolCall(call.id, call.name, text) for call, text in zip(calls, texts, strict=True))


def _by_place(passages: tuple[Passage, ...]) -> dict[Place, tuple[Passage, ...]]:
    groups: dict[Place, list[Passage]] = {}
    for passage in passages:
        groups.setdefault(passage.place, []).append(passage)
    return {place: tuple(group) for place, group in groups.items()}


def _report(
    passages: tuple[Passage, ...], images: tuple[ImagePart, ...], data_class: DataClass | None
) -> RedactionReport:
    counts = Counter((p.place, s.kind) for p in passages for s in p.substitutions)
    rows = tuple((place, kind, n) for (place, kind), n in sorted(counts.items())) if counts else ()
    if images and data_class not in _MAY_CARRY_IMAGES:
        return RedactionReport(rows, complete=False, incomplete_because="images of this data class cannot be redacted")
    return RedactionReport(rows)
