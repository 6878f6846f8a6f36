"""Verification: whether the quotes of a critique stand where evidence may stand, and what that makes of its answers.

A quote is looked for in the named segment, then in the same part, then in all parts of the named place; first as
written, then folded (`reviewer.core.folding`). Nothing is matched approximately. A quote counts where it has 12
characters or more or is a whole segment, holds more than small words, and, if its text stands more than three times,
names the segment. Unverified quotes are kept, marked, for auditors.

An answer whose evidence is due and missing is never dropped and never approves:

* quotes given where they are due, none found: the finding is `unverified` (the critic is confused or under attack);
* no quote given where one is due: the outcome in force is UNCERTAIN.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias

from reviewer.core.finding import Finding, Origin, Outcome, Quote, QuoteStatus
from reviewer.core.folding import Folded, fold, fold_part
from reviewer.core.outcome import Answer, Completed, Critique, Evidence, Stopped
from reviewer.core.rubric import Criterion, EvidenceDemand, Place
from reviewer.core.rulebook import Plan
from reviewer.core.segments import Segmented, SegmentIndex

MIN_QUOTE_CHARS = 12
MIN_PIECE_WORDS = 3
MAX_PLAIN_OCCURRENCES = 3

_ELLIPSIS = re.compile(r"\s*(?:\[\s*(?:\.{3}|\u2026)\s*\]|\.{3,}|\u2026)\s*")
# A critic that copies over a line break copies our segment marks and the names of hidden characters with it.
_MARKS = re.compile(r"(?:^|(?<=\s))(?:[a-z]\d*\.\d+|d\d+)\|\s?|\u27e8U\+[0-9A-F]{4,6}\u27e9")
_WORD = re.compile(r"\w")
_WEIGHTY = re.compile(r"\d|[^\W\d_]{4}")
_DUE = {
    EvidenceDemand.ON_MET: frozenset({Outcome.MET}),
    EvidenceDemand.ON_NOT_MET: frozenset({Outcome.NOT_MET}),
    EvidenceDemand.BOTH: frozenset({Outcome.MET, Outcome.NOT_MET}),
    EvidenceDemand.NONE: frozenset[Outcome](),
}
_SILENT_ON_MET = (EvidenceDemand.ON_NOT_MET, EvidenceDemand.NONE)


_Named: TypeAlias = "tuple[Segmented, tuple[int, int]] | None"
"""The part and segment that a quote names, where there is one in the place that it names."""


@dataclass(slots=True)
class QuoteFinder:
    """Finds quotes in one request's passages; folds each passage at most once."""

    index: SegmentIndex
    _folded: dict[str, Folded] = field(default_factory=dict)
    _parts: dict[Place, list[Segmented]] = field(default_factory=dict)

    def find(self, claim: Evidence) -> Quote:
        """Find one quote; a quote of an image or of an empty text always fails."""
        parts = self._parts.get(claim.place)
        if parts is None:
            parts = self._parts[claim.place] = [p for p in self.index.parts if p.passage.place is claim.place]
        named = self.index.locate(claim.seg)
        if named is not None and named[0].passage.place is not claim.place:
            named = None
        if claim.text.strip():
            for text in dict.fromkeys((claim.text, _MARKS.sub("", claim.text))):
                found = self._exact(text, parts, named) or self._by_folding(text, parts, named)
                if found is not None:
                    return found
        return Quote(claim.place, claim.seg, claim.text, -1, -1, QuoteStatus.FAILED)

    def _exact(self, text: str, parts: list[Segmented], named: _Named) -> Quote | None:
        needle = text.strip()
        if not _counts(needle):
            return None
        if named is not None:
            part, (begin, end) = named
            # A quote may run over the end of its segment: where it begins is what was named.
            at = part.passage.text.find(needle, begin)
            if 0 <= at < end:
                return _quote(part, at, at + len(needle), QuoteStatus.EXACT)
        if sum([_count(p.passage.text, needle) for p in parts]) > MAX_PLAIN_OCCURRENCES:
            return None
        for part in _own_first(parts, named):
            at = part.passage.text.find(needle)
            if at >= 0:
                return _quote(part, at, at + len(needle), QuoteStatus.RELOCATED)
        return None

    def _by_folding(self, text: str, parts: list[Segmented], named: _Named) -> Quote | None:
        whole = fold(text)
        found = self._folded_whole(whole, parts, named)
        if found is not None:
            return found
        pieces = [piece for piece in [fold(p) for p in _ELLIPSIS.split(text)] if piece]
        if len(pieces) == 1 and pieces[0] != whole:
            return self._folded_whole(pieces[0], parts, named)
        return self._folded_pieces(pieces, parts, named) if len(pieces) > 1 else None

    def _folded_whole(self, needle: str, parts: list[Segmented], named: _Named) -> Quote | None:
        if not _counts(needle):
            return self._whole_segment(needle, named)
        if named is not None:
            folded = self._fold_once(named[0])
            begin, end = folded.bounds(named[1])
            at = folded.text.find(needle, begin)
            if 0 <= at < end:
                return _quote(named[0], *folded.original(at, at + len(needle)), QuoteStatus.FOLDED)
        if sum([_count(self._fold_once(p).text, needle) for p in parts]) > MAX_PLAIN_OCCURRENCES:
            return None
        return self._folded_pieces([needle], parts, None)

    def _folded_pieces(self, pieces: list[str], parts: list[Segmented], named: _Named) -> Quote | None:
        """Find pieces in this order within one part."""
        if not all(_counts_as_piece(piece) for piece in pieces):
            return None
        for part in _own_first(parts, named):
            folded = self._fold_once(part)
            span = _in_order(folded.text, pieces)
            if span is not None:
                start, end = folded.original(*span)
                at_home = named is not None and part is named[0] and named[1][0] <= start < named[1][1]
                return _quote(part, start, end, QuoteStatus.FOLDED if at_home else QuoteStatus.RELOCATED)
        return None

    def _whole_segment(self, needle: str, named: _Named) -> Quote | None:
        """A short quote counts where it is the whole of the segment that it names."""
        if named is None or not _WORD.search(needle):
            return None
        part, (begin, end) = named
        return _quote(part, begin, end, QuoteStatus.FOLDED) if fold(part.passage.text[begin:end]) == needle else None

    def _fold_once(self, part: Segmented) -> Folded:
        folded = self._folded.get(part.label)
        if folded is None:
            folded = self._folded[part.label] = fold_part(part)
        return folded


