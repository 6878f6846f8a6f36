"""Reports of outcomes: what the record says, and what tells two reports apart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reviewer.core.events import annex_of, read_event
from reviewer.core.outcome_report import Fate, OutcomeReport, report_entry
from tests.support.builders import CONTENT_KEY, MOMENT, review_id

REPORT = OutcomeReport("acme", str(review_id(1)), Fate.COMPLAINT, "ann", "He fell ill.", "r-1")


def test_a_report_is_a_record_without_its_comment() -> None:
    """The record says what became of which answer, who says so, and commits to the comment."""
    annex = annex_of(b'{"comment":"He fell ill."}', CONTENT_KEY)
    sealed = report_entry(REPORT, str(review_id(2)), MOMENT, annex)
    event = read_event(sealed.record)
    assert event is not None
    assert (event.details, event.by, event.reviews) == ({"outcome": "complaint"}, "ann", (REPORT.review_id,))
    assert (sealed.annex_of, event.content_commitment) == (REPORT.review_id, annex.commitment)
    assert b"fell ill" not in sealed.record
    assert " " in sealed.request_id


@pytest.mark.parametrize(
    "changed", [{"fate": Fate.NOT_SENT}, {"by": "bob"}, {"comment": ""}, {"review_id": "x"}, {"tenant": "globex"}]
)
def test_digests_tell_reports_apart(changed: dict[str, object]) -> None:
    """Every part of a report counts but its request id."""
    assert replace(REPORT, **changed).digest() != REPORT.digest()  # type: ignore[arg-type]
    assert replace(REPORT, request_id="r-2").digest() == REPORT.digest()
