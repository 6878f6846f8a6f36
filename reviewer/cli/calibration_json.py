"""A calibration as JSON: every count, every interval, every gate. The keys are part of the contract with scripts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TypeAlias, Union

from reviewer.core.answering import Answering
from reviewer.core.calibration import ENOUGH, Agreement, Measured, Rates, Report
from reviewer.core.calibration_probability import Reliability
from reviewer.core.gates import Checked
from reviewer.core.statistics.agreement import Between
from reviewer.core.statistics.proportions import Interval, Share, exact_upper, wilson

Told: TypeAlias = Union[str, int, float, None, list["Told"], dict[str, "Told"]]  # noqa: UP007 - it names itself
RATES = ("false_approve", "false_block", "unsettled", "precision", "recall")
SCHEMA = "calibration/1"


def calibration_told(
    report: Report, gates: Iterable[Checked], provenance: Mapping[str, Told], answering: Answering
) -> dict[str, Told]:
    """Return the whole calibration.

    Args:
        provenance: what it was computed from.
        answering: what the log told besides; of nothing where it was not asked.
    """
    checked = tuple(gates)
    hygiene = report.hygiene
    return {
        "schema": SCHEMA,
        **provenance,
        "passed": all(gate.passed for gate in checked),
        "gates": [_gate(gate) for gate in checked],
        "subjects": [_measured(one) for one in report.subjects],
        "segments": [_measured(one) for one in report.segments],
        "probabilities": [_reliability(one) for one in report.probabilities],
        "answering": _answering(answering) if answering.reviews else None,
        "hygiene": {
            "doubtful": [
                {"item": one.item, "subject": one.subject, "label": one.label, "against": dict(one.against)}
                for one in hygiene.doubtful
            ],
            "disputed": [{"item": one.item, "subject": one.subject} for one in hygiene.disputed],
            "double_rated": _share(hygiene.double_rated),
            "unmatched": hygiene.unmatched,
        },
    }


def _gate(gate: Checked) -> Told:
    return {
        "gate": gate.gate,
        "subject": gate.subject,
        "segment": gate.segment,
        "status": gate.status.value,
        "passed": gate.passed,
        "hits": gate.share.hits,
        "n": gate.share.n,
        "bound": gate.bound,
        "reason": gate.reason,
    }


def _measured(one: Measured) -> Told:
    corrected = one.corrected_fail_rate
    matrix: dict[str, Told] = {}
    for (human, judge), count in one.matrix.items():
        row = matrix.setdefault(human, {})
        assert isinstance(row, dict), "rows of the matrix are made here"
        row[judge] = count
    return {
        "subject": one.subject,
        **({"dimension": one.dimension, "value": one.value} if one.dimension else {}),
        "matrix": matrix,
        "people_disagree": one.open,
        "unlabelled": one.unlabelled,
        "rates": _rates(one.rates),
        "fail_rate": {
            "observed": _share(one.fail_rate),
            "corrected": corrected.rate,
            "interval": _interval(corrected.interval),
            "clipped": corrected.clipped,
        },
        **({"agreement": _agreement(one.agreement)} if one.agreement else {}),
    }


def _answering(counted: Answering) -> Told:
    return {
        "reviews": counted.reviews,
        "shortened": counted.shortened,
        "causes": dict(sorted(counted.causes.items())),
        "models": {
            name: {
                "calls": calls.n,
                "failures": dict(sorted(calls.failures.items())),
                "median_latency_us": calls.median_us,
                "priced": calls.priced,
                "cost_micro_usd": calls.cost_micro_usd,
            }
            for name, calls in sorted(counted.models.items())
        },
        "criteria": {name: asdict(evidence) for name, evidence in sorted(counted.criteria.items())},
    }


def _reliability(one: Reliability) -> Told:
    return {
        "reviewer": one.reviewer,
        "n": one.n,
        "expected_calibration_error": one.error,
        "after_isotonic_fit": one.fitted_error,
        "bins": [{"mean": each.mean, "met": _share(each.share)} for each in one.bins],
        "threshold": one.threshold,
        "let_through": _share(one.let_through),
    }


def _rates(rates: Rates) -> Told:
    return {name: _share(getattr(rates, name)) for name in RATES}


def _agreement(agreement: Agreement) -> Told:
    return {
        "kappa": agreement.kappa,
        "kappa_interval": _interval(agreement.kappa_interval),
        "pabak": agreement.pabak,
        "alpha": agreement.alpha,
        "people": {"alpha": agreement.human_alpha, "pairs": _share(agreement.human_pairs)},
        "with_people_on_the_same": _share(agreement.judge_pairs),
    }


def _share(share: Share) -> Told:
    interval = wilson(share)
    zero: dict[str, Told] = {"at_most": exact_upper(share)} if share.hits == 0 and share.n else {}
    return {
        "hits": share.hits,
        "n": share.n,
        "rate": share.rate,
        "interval": [interval.low, interval.high],
        "too_few": share.n < ENOUGH,
        **zero,
    }


def _interval(interval: Interval | Between | None) -> Told:
    return [interval.low, interval.high] if interval else None