def verify(answer: Answer, criterion: Criterion, judge: str, finder: QuoteFinder) -> Finding:
    """Turn a critic's answer into a finding in force.

    Args:
        answer: as parsed; its evidence is only a claim.
        criterion: gives the evidence demand and the places where evidence counts.
        judge: requested model id.

    Returns:
        The finding with every quote, verified or marked as failed. Never raises for what the critic wrote.
    """
    rule = criterion.evidence_rule
    if answer.outcome is Outcome.MET and not answer.evidence and not answer.why and rule.on in _SILENT_ON_MET:
        return _plainly_met(answer.criterion, judge)
    quotes = tuple([finder.find(claim) for claim in answer.evidence])
    claimed = answer.worst or answer.outcome
    outcome = answer.outcome
    unverified = False
    why = answer.why
    if outcome is Outcome.NOT_APPLICABLE and not (criterion.na_allowed and why.strip()):
        outcome = Outcome.UNCERTAIN
    if outcome in _DUE[rule.on]:
        counted = sum([quote.status.verified and quote.place in rule.places for quote in quotes])
        if counted < rule.min_quotes:
            outcome = Outcome.UNCERTAIN
            unverified = bool(quotes) and not any(quote.status.verified for quote in quotes)
    return Finding(
        criterion=answer.criterion,
        origin=Origin.CRITIC,
        by=judge,
        claimed=claimed,
        outcome=outcome,
        quotes=quotes,
        why=why,
        fix=answer.fix,
        unverified=unverified,
    )


def verify_all(
    critiques: tuple[Critique, ...], index: SegmentIndex, plan: Plan, waived: frozenset[str]
) -> tuple[Finding, ...]:
    """Turn all answers of all critiques that gave some into findings in force, each by its judge.

    Args:
        index: the segments that the judges saw.
        waived: keys of the criteria that do not apply; of an answer to one of them only NOT_MET counts.
    """
    finder = QuoteFinder(index)
    return tuple(
        [
            verify(answer, plan.by_key[answer.criterion].criterion, critique.judge, finder)
            for critique in critiques
            if isinstance(critique.outcome, Completed | Stopped)
            for answer in critique.outcome.answers
            if counts(answer, waived)
        ]
    )


def counts(answer: Answer, waived: frozenset[str]) -> bool:
    """Whether an answer is to be verified at all: of one to a question that does not arise only NOT_MET counts."""
    return answer.criterion not in waived or Outcome.NOT_MET in (answer.outcome, answer.worst)


@lru_cache(maxsize=4096)
def _plainly_met(criterion: str, judge: str) -> Finding:
    """The most common finding of all, made once for a criterion and judge."""
    return Finding(criterion, Origin.CRITIC, judge, Outcome.MET, Outcome.MET)


def _quote(part: Segmented, start: int, end: int, status: QuoteStatus) -> Quote:
    passage = part.passage
    first, last = passage.original_span(start, end)
    return Quote(passage.place, passage.ref, passage.text[start:end], first, last, status)


def _own_first(parts: list[Segmented], named: _Named) -> Iterator[Segmented]:
    if named is not None:
        yield named[0]
    for part in parts:
        if named is None or part is not named[0]:
            yield part


def _count(text: str, needle: str) -> int:
    """Count occurrences, but not beyond the bound that matters."""
    seen = 0
    at = text.find(needle)
    while at >= 0 and seen <= MAX_PLAIN_OCCURRENCES:
        seen += 1
        at = text.find(needle, at + 1)
    return seen


def _counts(needle: str) -> bool:
    """Whether a text is long and telling enough to be evidence wherever it stands."""
    return len(needle) >= MIN_QUOTE_CHARS and _WEIGHTY.search(needle) is not None


def _counts_as_piece(piece: str) -> bool:
    """Whether a piece beside an ellipsis is; three words are enough there."""
    enough = len(piece) >= MIN_QUOTE_CHARS or piece.count(" ") >= MIN_PIECE_WORDS - 1
    return enough and _WEIGHTY.search(piece) is not None


def _in_order(text: str, needles: list[str]) -> tuple[int, int] | None:
    """Find all pieces in this order; the span runs from the first piece's start to the last one's end."""
    start = end = -1
    for needle in needles:
        at = text.find(needle, max(end, 0))
        if at < 0:
            return None
        start = at if start < 0 else start
        end = at + len(needle)
    return start, end
