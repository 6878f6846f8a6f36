"""How second models answered, counted from records of the log."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reviewer.core.answering import Answering
from reviewer.core.errors import LedgerCorruptError
from reviewer.core.finding import Outcome, QuoteStatus
from reviewer.core.record import seal
from reviewer.core.statistics.proportions import Share
from tests.support.builders import CONTENT_KEY, finding, quote, review
from tests.support.reviews import FULL, largest


def test_evidence_is_counted_by_criterion() -> None:
    """Quotes that stood and did not, answers without a quote left, and answers that did not count as claimed."""
    lost = replace(
        finding("a/quoted", Outcome.MET, quotes=(quote("x"), quote("y", QuoteStatus.FAILED))),
        claimed=Outcome.MET, outcome=Outcome.UNCERTAIN, unverified=True,
    )  # fmt: skip
    counted = Answering()
    counted.add(seal(review(findings=(lost, finding("a/plain", Outcome.MET))), CONTENT_KEY).record)

    quoted, plain = counted.criteria["a/quoted"], counted.criteria["a/plain"]
    assert (quoted.answers, quoted.quotes_verified, quoted.quotes_failed) == (1, 1, 1)
    assert (quoted.unverified, quoted.overruled) == (1, 1)
    assert (plain.answers, plain.overruled) == (1, 0)


def test_calls_and_causes_are_counted() -> None:
    """Every call counts for the model that served it, every cause once a review."""
    counted = Answering()
    made = FULL
    for _ in range(3):
        counted.add(seal(made, CONTENT_KEY).record)
    assert counted.reviews == 3
    assert len(made.calls) > 0 < len(made.reasons)
    assert sum(model.n for model in counted.models.values()) == 3 * len(made.calls)
    assert counted.causes == dict.fromkeys({reason.cause.value for reason in made.reasons}, 3)


def test_nothing_has_no_rate() -> None:
    """A model that was never called has no failures and no time."""
    model = Answering().models["m"]
    assert (model.n, model.failed, model.median_us) == (0, Share(0, 0), 0)


def test_a_shortened_record_is_said_to_be_one() -> None:
    """A record without its lists counts as a review, and as one whose answers are not here."""
    counted = Answering()
    counted.add(seal(largest(64 * 8, 64), CONTENT_KEY).record)
    assert (counted.reviews, counted.shortened) == (1, 1)


@pytest.mark.parametrize("record", [b"", b"{}", b"[]", b'{"reasons":[1],"findings":[],"met":[],"calls":[]}'])
def test_what_is_no_review_is_corruption(record: bytes) -> None:
    """Bytes that are no review's record are refused."""
    with pytest.raises(LedgerCorruptError):
        Answering().add(record)
