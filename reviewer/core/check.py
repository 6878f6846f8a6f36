"""What a deterministic check takes and gives: pure values and one protocol.

The checks themselves live in `reviewer.checks`; they stand above the core because rubric authors choose them by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from reviewer.core.finding import Outcome, Quote
from reviewer.core.passage import RedactedDraft


@dataclass(frozen=True, slots=True)
class Subject:
    """What a check looks at.

    Attributes:
        locale: BCP 47 tag as the caller gave it, `pt-BR`; empty where unknown.
        now: UTC time of admission: checks read no clock.
        policy_facts: what the plan's rubrics state as true, trusted text: the plan's own tuple, the same each time.
    """

    draft: RedactedDraft
    locale: str
    now: datetime
    policy_facts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Passed:
    """The check looked at everything it should and found nothing; quotes may show what it relied on."""

    quotes: tuple[Quote, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class Flagged:
    """The check found something.

    Attributes:
        why: English sentence; may name values only as they stand in the redacted text.
        outcome: NOT_MET, UNCERTAIN, or NOT_APPLICABLE where the matter does not arise.
        quotes: at most 8, spans of the redacted text mapped to the original.
    """

    why: str
    quotes: tuple[Quote, ...] = ()
    outcome: Outcome = Outcome.NOT_MET
    fix: str | None = None


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The check could not judge (a limit was hit, an input could not be read): leads to a handoff."""

    why: str


CheckOutcome = Passed | Flagged | Unavailable


class Check(Protocol):
    """A compiled deterministic check."""

    def __call__(self, subject: Subject, /) -> CheckOutcome:
        """Judge one draft. Pure: same subject, same outcome."""
        ...
