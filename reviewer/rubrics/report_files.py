"""Reports of a run for machines: JSON, and the JUnit XML that build servers read. Same result, same bytes."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from reviewer.core.spending import Spent
from reviewer.rubrics.mutation import MutantResult, MutationResult
from reviewer.rubrics.results import Coverage, Flip, RunResult, Status, TrialResult
from reviewer.rubrics.shares import Share

# XML 1.0 has no way to write these, escaped or not.
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ERRORS = (Status.STALE, Status.NOT_RECORDED, Status.LOST, Status.UNAFFORDABLE)


def run_json(result: RunResult) -> str:
    """Write a run as one JSON object.

    Keys: `mode`, `simulated`, `rulebook`, `passed`, `trials`, `breaches`, `flips`, `flip_rate_repeats`,
    `flip_rate_variants`, `coverage`, `covered`, `cost`. Money is micro-USD, shares are percent.
    """
    return _dumped(
        {
            "mode": result.mode.value,
            "simulated": result.simulated,
            "rulebook": result.digest,
            "passed": result.passed,
            "trials": [_trial(trial) for trial in result.trials],
            "breaches": [
                {"suite": b.suite, "rule": b.rule, "bound_percent": b.bound_percent, **_share(b.share)}
                for b in result.breaches
            ],
            "flips": [_flip(flip) for flip in result.flips],
            "flip_rate_repeats": _share(result.repeats) if result.repeats else None,
            "flip_rate_variants": _share(result.variants) if result.variants else None,
            "coverage": [_coverage(coverage) for coverage in result.coverage],
            "covered": _share(result.covered),
            "cost": {"at_most_micro_usd": result.at_most_micro_usd, **_spent(result.spent)},
        }
    )


def mutation_json(result: MutationResult) -> str:
    """Write a mutation run as one JSON object.

    Keys: `live`, `simulated`, `score`, `by_edit`, `by_criterion`, `mutants`, `cost`.
    """
    return _dumped(
        {
            "live": result.live,
            "simulated": result.simulated,
            "score": _share(result.score),
            "by_edit": {name: _share(share) for name, share in result.by_edit.items()},
            "by_criterion": {name: _share(share) for name, share in result.by_criterion.items()},
            "mutants": [_mutant(mutant) for mutant in result.mutants],
            "cost": _spent(result.spent),
        }
    )


def run_junit(result: RunResult) -> str:
    """Write a run as JUnit XML: a suite a domain, a case a trial.

    What did not come out as expected is a failure; what could not be judged (stale, not recorded, no critique) is an
    error, and where it is allowed to be missing it is skipped. A bound that was not kept and a case whose verdict hangs
    on its wording are failures of the suite `bounds`. Seconds are not told, so that equal results are equal files.
    """
    root = Element("testsuites", name=_clean(f"rubric test ({result.title})"))
    for domain in dict.fromkeys(trial.domain for trial in result.trials):
        own = [trial for trial in result.trials if trial.domain == domain]
        suite = SubElement(root, "testsuite", name=domain)
        for trial in own:
            _junit_case(suite, trial, result.title)
        _count(suite)
    bounds = SubElement(root, "testsuite", name="bounds")
    for breach in result.breaches:
        case = SubElement(bounds, "testcase", classname="bounds", name=f"{breach.suite}: {breach.rule}")
        SubElement(case, "failure", message=f"{breach.share}; at most {breach.bound_percent:g} % is allowed")
    for flip in result.flipped_variants:
        case = SubElement(bounds, "testcase", classname="bounds", name=f"{flip.case}: same verdict in other words")
        SubElement(case, "failure", message=_clean("; ".join(f"{name}: {verdict}" for name, verdict in flip.verdicts)))
    _count(bounds)
    indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _junit_case(suite: Element, trial: TrialResult, title: str) -> None:
    name = trial.name.partition("/")[2] + (f" #{trial.repeat + 1}" if trial.repeat else "")
    case = SubElement(suite, "testcase", classname=f"{trial.domain}.{trial.suite}", name=_clean(name))
    if trial.status is Status.UNJUDGED:
        SubElement(case, "skipped", message=_clean("; ".join(trial.detail)))
    elif trial.status in _ERRORS:
        SubElement(case, "error", type=trial.status.value, message=_clean("; ".join(trial.detail)))
    elif trial.status is Status.FAILED:
        first = trial.mismatches[0]
        failure = SubElement(
            case,
            "failure",
            type="mismatch",
            message=_clean(f"{first.about}: expected {first.expected}, got {first.got}"),
        )
        failure.text = _clean("\n".join(_lines(trial)))
    if trial.simulated:
        SubElement(case, "system-out").text = f"mode: {title}"


def _lines(trial: TrialResult) -> list[str]:
    lines = []
    for wrong in trial.mismatches:
        lines.append(f"{wrong.about}: expected {wrong.expected}, got {wrong.got}")
        lines.extend(f"  {why}" for why in wrong.why)
        lines.extend(f'  "{quote}"' for quote in wrong.quotes)
    return lines


def _count(suite: Element) -> None:
    suite.set("tests", str(len(suite)))
    for name, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(len(suite.findall(f"testcase/{kind}"))))


def _trial(trial: TrialResult) -> dict[str, object]:
    return {
        "name": trial.name,
        "case": trial.case,
        "domain": trial.domain,
        "suite": trial.suite,
        "locale": trial.locale,
        "wording": trial.wording.value,
        "repeat": trial.repeat,
        "status": trial.status.value,
        "verdict": trial.verdict or None,
        "simulated": trial.simulated,
        "mismatches": [asdict(wrong) for wrong in trial.mismatches],
        "detail": list(trial.detail),
        "outcomes": dict(sorted(trial.seen.items())),
        "models": sorted({call.served_model for call in trial.calls if call.served_model}),
    }


def _flip(flip: Flip) -> dict[str, object]:
    return {"case": flip.case, "between": flip.between, "verdicts": [list(pair) for pair in flip.verdicts]}


def _coverage(coverage: Coverage) -> dict[str, object]:
    return {
        "criterion": coverage.criterion,
        "says": coverage.word,
        "passed_in": list(coverage.passed),
        "failed_in": list(coverage.failed),
    }


def _mutant(mutant: MutantResult) -> dict[str, object]:
    return {**asdict(mutant), "caught": mutant.caught}


def _share(share: Share) -> dict[str, object]:
    low, high = share.interval
    return {
        "count": share.count,
        "total": share.total,
        "percent": round(share.percent, 4),
        "wilson_95": [round(low, 4), round(high, 4)],
    }


def _spent(spent: Spent) -> dict[str, object]:
    return {"micro_usd": spent.micro_usd, "calls": spent.calls, "unpriced_calls": spent.unpriced_calls}


def _dumped(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _clean(text: str) -> str:
    return _UNWRITABLE.sub("\ufffd", text)
