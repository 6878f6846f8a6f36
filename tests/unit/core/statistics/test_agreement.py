"""Agreement beyond chance, held against the worked examples of those who invented the measures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.core.statistics.agreement import Pair, alpha, kappa, kappa_interval, pabak, pairwise
from reviewer.core.statistics.proportions import Share


def table(rows: list[list[int]]) -> Counter[Pair]:
    """Return a square table of counts as pairs: the row is what the one says, the column the other."""
    return Counter({(str(i), str(j)): count for i, row in enumerate(rows) for j, count in enumerate(row) if count})


def units(*raters: str) -> list[Mapping[Hashable, str]]:
    """Return what raters said by thing; each rater is one line, a dot where nothing was said."""
    return [{rater: value for rater, value in enumerate(said) if value != "."} for said in zip(*raters, strict=True)]


pairs = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1, max_size=60).map(Counter)


def test_kappa_is_cohens() -> None:
    """Cohen's own table of 200 diagnoses (1960, table 1) gives 0.492."""
    assert kappa(table([[88, 14, 18], [10, 40, 10], [2, 6, 12]])) == pytest.approx(0.492, abs=5e-4)


@pytest.mark.parametrize(
    ("rows", "plain", "adjusted"), [([[40, 9], [6, 45]], 0.70, 0.70), ([[80, 10], [5, 5]], 0.32, 0.70)]
)
def test_kappa_collapses_with_prevalence_and_pabak_does_not(
    rows: list[list[int]], plain: float, adjusted: float
) -> None:
    """Feinstein & Cicchetti's two tables (J Clin Epidemiol 43 (1990) 543) agree in 85 %, and kappa falls by half."""
    assert kappa(table(rows)) == pytest.approx(plain, abs=5e-3)
    assert pabak(table(rows), 2) == pytest.approx(adjusted)


def test_no_kappa_without_contrast() -> None:
    """Without pairs, or where both say one thing only, there is no kappa."""
    assert kappa(Counter()) is None
    assert pabak(Counter(), 2) is None
    assert kappa(table([[7]])) is None


@given(pairs)
def test_kappa_does_not_depend_on_who_is_first(said: Counter[Pair]) -> None:
    """Exchanging the two judges leaves kappa as it is, and it is at most 1."""
    swapped = Counter({(b, a): count for (a, b), count in said.items()})
    one, other = kappa(said), kappa(swapped)
    assert one == pytest.approx(other)
    assert one is None or one <= 1


def test_alpha_is_krippendorffs_with_gaps() -> None:
    """Four observers, twelve units, seven gaps: 0.743 (Krippendorff 2011, example C)."""
    said = units("123321412...", "1233224125.3", ".3332342251.", "12332441251.")
    assert alpha(said) == pytest.approx(0.743, abs=5e-4)


def test_alpha_is_krippendorffs_for_two() -> None:
    """Two observers of ten articles in two categories: 0.095 (Krippendorff 2011, example A)."""
    assert alpha(units("0100000010", "1110010000")) == pytest.approx(0.095, abs=5e-4)


def test_alpha_needs_two_who_could_differ() -> None:
    """Single voices say nothing, and neither does one and the same answer throughout."""
    assert alpha(units("123", "...")) is None
    assert alpha(units("111", "111")) is None
    assert alpha([]) is None


@given(st.lists(st.sampled_from("ab"), min_size=2, max_size=30))
def test_perfect_agreement_is_one(said: list[str]) -> None:
    """Where all raters say the same of each thing, and not of all things, alpha and kappa are 1."""
    if len(set(said)) < 2:
        return
    assert alpha(units("".join(said), "".join(said))) == pytest.approx(1)
    assert kappa(Counter(zip(said, said, strict=True))) == pytest.approx(1)


def test_pairs_of_raters_are_counted() -> None:
    """Three raters of one thing are three pairs."""
    assert pairwise(units("aa", "ab", "a.")) == Share(3, 4)


def test_interval_repeats_with_its_seed() -> None:
    """The same chance gives the same interval, and it holds the kappa of all."""
    clusters = [table([[3, 1], [0, 2]]), table([[2, 0], [1, 4]]), table([[5, 0], [0, 1]])] * 5
    first = kappa_interval(clusters, Random(3), 200)
    value = kappa(sum(clusters, Counter[Pair]()))
    assert first == kappa_interval(clusters, Random(3), 200)
    assert first is not None
    assert value is not None
    assert first.low < value < first.high


def test_clusters_widen_the_interval() -> None:
    """Ten answers about each of 20 conversations that all go one way tell less than 200 single answers."""
    chance = Random(11)
    good, bad = table([[5, 0], [0, 5]]), table([[0, 5], [5, 0]])
    clusters = [good] * 14 + [bad] * 6
    singles = [Counter({pair: 1}) for cluster in clusters for pair, count in cluster.items() for _ in range(count)]
    clustered = kappa_interval(clusters, chance, 300)
    single = kappa_interval(singles, chance, 300)
    assert clustered is not None
    assert single is not None
    assert clustered.high - clustered.low > 2 * (single.high - single.low)


def test_no_interval_of_too_little() -> None:
    """One cluster cannot be resampled, and answers without contrast have no kappa to sample."""
    assert kappa_interval([table([[3, 1], [1, 3]])], Random(1)) is None
    assert kappa_interval([table([[3]]), table([[2]])], Random(1), 50) is None
