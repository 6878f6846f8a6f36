"""Probabilities of a judge against labels: fitted on one half of the conversations, shown on the other."""

from __future__ import annotations

from random import Random

from reviewer.core.calibration_probability import reliability_of
from reviewer.core.labels import Judged, Label, Matched, match
from reviewer.core.statistics.proportions import Share


def rows(n: int, reviewer: str = "m", *, probability: bool = True) -> tuple[Matched, ...]:
    """Return answers with honest probabilities, two about each conversation."""
    chance = Random(8)
    judged, labels = [], []
    for at in range(n):
        p = chance.random()
        given = round(p, 3) if probability else None
        judged.append(Judged(f"i{at}", "a/b", "MET", reviewer, cluster=f"c{at // 2}", probability=given))
        labels.append(Label(f"i{at}", "a/b", "x", "MET" if chance.random() < p else "NOT_MET"))
    return match(judged, labels)


def test_honest_probabilities_have_a_small_error() -> None:
    """What is said with 30 % comes true in 30 %, and a threshold from one half nearly holds on the other."""
    (found,) = reliability_of(rows(4_000))
    assert found.error is not None
    assert found.error < 0.05
    assert 1_700 < found.n < 2_300
    assert found.threshold is not None
    assert found.let_through.hits / found.let_through.n < 0.08


def test_no_threshold_is_shown_by_little() -> None:
    """With a handful of labels there is no threshold, and nothing is said to be let through."""
    (found,) = reliability_of(rows(20))
    assert found.threshold is None
    assert found.let_through.hits == 0


def test_only_judges_with_probabilities_are_asked() -> None:
    """A judge without probabilities has no reliability; what nobody labelled counts for none."""
    assert reliability_of(rows(50, probability=False)) == ()
    assert reliability_of(match([Judged("i", "a/b", "MET", probability=0.5)], [])) == ()


def test_a_conversation_is_never_split() -> None:
    """All answers about one conversation fall into one half."""
    judged = [Judged(f"i{at}", "a/b", "MET", "m", cluster="one", probability=0.5) for at in range(40)]
    (found,) = reliability_of(match(judged, [Label(f"i{at}", "a/b", "x", "NOT_MET") for at in range(40)]))
    assert found.n in {0, 40}
    assert found.let_through in {Share(0, 0), Share(0, 40)}
