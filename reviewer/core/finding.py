"""Findings: answers to criteria, with the quotes that carry them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from reviewer.core.rubric import Place


class Outcome(StrEnum):
    """The answer to one criterion. Every criterion is phrased so that MET is good."""

    MET = "MET"
    NOT_MET = "NOT_MET"
    UNCERTAIN = "UNCERTAIN"
    NOT_APPLICABLE = "NOT_APPLICABLE"


class QuoteStatus(StrEnum):
    """How a quote was found: as written, after folding, in another segment or part than named, or not at all."""

    EXACT = "exact"
    FOLDED = "folded"
    RELOCATED = "relocated"
    FAILED = "failed"

    @property
    def verified(self) -> bool:
        """Whether the quoted text stands where quotes of that place may stand."""
        return self is not QuoteStatus.FAILED


class Origin(StrEnum):
    """Who answered: a deterministic check, the critic, or the code itself (a criterion that does not apply)."""

    CHECK = "check"
    CRITIC = "critic"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Quote:
    """A piece of text given as evidence.

    Attributes:
        ref: the passage's address (`draft`, a source id, `m3.0`, a call id); what was claimed, where it failed.
        text: redacted text as it stands in the passage; as claimed, where it failed.
        start, end: characters in the text as the caller sent it, half-open; -1 where it failed.
    """

    place: Place
    ref: str
    text: str
    start: int
    end: int
    status: QuoteStatus = QuoteStatus.EXACT


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to one criterion by one judge.

    Attributes:
        criterion: `rubric/criterion`.
        by: check id or requested model id.
        claimed: the outcome as answered.
        outcome: the outcome in force after verification (a MET without due evidence is UNCERTAIN).
        unverified: evidence was due, quotes were given, and none of them could be found.
        why: one or two sentences, in English; may quote the draft, so it is content, not metadata.
    """

    criterion: str
    origin: Origin
    by: str
    claimed: Outcome
    outcome: Outcome
    quotes: tuple[Quote, ...] = ()
    why: str = ""
    fix: str | None = None
    unverified: bool = False

    @property
    def plain(self) -> bool:
        """Whether there is nothing to tell but that the criterion is met: most findings of most reviews."""
        return (
            self.outcome is Outcome.MET
            and self.claimed is Outcome.MET
            and self.fix is None
            and not (self.quotes or self.why or self.unverified)
        )
