"""Answers beside labels: whose word counts, and what a record of the log says about each criterion."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.core.errors import LedgerCorruptError
from reviewer.core.finding import Outcome
from reviewer.core.labels import VERDICT, Judged, Label, judged_of_record, match, reference
from reviewer.core.record import seal
from tests.support.builders import CONTENT_KEY, finding, review

said = st.lists(
    st.builds(Label, st.just("i"), st.just("a/b"), st.sampled_from("xyz"), st.sampled_from(["MET", "NOT_MET"])),
    max_size=8,
)


def label(rater: str, outcome: str, *, adjudicated: bool = False) -> Label:
    return Label("i", "a/b", rater, outcome, adjudicated)


def test_more_than_half_of_people_are_right() -> None:
    """A majority settles; a tie and silence do not."""
    assert reference([label("x", "MET"), label("y", "MET"), label("z", "NOT_MET")]) == "MET"
    assert reference([label("x", "MET"), label("y", "NOT_MET")]) is None
    assert reference([]) is None


def test_the_adjudicator_has_the_last_word() -> None:
    """An adjudication stands against any majority, and is no second opinion of its own."""
    labels = [label("x", "MET"), label("y", "MET"), label("z", "NOT_MET", adjudicated=True)]
    (row,) = match([Judged("i", "a/b", "MET")], labels)
    assert row.human == "NOT_MET"
    assert dict(row.raters) == {"x": "MET", "y": "MET"}


@given(said)
def test_a_person_speaks_once(labels: list[Label]) -> None:
    """Only each person's last word counts, so repeating oneself never changes what is right."""
    last = {one.rater: one for one in labels}
    assert reference(labels) == reference(list(last.values()))


def test_answers_without_labels_stay() -> None:
    """Every answer comes back, in order, whether anybody labelled it or not."""
    judged = [Judged("i", "a/b", "MET"), Judged("j", "a/b", "NOT_MET"), Judged("i", VERDICT, "APPROVE")]
    rows = match(judged, [label("x", "MET")])
    assert [row.judged for row in rows] == judged
    assert [row.human for row in rows] == ["MET", None, None]


def test_a_record_tells_verdict_and_criteria() -> None:
    """A review in the log gives its verdict, and each criterion by whoever answered, plainly met or not."""
    findings = (finding("health/dose", Outcome.MET), finding("health/tone", Outcome.NOT_MET, why="Too short."))
    made = review(findings=findings, labels={"conversation": "c7"})
    rows = tuple(judged_of_record(seal(made, CONTENT_KEY).record))

    assert {(row.subject, row.outcome, row.reviewer) for row in rows} == {
        (VERDICT, made.verdict.name, ""),
        *((one.criterion, one.outcome.value, one.by) for one in findings),
    }
    assert {(row.item, row.cluster, row.locale) for row in rows} == {(made.name, "c7", made.locale)}


@pytest.mark.parametrize("record", [b"", b"[]", b"{}", b'{"review":"r"}', b'{"review":1,"labels":[]}'])
def test_what_is_no_review_is_corruption(record: bytes) -> None:
    """Bytes that are not a review's record are refused, not counted as nothing."""
    with pytest.raises(LedgerCorruptError):
        tuple(judged_of_record(record))
