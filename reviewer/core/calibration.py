"""Calibration against people: how often the service is wrong, which way, and how sure one can be of that.

An answer is wrong in two ways. *False approve*: it passes (`MET`, `APPROVE`) what people fail. *False block*: it fails
what people pass. `UNCERTAIN` is neither, and keeps a column of its own; what people leave open counts in no rate.
Definitions and sources: docs/calibration.md.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from reviewer.core.calibration_probability import Reliability, reliability_of
from reviewer.core.labels import FAILS, PASSES, VERDICT, Key, Matched, outcomes_of
from reviewer.core.statistics.agreement import (
    Between,
    Chance,
    Pair,
    alpha,
    kappa,
    kappa_interval,
    pabak,
    pairwise,
)
from reviewer.core.statistics.proportions import Corrected, Share, corrected

ENOUGH = 30
"""Below so many labels a rate is "too few" to be read."""
DOUBLE_RATED = 0.2
"""The share of items that two people should label."""
EVERY_CRITERION = "*"
"""Subject of the figures over all criteria together."""
DIMENSIONS: Mapping[str, Callable[[Matched], str]] = MappingProxyType(
    {
        "locale": lambda row: row.judged.locale,
        "intent": lambda row: row.judged.intent,
        "drafter": lambda row: row.judged.drafter,
        "reviewer": lambda row: row.judged.reviewer,
        "suite": lambda row: row.judged.suite,
    }
)


@dataclass(frozen=True, slots=True)
class Rates:
    """How often what goes wrong, of what people settled.

    Attributes:
        false_approve: passed, of what people fail.
        false_block: failed, of what people pass.
        unsettled: neither passed nor failed, of what people pass or fail.
        precision: rightly failed, of what was failed.
        recall: failed, of what people fail; what is `UNCERTAIN` was not caught.
    """

    false_approve: Share
    false_block: Share
    unsettled: Share
    precision: Share
    recall: Share

    @property
    def n(self) -> int:
        """Answers about what people settled."""
        return self.unsettled.n


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far the service agrees with people, and people with each other.

    Attributes:
        kappa, kappa_interval, pabak: service against what people settled on.
        alpha: of the service and every person as raters.
        human_alpha: of people alone.
        human_pairs: pairs of people who said the same; with `human_alpha`, the ceiling.
        judge_pairs: pairs of the service and a person who said the same, about the items that two people or more saw.
    """

    kappa: float | None
    kappa_interval: Between | None
    pabak: float | None
    alpha: float | None
    human_alpha: float | None
    human_pairs: Share
    judge_pairs: Share


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures of one subject, or of one segment of it.

    Attributes:
        subject: criterion, `EVERY_CRITERION`, or `VERDICT`.
        dimension, value: the segment (`locale`, `pt-BR`); both empty for the whole.
        matrix: counts by what people say and what was answered.
        open: labelled, and people do not agree.
        unlabelled: answers without any label.
        fail_rate: share that fails, of all answers, labelled or not.
        corrected_fail_rate: the same, corrected by recall and by how much of what people pass was not failed.
        agreement: None for segments.
    """

    subject: str
    dimension: str
    value: str
    matrix: Mapping[Pair, int]
    open: int
    unlabelled: int
    rates: Rates
    fail_rate: Share
    corrected_fail_rate: Corrected
    agreement: Agreement | None = None


@dataclass(frozen=True, slots=True)
class Doubt:
    """A label to look at again.

    Attributes:
        label: what people settled on; None where they do not agree.
        against: answers that speak against it, by model.
    """

    item: str
    subject: str
    label: str | None
    against: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Hygiene:
    """What is the matter with the labels.

    Attributes:
        doubtful: two second models of different families agree against the label.
        disputed: people do not agree, and nobody adjudicated.
        double_rated: labelled keys that two people or more saw.
        unmatched: labels about what was never judged.
    """

    doubtful: tuple[Doubt, ...]
    disputed: tuple[Doubt, ...]
    double_rated: Share
    unmatched: int


@dataclass(frozen=True, slots=True)
class Report:
    """All figures.

    Attributes:
        subjects: the verdict, all criteria together, then each criterion by name; those without a label too.
        segments: of each subject by dimension and value, in order.
        probabilities: of judges that give any.
    """

    subjects: tuple[Measured, ...]
    segments: tuple[Measured, ...]
    hygiene: Hygiene
    probabilities: tuple[Reliability, ...] = ()


def calibrate(
    rows: Iterable[Matched], chance: Chance, replicates: int, families: Mapping[str, str], unmatched: int = 0
) -> Report:
    """Compute all figures.

    Args:
        chance: seeded generator for the intervals of kappa.
        replicates: samples for each of them.
        families: of second models by id; labels are doubted only by models whose family is known.
        unmatched: labels that found no answer.
    """
    every = tuple(rows)
    subjects = _by_subject(every)
    measured = [
        measure(subject, own, agreement=agreement_of(own, chance, replicates)) for subject, own in subjects.items()
    ]
    segments: list[Measured] = []
    for subject, own in subjects.items():
        for dimension, value_of in DIMENSIONS.items():
            for value, part in sorted(_grouped(own, value_of).items()):
                if value:
                    segments.append(measure(subject, part, (dimension, value)))
    return Report(tuple(measured), tuple(segments), _hygiene(every, families, unmatched), reliability_of(every))


def measure(
    subject: str, rows: Iterable[Matched], segment: tuple[str, str] = ("", ""), agreement: Agreement | None = None
) -> Measured:
    """Count the answers of one subject, or one segment of it."""
    matrix: Counter[Pair] = Counter()
    undecided = unlabelled = failed = n = 0
    for row in rows:
        n += 1
        failed += row.judged.outcome in FAILS
        if row.human is not None:
            matrix[(row.human, row.judged.outcome)] += 1
        elif row.raters:
            undecided += 1
        else:
            unlabelled += 1
    rates = rates_of(matrix)
    fail_rate = Share(failed, n)
    cleared = Share(rates.false_block.n - rates.false_block.hits, rates.false_block.n)
    return Measured(
        subject=subject,
        dimension=segment[0],
        value=segment[1],
        matrix=MappingProxyType(dict(sorted(matrix.items()))),
        open=undecided,
        unlabelled=unlabelled,
        rates=rates,
        fail_rate=fail_rate,
        corrected_fail_rate=corrected(fail_rate, rates.recall, cleared),
        agreement=agreement,
    )


def rates_of(matrix: Mapping[Pair, int]) -> Rates:
    """Derive the rates from counts by what people say and what was answered."""

    def count(human: frozenset[str], judge: frozenset[str] | None = None) -> int:
        return sum(
            times
            for (said, answered), times in matrix.items()
            if said in human and (judge is None or answered in judge)
        )

    bad, good, caught = count(FAILS), count(PASSES), count(FAILS, FAILS)
    blocked = count(PASSES, FAILS)
    settled = count(FAILS | PASSES, FAILS | PASSES)
    return Rates(
        false_approve=Share(count(FAILS, PASSES), bad),
        false_block=Share(blocked, good),
        unsettled=Share(bad + good - settled, bad + good),
        precision=Share(caught, caught + blocked),
        recall=Share(caught, bad),
    )


def agreement_of(rows: Iterable[Matched], chance: Chance, replicates: int) -> Agreement:
    """Compute agreement beyond chance, of the service with people and of people among themselves."""
    every = tuple(rows)
    labelled = [row for row in every if row.human is not None]
    clusters = _grouped(labelled, lambda row: row.judged.cluster or row.judged.item)
    tables = [_table(own) for own in clusters.values()]
    total = sum(tables, Counter[Pair]())
    people: dict[Key, Mapping[Hashable, str]] = {row.judged.key: row.raters for row in every}
    several = [row for row in every if len(row.raters) > 1]
    hits = sum(said == row.judged.outcome for row in several for said in row.raters.values())
    return Agreement(
        kappa=kappa(total),
        kappa_interval=kappa_interval(tables, chance, replicates),
        pabak=pabak(total, len(outcomes_of(every[0].judged.subject)) if every else 2),
        alpha=alpha(_with_judges(every).values()),
        human_alpha=alpha(people.values()),
        human_pairs=pairwise(people.values()),
        judge_pairs=Share(hits, sum(len(row.raters) for row in several)),
    )


def _by_subject(rows: tuple[Matched, ...]) -> dict[str, tuple[Matched, ...]]:
    grouped = _grouped(rows, lambda row: row.judged.subject)
    verdicts = grouped.pop(VERDICT, [])
    criteria = [row for row in rows if row.judged.subject != VERDICT]
    whole = {VERDICT: tuple(verdicts), EVERY_CRITERION: tuple(criteria)}
    return {**{name: own for name, own in whole.items() if own}, **{s: tuple(grouped[s]) for s in sorted(grouped)}}


def _grouped(rows: Iterable[Matched], value_of: Callable[[Matched], str]) -> dict[str, list[Matched]]:
    grouped: defaultdict[str, list[Matched]] = defaultdict(list)
    for row in rows:
        grouped[value_of(row)].append(row)
    return dict(grouped)


def _table(rows: Iterable[Matched]) -> Counter[Pair]:
    return Counter((row.human, row.judged.outcome) for row in rows if row.human is not None)


def _with_judges(rows: Iterable[Matched]) -> dict[Key, dict[Hashable, str]]:
    """Return what each person and each judge said, by key; a person and a model of one name stay two raters."""
    units: defaultdict[Key, dict[Hashable, str]] = defaultdict(dict)
    for row in rows:
        unit = units[row.judged.key]
        unit.update({("person", rater): said for rater, said in row.raters.items()})
        unit["judge", row.judged.reviewer] = row.judged.outcome
    return {
        key: unit for key, unit in units.items() if any(who[0] == "person" for who in unit if isinstance(who, tuple))
    }


def _hygiene(rows: tuple[Matched, ...], families: Mapping[str, str], unmatched: int) -> Hygiene:
    by_key: defaultdict[Key, list[Matched]] = defaultdict(list)
    for row in rows:
        by_key[row.judged.key].append(row)
    labelled = [own for own in by_key.values() if own[0].raters or own[0].human is not None]
    doubtful = [_doubt(own, against) for own in labelled if (against := _against(own, families))]
    disputed = [_doubt(own, {}) for own in labelled if own[0].human is None]
    twice = sum(len(own[0].raters) > 1 for own in labelled)
    return Hygiene(tuple(doubtful), tuple(disputed), Share(twice, len(labelled)), unmatched)


def _doubt(rows: list[Matched], against: Mapping[str, str]) -> Doubt:
    item, subject = rows[0].judged.key
    return Doubt(item, subject, rows[0].human, MappingProxyType(dict(against)))


def _against(rows: list[Matched], families: Mapping[str, str]) -> dict[str, str]:
    """Return the answers that speak against the label, if they come from two families or more."""
    human = rows[0].human
    if human is None or human not in FAILS | PASSES:
        return {}
    opposite = PASSES if human in FAILS else FAILS
    against = {row.judged.reviewer: row.judged.outcome for row in rows if row.judged.outcome in opposite}
    known = {families[model] for model in against if model in families}
    return against if len(known) > 1 else {}
