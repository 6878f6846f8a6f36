"""Redaction: `RawDraft` -> `RedactedDraft`, the only form of a request that a model may see.

Invariants:

* every text of the request becomes exactly one `Passage`, the draft's last;
* one value has one placeholder in the whole request, so that a critic can still compare draft and source;
* a placeholder never collides with text that the caller wrote;
* JSON (arguments of tool calls, results of tools) is read as its reader will read it: escapes hide nothing, a
  placeholder stands inside a string or takes a whole number's place, and what was valid JSON stays so;
* what cannot be scanned (an image of confidential material) makes the report incomplete, which leads to a handoff.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from reviewer.core.detection import Hit, ascii_numerals, find, region_of, without_overlaps
from reviewer.core.draft import DataClass, ImagePart, RawDraft, ReviewRequest, Role, TextPart, ToolCall, ToolResult
from reviewer.core.passage import NAME, TITLE, Passage, RedactedDraft, RedactionReport, SourceMeta, Substitution
from reviewer.core.rubric import Place

# Longer numbers need no look: no request holds so many values.
_LITERAL_PLACEHOLDER = re.compile(r"\[(?:SECRET|EMAIL|IBAN|CARD|CNPJ|CPF|SSN|PHONE)_[1-9][0-9]{0,8}\]")
_PUNCTUATION = re.compile(r"[\s.\-()/+]+")
_MAY_CARRY_IMAGES = (DataClass.PUBLIC, DataClass.INTERNAL)

_ESCAPE = re.compile(
    r"\\(?:u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|([\"\\/bfnrt]))"
)
_CONTROLS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_JSON_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|-?[0-9][0-9.eE+\-]*')


@dataclass(frozen=True, slots=True)
class _Text:
    """One text of a request with its address.

    Attributes:
        json_at: where it may be JSON from, None where it is prose.
    """

    place: Place
    ref: str
    role: Role | None
    text: str
    json_at: int | None = None


@dataclass(frozen=True, slots=True)
class _Value:
    """One value to replace.

    Attributes:
        text: as its reader sees it, without escapes.
        start, end: span in the text as received.
        bare: whether the placeholder must bring its own quotes.
    """

    kind: str
    text: str
    start: int
    end: int
    bare: bool = False


class _Placeholders:
    """Hands out one placeholder a value, skipping those that stand in the caller's own text."""

    def __init__(self, public_values: Iterable[str]) -> None:
        self._public = {_fold(value) for value in public_values}
        self._by_value: dict[tuple[str, str], str] = {}
        self._next: Counter[str] = Counter()
        self._literal: set[str] = set()

    def reserve(self, item: _Text) -> None:
        """Never hand out what stands in a text as a literal placeholder."""
        texts = [item.text]
        if item.json_at is not None and "\\u" in item.text:
            texts.append(_Unescaped(item.text).text)
        for text in texts:
            if "[" in text and "_" in text:
                self._literal.update(_LITERAL_PLACEHOLDER.findall(text))

    def for_value(self, kind: str, value: str) -> str | None:
        """Return the placeholder of a value, or None where the value is public."""
        if self._public and _fold(value) in self._public:
            return None
        key = kind, _identity(kind, value)
        if key not in self._by_value:
            self._by_value[key] = self._unused(kind)
        return self._by_value[key]

    def _unused(self, kind: str) -> str:
        while True:
            self._next[kind] += 1
            placeholder = f"[{kind.upper()}_{self._next[kind]}]"
            if placeholder not in self._literal:
                return placeholder


def _identity(kind: str, value: str) -> str:
    """Return what two ways of writing one value share: case tells secrets apart, punctuation tells addresses apart."""
    if kind == "secret":
        return value
    return value.casefold() if kind == "email" else _fold(value)


def _fold(value: str) -> str:
    return _PUNCTUATION.sub("", ascii_numerals(value)).casefold()


def redact(request: ReviewRequest, public_values: Iterable[str] = ()) -> RedactedDraft:
    """Replace personal data and secrets in everything that a check or a critic will see.

    Args:
        request: as converted at the edge; its locale chooses the phone plan.
        public_values: values that stay (published hotlines), compared without white space and punctuation.

    Returns:
        Passages in reading order: conversation, sources, proposed tool calls, draft. Cost is linear in the text.
    """
    raw = request.draft
    texts = list(_texts(raw))
    placeholders = _Placeholders(public_values)
    for item in texts:
        placeholders.reserve(item)
    region = region_of(request.locale)
    passages = tuple([_redact_text(item, region, placeholders) for item in texts])
    images = tuple([p for m in raw.conversation for p in m.parts if isinstance(p, ImagePart)])
    return RedactedDraft(
        passages=passages,
        tool_calls=_redacted_calls(raw.tool_calls, passages),
        sources=tuple([SourceMeta(s.id, s.title, s.uri, s.retrieved_at) for s in raw.sources]),
        images=images,
        drafter=raw.drafter,
        finish_reason=raw.finish_reason,
        report=_report(passages, images, request.data_class),
        by_place=_by_place(passages),
    )


def _texts(raw: RawDraft) -> Iterator[_Text]:
    """Yield every text of the request with its address, in reading order, the draft last."""
    for turn, message in enumerate(raw.conversation):
        for index, part in enumerate(message.parts):
            ref = f"m{turn}.{index}"
            if isinstance(part, TextPart):
                yield _Text(Place.CONVERSATION, ref, message.role, part.text)
            elif isinstance(part, ToolCall):
                text = f"{part.name} {part.arguments_json}"
                yield _Text(Place.CONVERSATION, ref, message.role, text, len(part.name) + 1)
            elif isinstance(part, ToolResult):
                yield _Text(Place.TOOL_RESULT, ref, message.role, part.text, 0)
    # Titles and tool names come from outside like the text below them: they are passages of their own.
    for source in raw.sources:
        if source.title:
            yield _Text(Place.SOURCE, source.id + TITLE, None, source.title)
        yield _Text(Place.SOURCE, source.id, None, source.text)
    for call in raw.tool_calls:
        yield _Text(Place.TOOL_CALL, call.id + NAME, None, call.name)
        yield _Text(Place.TOOL_CALL, call.id, None, call.arguments_json, 0)
    yield _Text(Place.DRAFT, "draft", None, raw.text)


