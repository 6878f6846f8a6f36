"""Outcomes: what became of an answer after its review, as somebody reports it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from reviewer.core.canonical import canonical_bytes
from reviewer.core.events import Action, Annex, Event, EventKind, entry_of, review_name
from reviewer.core.record import Entry


class Fate(StrEnum):
    """What became of an answer. One review may have several, as they come to light."""

    SENT_UNCHANGED = "sent_unchanged"
    SENT_EDITED = "sent_edited"
    NOT_SENT = "not_sent"
    COMPLAINT = "complaint"
    CONFIRMED_WRONG = "confirmed_wrong"


@dataclass(frozen=True, slots=True)
class OutcomeReport:
    """One report.

    Attributes:
        by: who reports; stays in the log.
        comment: what happened, in words; it is content, not part of the record.
        request_id: of a tenant's reports; a report comes into the log once under it.
    """

    tenant: str
    review_id: str
    fate: Fate
    by: str
    comment: str
    request_id: str

    def digest(self) -> str:
        """Return the SHA-256, in hex, of what is reported: the same request id must not come with another one."""
        told = canonical_bytes([self.tenant, self.review_id, self.fate, self.by, self.comment])
        return hashlib.sha256(told).hexdigest()


def report_entry(report: OutcomeReport, event_id: str, now: datetime, annex: Annex | None) -> Entry:
    """Make a report's entry.

    Args:
        event_id: UUIDv7.
        annex: of its comment; None where it has none.
    """
    event = Event(
        EventKind.OUTCOME,
        Action.REPORT,
        event_id,
        now,
        report.tenant,
        report.by,
        "",
        (review_name(report.review_id),),
        {"outcome": report.fate},
        annex.commitment if annex else "",
    )
    # Request ids of reviews hold no space: theirs and those of reports never meet.
    return entry_of(event, annex, f"outcome {report.request_id}", report.digest())
