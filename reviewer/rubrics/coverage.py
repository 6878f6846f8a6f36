"""Coverage of criteria: which were seen to pass and which to fail, and in which locales; and whose verdict flipped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reviewer.core.rulebook import Rulebook
from reviewer.rubrics.results import Coverage, Flip, TrialResult, Wording
from reviewer.rubrics.shares import Share

_PASSING = ("MET",)
_FAILING = ("NOT_MET", "UNCERTAIN")


def coverage_of(rulebook: Rulebook, domains: Iterable[str], trials: Iterable[TrialResult]) -> tuple[Coverage, ...]:
    """Return what was seen of each criterion of some domains, in the order of the rubrics.

    Args:
        domains: ids of rubrics; those that are not in the rulebook are left out.
    """
    passed: dict[str, set[str]] = {}
    failed: dict[str, set[str]] = {}
    for trial in trials:
        for key, outcome in trial.seen.items():
            if outcome in _PASSING:
                passed.setdefault(key, set()).add(trial.locale)
            elif outcome in _FAILING:
                failed.setdefault(key, set()).add(trial.locale)
    keys = [f"{d}/{c.id}" for d in domains if d in rulebook.rubrics for c in rulebook.rubrics[d].criteria]
    return tuple([Coverage(k, tuple(sorted(passed.get(k, ()))), tuple(sorted(failed.get(k, ())))) for k in keys])


def flips_of(trials: Iterable[TrialResult]) -> tuple[tuple[Flip, ...], Share | None, Share | None]:
    """Find cases whose verdict was not the same each time.

    Returns:
        The flips, the share of them between repeats of the same words, and the share between wordings; a share is
        None where nothing was tried twice.
    """
    by_name: dict[str, list[TrialResult]] = {}
    by_case: dict[str, list[TrialResult]] = {}
    for trial in trials:
        if trial.verdict:
            by_name.setdefault(trial.name, []).append(trial)
            if trial.repeat == 0:
                by_case.setdefault(trial.case, []).append(trial)
    repeated = {name: own for name, own in by_name.items() if len(own) > 1}
    worded = {
        case: own
        for case, own in by_case.items()
        if len(own) > 1 and any(trial.wording is not Wording.OWN for trial in own)
    }
    repeats, variants = _flips(repeated, "repeats"), _flips(worded, "variants")
    return (
        (*repeats, *variants),
        Share(len(repeats), len(repeated)) if repeated else None,
        Share(len(variants), len(worded)) if worded else None,
    )


def _flips(groups: Mapping[str, list[TrialResult]], between: str) -> tuple[Flip, ...]:
    return tuple(
        [
            Flip(name, between, tuple([(f"{trial.name} #{trial.repeat + 1}", trial.verdict) for trial in own]))
            for name, own in groups.items()
            if len({trial.verdict for trial in own}) > 1
        ]
    )
