"""Kept material: the redacted request of a review, as its content holds it so that rules can be tried on it later.

What is kept is what checks and critic were shown, and the few facts of the request that a plan depends on; never the
text as received, never an image, never material of class restricted. It stands in the content of a review as one
string, so that it is encrypted, committed to, held and erased with it.

Format: base64 of a zlib stream (RFC 1950) over a JSON object; `v` is its version.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from dataclasses import dataclass
from datetime import datetime

import orjson
from pydantic import TypeAdapter, ValidationError

from reviewer.core.draft import DataClass, Drafter, ReviewRequest, Role, Tier, ToolCall
from reviewer.core.errors import LedgerCorruptError
from reviewer.core.passage import NAME, TITLE, Passage, RedactedDraft, RedactionReport, SourceMeta, Substitution
from reviewer.core.redaction import counted
from reviewer.core.rubric import Place
from reviewer.core.rulebook import Facts

DEFAULT_MAX_BYTES = 262_144
MAX_INFLATED_BYTES = 64 * 1024 * 1024
"""No setting lets more be kept: what inflates to more was not written by this code."""
_VERSION = 1
_LEVEL = 1
# What a compressor sets up costs more than a short text: 15 bits and 8 are 256 kB, 12 and 5 are 32 (zlib's manual).
_SHORT = 8_192
_SMALL_WINDOW = 12, 5
_FULL_WINDOW = 15, 8


@dataclass(frozen=True, slots=True)
class Kept:
    """What `material_of` makes of a request: the string to keep, or why there is none.

    Attributes:
        material: empty where nothing is kept.
        missing: English, empty where it is.
    """

    material: str = ""
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Material:
    """A redacted request, read back.

    Attributes:
        tier: the caller's wish.
        images: how many there were; they are not kept.
    """

    draft: RedactedDraft
    facts: Facts
    tier: Tier | None
    data_class: DataClass
    images: int


_Cut = tuple[str, str, int, int, int, int]
_Row = tuple[Place, str, str, Role | None, tuple[_Cut, ...]]


@dataclass(frozen=True, slots=True)
class _Form:
    """The JSON object. Keys are short: there is one in every review."""

    v: int
    tier: Tier | None
    data_class: DataClass
    intent: str
    locale: str
    finish: str
    passages: tuple[_Row, ...]
    sources: tuple[tuple[str, datetime | None], ...]
    calls: tuple[str, ...]
    images: int
    incomplete: str


_FORM: TypeAdapter[_Form] = TypeAdapter(_Form)


def material_of(request: ReviewRequest, draft: RedactedDraft, max_bytes: int) -> Kept:
    """Make what is kept of a request.

    Args:
        draft: the request after redaction.
        max_bytes: of the JSON object, before it is compressed; 0 keeps nothing and says nothing.
    """
    if not max_bytes:
        return Kept()
    data_class = request.data_class or DataClass.CONFIDENTIAL
    if data_class is DataClass.RESTRICTED:
        return Kept(missing="material of class restricted is not kept")
    form = orjson.dumps(
        {
            "v": _VERSION,
            "tier": request.tier,
            "data_class": data_class,
            "intent": request.intent,
            "locale": request.locale,
            "finish": draft.finish_reason,
            "passages": [(p.place, p.ref, p.text, p.role, [_cut(s) for s in p.substitutions]) for p in draft.passages],
            "sources": [(source.id, source.retrieved_at) for source in draft.sources],
            "calls": [call.id for call in draft.tool_calls],
            "images": len(draft.images),
            "incomplete": draft.report.incomplete_because,
        }
    )
    if len(form) > max_bytes:
        return Kept(missing=f"{len(form)} bytes are more than the {max_bytes} that are kept")
    return Kept(base64.b64encode(_compressed(form)).decode("ascii"))


def _compressed(form: bytes) -> bytes:
    window, memory = _SMALL_WINDOW if len(form) <= _SHORT else _FULL_WINDOW
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, window, memory)
    return deflate.compress(form) + deflate.flush()


def read_material(material: str, drafter: Drafter) -> Material:
    """Read back what was kept.

    Raises:
        LedgerCorruptError: it is nothing that this version wrote.
    """
    try:
        inflate = zlib.decompressobj()
        form = inflate.decompress(base64.b64decode(material, validate=True), MAX_INFLATED_BYTES)
        if inflate.unconsumed_tail or not inflate.eof:
            raise LedgerCorruptError("kept material is cut off or too large")
        read = _FORM.validate_json(form)
    except (binascii.Error, zlib.error, ValidationError) as exc:
        raise LedgerCorruptError("kept material cannot be read") from exc
    if read.v != _VERSION or not read.passages or read.passages[-1][0] is not Place.DRAFT:
        raise LedgerCorruptError("kept material is in no form that this version knows")
    return Material(_draft(read, drafter), _facts(read), read.tier, read.data_class, read.images)


def facts_of(request: ReviewRequest) -> Facts:
    """Return the routing facts of a request."""
    draft = request.draft
    return Facts(
        intent=request.intent,
        locale=request.locale,
        has_sources=bool(draft.sources),
        has_tool_calls=bool(draft.tool_calls),
        has_draft_text=bool(draft.text.strip()),
    )


def _cut(sub: Substitution) -> _Cut:
    return sub.kind, sub.placeholder, sub.start, sub.end, sub.original_start, sub.original_end


def _facts(read: _Form) -> Facts:
    text = read.passages[-1][2]
    return Facts(read.intent, read.locale, bool(read.sources), bool(read.calls), bool(text.strip()))


def _draft(read: _Form, drafter: Drafter) -> RedactedDraft:
    passages = tuple(
        [
            Passage(place, ref, text, role, tuple([Substitution(*cut) for cut in c]))
            for place, ref, text, role, c in read.passages
        ]
    )
    texts = {(p.place, p.ref): p.text for p in passages}
    calls = [
        ToolCall(name, texts.get((Place.TOOL_CALL, name + NAME), ""), texts.get((Place.TOOL_CALL, name), ""))
        for name in read.calls
    ]
    # Titles are read from their passages, which are redacted; addresses of sources are not kept.
    sources = [SourceMeta(name, texts.get((Place.SOURCE, name + TITLE), ""), "", at) for name, at in read.sources]
    groups: dict[Place, list[Passage]] = {}
    for passage in passages:
        groups.setdefault(passage.place, []).append(passage)
    return RedactedDraft(
        passages=passages,
        tool_calls=tuple(calls),
        sources=tuple(sources),
        images=(),
        drafter=drafter,
        finish_reason=read.finish,
        report=RedactionReport(counted(passages), not read.incomplete, read.incomplete),
        by_place={place: tuple(group) for place, group in groups.items()},
    )
