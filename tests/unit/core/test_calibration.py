"""Calibration: what is counted as wrong, what is counted apart, and which labels are doubted."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.core.calibration import EVERY_CRITERION, Report, calibrate, measure, rates_of
from reviewer.core.labels import VERDICT, Judged, Label, match
from reviewer.core.statistics.proportions import Share

OUTCOMES = ("MET", "NOT_MET", "UNCERTAIN", "NOT_APPLICABLE")
matrices = st.dictionaries(st.tuples(st.sampled_from(OUTCOMES), st.sampled_from(OUTCOMES)), st.integers(0, 50))


def report(judged: list[Judged], labels: list[Label], **families: str) -> Report:
    return calibrate(match(judged, labels), Random(1), 100, families)


def table(**counts: int) -> dict[tuple[str, str], int]:
    """Return counts by `human_judge`, each of them `met`, `not`, `unc`."""
    names = {"met": "MET", "not": "NOT_MET", "unc": "UNCERTAIN"}
    return {(names[pair[:3]], names[pair[4:]]): count for pair, count in counts.items()}


def test_uncertain_is_neither_right_nor_wrong() -> None:
    """UNCERTAIN is no false approve and no false block, misses recall, and has a rate of its own."""
    rates = rates_of(table(not_met=2, not_not=5, not_unc=3, met_met=30, met_not=4, met_unc=6))
    assert rates.false_approve == Share(2, 10)
    assert rates.false_block == Share(4, 40)
    assert rates.unsettled == Share(9, 50)
    assert rates.precision == Share(5, 9)
    assert rates.recall == Share(5, 10)
    assert rates.n == 50


def test_what_people_leave_open_counts_in_no_rate() -> None:
    """Answers about what people call uncertain stand in the matrix and in no rate."""
    rates = rates_of(table(unc_met=5, unc_not=5))
    assert rates.n == 0
    assert (rates.false_approve.rate, rates.recall.rate) == (None, None)


@given(matrices)
def test_what_fails_is_caught_passed_or_unsettled(matrix: dict[tuple[str, str], int]) -> None:
    """Of what people fail, caught, passed and unsettled add up; and so they do for what people pass."""
    rates = rates_of(matrix)
    assert rates.recall.n == rates.false_approve.n
    settled_bad = rates.recall.hits + rates.false_approve.hits
    settled_good = sum(matrix.get(("MET", judge), 0) for judge in ("MET", "NOT_MET"))
    assert rates.unsettled.hits == rates.unsettled.n - settled_bad - settled_good
    assert rates.n == rates.false_approve.n + rates.false_block.n


def test_a_handoff_of_what_people_approve_is_a_false_block() -> None:
    """Of verdicts, REVISE and HUMAN_HANDOFF both withhold what people would send."""
    judged = [Judged(f"i{at}", VERDICT, verdict) for at, verdict in enumerate(("APPROVE", "REVISE", "HUMAN_HANDOFF"))]
    labels = [Label(f"i{at}", VERDICT, "x", "APPROVE") for at in range(3)]
    (verdict,) = report(judged, labels).subjects
    assert verdict.rates.false_block == Share(2, 3)
    assert verdict.matrix == {("APPROVE", answer): 1 for answer in ("APPROVE", "REVISE", "HUMAN_HANDOFF")}


def test_one_broken_criterion_stands_out() -> None:
    """Each criterion has figures of its own beside those of all together, and so has each segment."""
    judged = [Judged(f"i{at}", "a/good", "NOT_MET", locale="en") for at in range(40)]
    judged += [Judged(f"i{at}", "a/broken", "MET", locale="en" if at % 2 else "pt") for at in range(40)]
    labels = [Label(one.item, one.subject, "x", "NOT_MET") for one in judged]
    found = report(judged, labels)
    rates = {one.subject: one.rates.false_approve for one in found.subjects}
    assert rates == {EVERY_CRITERION: Share(40, 80), "a/broken": Share(40, 40), "a/good": Share(0, 40)}
    segments = {(one.subject, one.value): one.rates.n for one in found.segments if one.dimension == "locale"}
    assert segments[("a/broken", "pt")] == 20
    assert ("a/good", "pt") not in segments


def test_people_are_the_ceiling() -> None:
    """People's agreement with each other is told beside the service's with people about the same items."""
    judged = [Judged(f"i{at}", "a/b", "MET" if at % 2 else "NOT_MET") for at in range(20)]
    labels = [Label(one.item, "a/b", who, one.outcome) for one in judged for who in ("x", "y")]
    labels[0] = Label("i0", "a/b", "x", "MET")
    agreement = report(judged, labels).subjects[1].agreement
    assert agreement is not None
    assert agreement.human_pairs == Share(19, 20)
    assert agreement.judge_pairs == Share(39, 40)
    assert agreement.kappa == pytest.approx(1)
    assert agreement.human_alpha is not None
    assert agreement.alpha is not None
    assert 0.8 < agreement.human_alpha < agreement.alpha < 1


def test_the_rate_of_failing_is_corrected() -> None:
    """What fails among all answers is corrected by errors on the labelled ones; answers without labels count too."""
    judged = [Judged(f"l{at}", "a/b", "NOT_MET" if at < 45 or at >= 90 else "MET") for at in range(100)]
    labels = [Label(f"l{at}", "a/b", "x", "NOT_MET" if at < 50 else "MET") for at in range(100)]
    judged += [Judged(f"u{at}", "a/b", "NOT_MET" if at < 30 else "MET") for at in range(100)]
    found = measure("a/b", match(judged, labels))
    assert found.unlabelled == 100
    assert found.rates.recall == Share(45, 50)
    assert found.rates.false_block == Share(10, 50)
    assert found.fail_rate == Share(85, 200)
    assert found.corrected_fail_rate.rate == pytest.approx((0.425 + 0.8 - 1) / (0.9 + 0.8 - 1))


def test_two_families_against_a_label_raise_doubt() -> None:
    """A label is doubted where second models of two families say the opposite, not where one family does."""
    judged = [Judged(item, "a/b", "NOT_MET", model) for item in ("i", "j") for model in ("m1", "m2")]
    judged[3] = Judged("j", "a/b", "MET", "m2")
    labels = [Label("i", "a/b", "x", "MET"), Label("j", "a/b", "x", "MET")]
    (doubt,) = report(judged, labels, m1="claude", m2="gpt").hygiene.doubtful
    assert (doubt.item, doubt.label, dict(doubt.against)) == ("i", "MET", {"m1": "NOT_MET", "m2": "NOT_MET"})
    assert report(judged, labels, m1="gpt", m2="gpt").hygiene.doubtful == ()
    assert report(judged, labels, m1="gpt").hygiene.doubtful == ()


def test_disputed_labels_are_listed() -> None:
    """Where people do not agree and nobody adjudicated, the item is listed, and counts in no rate."""
    labels = [Label("i", "a/b", "x", "MET"), Label("i", "a/b", "y", "NOT_MET")]
    found = report([Judged("i", "a/b", "MET")], labels)
    assert [one.item for one in found.hygiene.disputed] == ["i"]
    assert found.subjects[1].open == 1
    assert found.subjects[1].rates.n == 0
    assert found.hygiene.double_rated == Share(1, 1)


def test_answers_in_one_conversation_are_resampled_together() -> None:
    """The same answers in few conversations tell less: kappa's interval is wider than where each stands alone."""
    widths = []
    for cluster in ("", "same"):
        judged = [
            Judged(f"i{at}", "a/b", "MET" if at % 2 else "NOT_MET", cluster=cluster and f"c{at // 20}")
            for at in range(100)
        ]
        wrong = {at for at in range(100) if at // 20 == 3}
        labels = [Label(f"i{at}", "a/b", "x", "MET" if (at % 2) != (at in wrong) else "NOT_MET") for at in range(100)]
        agreement = report(judged, labels).subjects[1].agreement
        assert agreement is not None
        assert agreement.kappa_interval is not None
        widths.append(agreement.kappa_interval.high - agreement.kappa_interval.low)
    assert widths[1] > 1.5 * widths[0]


def test_nothing_gives_an_empty_report() -> None:
    """Without answers there is nothing to tell, and nothing fails."""
    found = calibrate((), Random(1), 100, {}, unmatched=3)
    assert (found.subjects, found.segments, found.hygiene.unmatched) == ((), (), 3)
    assert measure("a/b", ()).matrix == Counter()