def _redact_text(item: _Text, region: str, placeholders: _Placeholders) -> Passage:
    text = item.text
    values = _values(item, region)
    if not values:
        return Passage(item.place, item.ref, text, item.role)
    pieces: list[str] = []
    substitutions: list[Substitution] = []
    at = length = 0
    for value in values:
        placeholder = placeholders.for_value(value.kind, value.text)
        if placeholder is None:
            continue
        shown = f'"{placeholder}"' if value.bare else placeholder
        pieces += (text[at : value.start], shown)
        start = length + value.start - at
        length = start + len(shown)
        substitutions.append(Substitution(value.kind, placeholder, start, length, value.start, value.end))
        at = value.end
    pieces.append(text[at:])
    return Passage(item.place, item.ref, "".join(pieces), item.role, tuple(substitutions))


def _values(item: _Text, region: str) -> list[_Value]:
    text, json_at = item.text, item.json_at
    if json_at is None or "\\" not in text:
        values = [_Value(hit.kind, text[hit.start : hit.end], hit.start, hit.end) for hit in find(text, region)]
        return (
            _in_tokens(text, json_at, values) if values and json_at is not None and _is_json(text, json_at) else values
        )
    return _escaped_values(text, json_at, region)


def _escaped_values(text: str, json_at: int, region: str) -> list[_Value]:
    """Find values in text with escapes, which count where the text is JSON, and may or may not where it is none."""
    plain = _Unescaped(text, json_at)
    hits = [Hit(hit.kind, plain.original(hit.start), plain.original(hit.end)) for hit in find(plain.text, region)]
    literal_hits = find(text, region)
    if not hits and not literal_hits:
        return []
    valid = _is_json(text, json_at)
    if not valid:
        hits = without_overlaps(hits + literal_hits)
    values = [_Value(h.kind, _Unescaped(text[h.start : h.end]).text, h.start, h.end) for h in hits]
    return _in_tokens(text, json_at, values) if valid else values


def _in_tokens(text: str, json_at: int, values: list[_Value]) -> list[_Value]:
    """Cut values at the ends of JSON strings, and widen those in numbers to the whole number."""
    fitted: list[_Value] = []
    tokens = _JSON_TOKEN.finditer(text, json_at)
    token = next(tokens, None)
    for value in values:
        while token is not None and token.start() < value.end:
            if token.end() > value.start:
                fitted += _in_token(text, token.span(), value, fitted)
            if token.end() >= value.end:
                # The next value may stand in the same token.
                break
            token = next(tokens, None)
    return fitted


def _in_token(text: str, token: tuple[int, int], value: _Value, before: list[_Value]) -> tuple[_Value, ...]:
    if text[token[0]] != '"':
        taken = bool(before) and before[-1].end == token[1]
        return () if taken else (replace(value, start=token[0], end=token[1], bare=True),)
    start, end = max(value.start, token[0] + 1), min(value.end, token[1] - 1)
    if (start, end) == (value.start, value.end):
        return (value,)
    return (_Value(value.kind, _Unescaped(text[start:end]).text, start, end),) if start < end else ()


def _is_json(text: str, at: int) -> bool:
    try:
        # Python bounds the digits of an integer, JSON does not.
        json.loads(text[at:], parse_int=str)
    except (ValueError, RecursionError):
        return False
    return True


class _Unescaped:
    """Text with JSON escapes read, and the way back to the text as it is."""

    def __init__(self, text: str, begin: int = 0) -> None:
        pieces: list[str] = []
        self._ends: list[int] = []
        self._shifts: list[int] = []
        at = length = 0
        for escape in _ESCAPE.finditer(text, begin):
            pieces += (text[at : escape.start()], _character(escape))
            length += escape.start() - at + 1
            at = escape.end()
            self._ends.append(length)
            self._shifts.append(at - length)
        self.text = "".join(pieces) + text[at:] if pieces else text

    def original(self, offset: int) -> int:
        """Map a border between two characters."""
        number = bisect_right(self._ends, offset)
        return offset + self._shifts[number - 1] if number else offset


def _character(escape: re.Match[str]) -> str:
    high, low, single, sign = escape.groups()
    if sign:
        return _CONTROLS.get(sign, sign)
    if high:
        return chr(0x10000 + (int(high, 16) - 0xD800 << 10) + int(low, 16) - 0xDC00)
    character = chr(int(single, 16))
    # Half a pair is no text: UTF-8 cannot hold it.
    return "\ufffd" if "\ud800" <= character <= "\udfff" else character


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
    rows = counted(passages)
    if images and data_class not in _MAY_CARRY_IMAGES:
        return RedactionReport(rows, complete=False, incomplete_because="images of this data class cannot be redacted")
    return RedactionReport(rows)


def counted(passages: Iterable[Passage]) -> tuple[tuple[Place, str, int], ...]:
    """Count what was replaced, by place and kind, sorted."""
    counts = Counter((p.place, s.kind) for p in passages for s in p.substitutions)
    return tuple((place, kind, n) for (place, kind), n in sorted(counts.items())) if counts else ()
