"""Check `citations`: markers name sources that exist, and words quoted beside a marker stand in that source."""

from __future__ import annotations

import re
import unicodedata
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

from reviewer.checks.citation_markers import Marker, SourceIndex
from reviewer.checks.quoting import quotes
from reviewer.checks.sentences import sentences
from reviewer.core.check import Check, CheckOutcome, Flagged, Passed, Subject, Unavailable
from reviewer.core.passage import TITLE, RedactedDraft
from reviewer.core.rubric import Frozen, Place

_MIN_QUOTED = 12
# More markers than any answer needs: reading on would cost time and change nothing.
_MAX_MARKERS = 2_000
# Each quotation is one search in a source: the bound keeps their product small.
_MAX_QUOTATIONS = 200
_OPENING_MARKS = ('"', "\u201c", "\u00ab")
# Short ones are matched too, so that their marks are not paired with those of their neighbours.
_QUOTATION = re.compile(
    '"([^"\n]{0,2000})"|\u201c([^\u201c\u201d\n]{0,2000})\u201d|\u00ab([^\u00ab\u00bb\n]{0,2000})\u00bb'
)
_ELLIPSIS = re.compile(r"\s*(?:\[\s*(?:\.{3}|\u2026)\s*\]|\(\s*(?:\.{3}|\u2026)\s*\)|\.{3}|\u2026)\s*")
_MARKS = str.maketrans(
    {"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u00ab": '"', "\u00bb": '"', "\u2010": "-"}
    | {"\u2011": "-", "\u2012": "-", "\u2013": "-", "\u2014": "-", "\u00ad": ""}
)
_NO_MARKERS = Passed(why="the draft cites nothing")


class Args(Frozen):
    """Whether a draft with sources must cite one."""

    required: bool = False


def build(args: Args) -> Check:
    """Return the check."""
    return partial(_check, args)


def _check(args: Args, subject: Subject) -> CheckOutcome:
    draft = subject.draft
    if "[" not in draft.text and not args.required:
        return _NO_MARKERS
    markers = list(islice(SourceIndex(draft.sources).markers(draft.text), _MAX_MARKERS + 1))
    if len(markers) > _MAX_MARKERS:
        return Unavailable(f"the draft holds more than {_MAX_MARKERS} citation markers")
    if not markers and args.required and draft.sources:
        return Flagged("sources were given and the draft cites none", fix="Cite the source of each claim.")
    if unknown := [m for m in markers if m.unknown]:
        shown = quotes(draft.draft, ((m.start, m.end) for m in unknown))
        return Flagged("the draft cites sources that were not given", shown, fix="Cite given sources only.")
    return _check_quotations(draft, markers) if markers else _NO_MARKERS


def _check_quotations(draft: RedactedDraft, markers: list[Marker]) -> CheckOutcome:
    quotations = _attributed(draft.text, markers) if any(mark in draft.text for mark in _OPENING_MARKS) else []
    if len(quotations) > _MAX_QUOTATIONS:
        return Unavailable(f"the draft attributes more than {_MAX_QUOTATIONS} quotations")
    if quotations and (false := _misquoted(draft, quotations)):
        shown = quotes(draft.draft, ((q.start, q.end) for q in false))
        return Flagged("quoted words do not stand in the source cited beside them", shown)
    shown = quotes(draft.draft, ((m.start, m.end) for m in markers))
    return Passed(shown, "every marker names a given source")


@dataclass(frozen=True, slots=True)
class _Quotation:
    """Quoted words with the sources cited in their sentence."""

    start: int
    end: int
    text: str
    sources: tuple[int, ...]


def _attributed(text: str, markers: list[Marker]) -> list[_Quotation]:
    """Return the quotations that stand in one sentence with a marker; a marker may follow the full stop."""
    found: list[_Quotation] = []
    quotations = deque(_QUOTATION.finditer(text))
    waiting = deque(markers)
    for _, sentence_end in sentences(text):
        end = sentence_end
        quoted: list[re.Match[str]] = []
        while quotations and quotations[0].start() < end:
            quoted.append(quotations.popleft())
            end = max(end, quoted[-1].end())
        cited: list[int] = []
        while waiting and (waiting[0].start < end or not text[end : waiting[0].start].strip()):
            marker = waiting.popleft()
            cited.extend(marker.sources)
            end = max(end, marker.end)
        if cited:
            sources = tuple(dict.fromkeys(cited))
            found.extend(
                _Quotation(m.start(), m.end(), m.group(m.lastindex or 0), sources)
                for m in quoted
                if m.end() - m.start() >= _MIN_QUOTED + 2
            )
    return found


def _misquoted(draft: RedactedDraft, quotations: list[_Quotation]) -> list[_Quotation]:
    sources = _FoldedSources(draft)
    return [q for q in quotations if not any(sources.hold(s, q.text) for s in q.sources)]


@dataclass(slots=True)
class _FoldedSources:
    """Source texts in the form in which quotations are compared, folded once each and only where cited."""

    draft: RedactedDraft
    _folded: dict[int, str] = field(default_factory=dict)

    def hold(self, index: int, quoted: str) -> bool:
        """Whether the pieces of a quotation (parted by ellipses) stand in a source, in order."""
        if index not in self._folded:
            self._folded[index] = self._fold_source(index)
        folded, at = self._folded[index], 0
        for piece in _ELLIPSIS.split(quoted):
            wanted = _fold(piece).strip(" .,;:!?")
            if not wanted:
                continue
            at = folded.find(wanted, at)
            if at < 0:
                return False
            at += len(wanted)
        return True

    def _fold_source(self, index: int) -> str:
        meta = self.draft.sources[index]
        passages = self.draft.at(Place.SOURCE)
        return _fold(" ".join(p.text for p in passages if p.ref in {meta.id, meta.id + TITLE}))


def _fold(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).translate(_MARKS).casefold().split())
