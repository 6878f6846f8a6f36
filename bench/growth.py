"""How cost grows with the size of the draft and with the number of criteria."""

from __future__ import annotations

from statistics import linear_regression

from bench.bed import DRAFT_KIB, RUBRICS, Bed, Run
from bench.processes import Child
from bench.report import Cell, Table, at_most, spread
from bench.subjects import rule_set

CRITERIA = (10, 50)
MAX_GROWTH = 5.0
MAX_RUBRIC_RATIO = 1.1
CALLS_OF_RUBRICS = 400


def measure_drafts(bed: Bed) -> Table:
    """Review drafts of growing size, one at a time, in turns with direct calls of the same body."""
    pairs: dict[int, list[tuple[Run, Run]]] = {kib: [] for kib in DRAFT_KIB}
    with bed.phase():
        model = bed.model()
        product = bed.product(model.address)
        bed.review(product, 1, 50)
        for _ in range(bed.effort.rounds):
            for kib in DRAFT_KIB:
                pairs[kib].append(_pair(bed, model, product, kib))
    cost = {kib: spread(review.cpu_us for _, review in pairs[kib]) for kib in DRAFT_KIB}
    slope, intercept = linear_regression(DRAFT_KIB, [cost[kib].median for kib in DRAFT_KIB])
    growth = cost[400].median / cost[100].median
    rows: list[tuple[Cell, ...]] = [_draft_row(kib, pairs[kib]) for kib in DRAFT_KIB]
    return Table(
        "Size of the draft",
        f"One review at a time, model at once. CPU of the service: {slope:.1f} us a KiB + {intercept:.0f} us "
        "(least squares over the medians); added p50 as in 'Added latency'.",
        ("KiB", "CPU us", "review p50 ms", "added p50 ms", "verdict"),
        tuple(rows),
        (at_most("CPU(400 KiB) / CPU(100 KiB)", growth, MAX_GROWTH),),
    )


def _pair(bed: Bed, model: Child, product: Child, kib: int) -> tuple[Run, Run]:
    calls = bed.effort.calls(max(8_000 // (40 + kib), 20), 5)
    return bed.direct(model, 1, calls, f"{kib}"), bed.review(product, 1, calls, f"{kib}")


def _draft_row(kib: int, pairs: list[tuple[Run, Run]]) -> tuple[Cell, ...]:
    return (
        kib,
        spread(review.cpu_us for _, review in pairs),
        spread(review.ms(50) for _, review in pairs),
        spread(review.ms(50) - direct.ms(50) for direct, review in pairs),
        ", ".join(sorted({verdict.removeprefix("VERDICT_") for _, review in pairs for verdict in review.verdicts})),
    )


def measure_rubrics(bed: Bed) -> Table:
    """Ask 10 and 50 criteria in one call, in turns."""
    with bed.phase():
        model = bed.model()
        arms = [_with_criteria(bed, model, criteria) for criteria in CRITERIA]
        for arm in arms:
            bed.review(arm, 8, 100)
        calls = bed.effort.calls(CALLS_OF_RUBRICS)
        rounds = [[bed.review(arm, 8, calls) for arm in arms] for _ in range(bed.effort.rounds)]
    ratio = spread(large.cpu_us / small.cpu_us for small, large in rounds)
    few, many = (spread(runs[arm].cpu_us for runs in rounds) for arm in range(len(CRITERIA)))
    return Table(
        "Size of the rubric",
        f"{CRITERIA[0]} against {CRITERIA[1]} criteria in one call; a quarter of them has to be quoted when met. "
        "CPU of the service, us a review.",
        (f"{CRITERIA[0]} criteria", f"{CRITERIA[1]} criteria", "ratio", "verdicts"),
        (
            (
                few,
                many,
                ratio,
                ", ".join(sorted({verdict for runs in rounds for run in runs for verdict in run.verdicts})),
            ),
        ),
        (at_most(f"CPU({CRITERIA[1]} criteria) / CPU({CRITERIA[0]} criteria)", ratio.median, MAX_RUBRIC_RATIO),),
    )


def _with_criteria(bed: Bed, model: Child, criteria: int) -> Child:
    directory = bed.folder / f"rubrics_{criteria}"
    rule_set(directory, RUBRICS, criteria)
    return bed.product(model.address, {"RUBRICS__DIRECTORY": str(directory)})
