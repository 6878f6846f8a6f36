from __future__ import annotations

import itertools
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reviewer.core.errors import RubricError
from reviewer.rubrics.load import load_cases, load_rulebook

if TYPE_CHECKING:
    from tests.unit.rubrics.conftest import Edit

TODAY = date(2026, 11, 21)


def faults(rules: Path) -> list[str]:
    with pytest.raises(RubricError) as caught:
        load_rulebook(rules, today=TODAY)
    return [str(fault) for fault in caught.value.faults]


def test_loads(rules: Path) -> None:
    """A valid folder becomes a rulebook with the baseline and every check compiled."""
    rulebook, warnings = load_rulebook(rules, today=TODAY)

    assert warnings == ()
    assert sorted(rulebook.rubrics) == ["baseline", "health", "quality"]
    assert [p.key for p in rulebook.plan("health.dose", None, "", b"").criteria if p.check is not None] == [
        "baseline/answers_something",
        "baseline/no_hidden_text",
        "baseline/no_reviewer_steering",
        "health/checked",
    ]


@pytest.mark.parametrize(("args", "shared"), [("max_share_percent: 50", True), ("max_share_percent: 40", False)])
def test_checks_that_ask_the_same_are_one(rules: Path, edit: Edit, args: str, shared: bool) -> None:
    """Two rubrics share a check, which then runs once, also where only one of them spells out a default."""
    for name in ("health", "quality"):
        edit(f"{name}/rubric.yaml", "id: non_answer", "id: over_caveating")
        edit(f"{name}/rubric.yaml", "min_words: 3", "max_caveats: 3")
    edit("quality/rubric.yaml", "max_caveats: 3", args)
    checks = load_rulebook(rules, today=TODAY)[0].checks
    assert (checks["health/checked"] is checks["quality/checked"]) is shared


def test_comments_do_not_change_the_digest(rules: Path, edit: Edit) -> None:
    """The digest follows the meaning of the files, not their layout."""
    before = load_rulebook(rules, today=TODAY)[0].digest
    edit("health/rubric.yaml", "owner: tests", "# a remark\nowner:   'tests'")
    assert load_rulebook(rules, today=TODAY)[0].digest == before

    edit("health/rubric.yaml", "min_words: 3", "min_words: 4")
    assert load_rulebook(rules, today=TODAY)[0].digest != before


def test_faults_of_all_files_at_once(rules: Path, edit: Edit) -> None:
    """Faults of syntax, of schema and between files are all reported, each with its own line."""
    unknown_model = edit("routing.yaml", "model: gpt-5.5-2026-04-23", "model: gpt-9")
    unknown_rubric = edit("routing.yaml", "rubrics: [health]", "rubrics: [health, wealth]")
    bad_price = edit("models.yaml", "context_tokens: 1000000", "context_tokens: 0")
    bad_kind = edit("quality/rubric.yaml", "kind: presence", "kind: wish")
    bad_argument = edit("health/rubric.yaml", "min_words: 3", "min_words: many")

    assert [fault.split(": ")[:2] for fault in faults(rules)] == [
        [f"health/rubric.yaml:{bad_argument}:9", "criteria[1].check.args.min_words"],
        [f"models.yaml:{bad_price}:5", "models[0].context_tokens"],
        [f"quality/rubric.yaml:{bad_kind}:5", "criteria[0].kind"],
        [f"routing.yaml:{unknown_rubric}:23", "routes[0].rubrics[1]"],
    ]

    edit("models.yaml", "context_tokens: 0", "context_tokens: 1")
    assert f"routing.yaml:{unknown_model}:5: reviewers[1].model: unknown model gpt-9: add it to models.yaml" in faults(
        rules
    )


INDEPENDENT = [
    ("health/rubric.yaml", "id: health", "id: wealth"),
    ("health/rubric.yaml", "id: non_answer", "id: no_such_check"),
    ("quality/rubric.yaml", "min_words: 3", "min_words: many"),
    ("routing.yaml", "max_output_tokens: 4096", "max_output_tokens: 131072"),
    ("routing.yaml", "rubrics: [health]", "rubrics: [health, wealth]"),
    ("routing.yaml", "rubrics: [quality]", "rubrics: [baseline, quality]"),
]


@pytest.mark.parametrize("chosen", [c for n in range(1, 7) for c in itertools.combinations(INDEPENDENT, n)])
def test_fault_list_is_complete(rules: Path, edit: Edit, chosen: tuple[tuple[str, str, str], ...]) -> None:
    """Any mixture of independent faults is reported whole: as many faults, each at the line that was broken."""
    edit("routing.yaml", "provider: openai", "provider: openai\n    max_output_tokens: 4096")
    broken = sorted((name, edit(name, old, new)) for name, old, new in chosen)

    reported = [fault.split(":", 2)[:2] for fault in faults(rules)]
    assert [(name, int(line)) for name, line in reported] == broken


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("health/rubric.yaml", "id: health", "id: wealth", "id wealth differs from the folder health"),
        ("health/rubric.yaml", "id: health", "id: baseline", "built-in rubric: choose another"),
        ("health/rubric.yaml", "id: non_answer", "id: no_such_check", "no 'no_such_check' in checks; there are: "),
        ("health/rubric.yaml", "id: non_answer", "id: interface", "no 'interface' in checks; there are: "),
        ("health/rubric.yaml", "min_words: 3", "min_wrds: 3", "unknown key; did you mean min_words?"),
        ("health/rubric.yaml", "pt-BR:", "pt-br:", "is spelt pt-br in another rubric"),
        ("routing.yaml", "rubrics: [health]", "rubrics: [baseline]", "baseline always runs: leave it out"),
        ("routing.yaml", "reviewers: [critic, other]", "reviewers: [nobody]", "unknown reviewer nobody; known: critic"),
        ("routing.yaml", "domain: health", "domain: wealth", "unknown domain wealth; its rubrics belong to health"),
        ("routing.yaml", "tier: high\n    rubrics", "tier: low\n    reviewers: []\n    rubrics", "stands twice"),
        (
            "routing.yaml",
            "provider: openai",
            "provider: openai\n    max_output_tokens: 131072",
            "at most 128,000 tokens",
        ),
        ("models.yaml", "aliases: [gpt-5.5]", "aliases: [claude-opus-4-6]", "already stands for claude-opus-4-6"),
    ],
)
def test_cross_file_fault(rules: Path, edit: Edit, name: str, old: str, new: str, expected: str) -> None:
    """A name that another file does not have, or a check that cannot be built, stops the load."""
    edit(name, old, new)
    found = faults(rules)

    assert len(found) == 1
    assert expected in found[0]


def test_fault_inside_routing_is_placed(rules: Path, edit: Edit) -> None:
    """A rule over the whole table is reported at the line of the field that breaks it."""
    line = edit("routing.yaml", "    reviewers: [critic, other]", "    reviewers: [critic, nobody]")

    assert faults(rules) == [
        f"routing.yaml:{line}:25: routes[0].reviewers[1]: unknown reviewer nobody; known: critic, other"
    ]


def test_unreadable_rubric_is_reported_once(rules: Path, edit: Edit) -> None:
    """A rubric with a fault is not also reported as unknown to the routes that name it."""
    edit("health/rubric.yaml", "owner: tests\n", "")

    assert faults(rules) == ["health/rubric.yaml:1:1: owner: required key is missing"]


def test_medium_route_without_reviewer(rules: Path, edit: Edit) -> None:
    """A route whose rubrics ask a second model must name one, in every tier that may ask it."""
    edit(
        "routing.yaml",
        "    tier: high\n    rubrics: [health]\n    reviewers: [critic, other]",
        "    tier: medium\n    rubrics: [health]",
    )
    assert "no reviewer is named" in faults(rules)[0]

    edit("routing.yaml", "tier: medium", "tier: low")
    assert "no reviewer is named" in faults(rules)[0]

    edit("routing.yaml", "tier: low", "sample_percent: 0\n    tier: low")
    load_rulebook(rules, today=TODAY)


def test_high_route_asks_somebody(rules: Path) -> None:
    """A high-tier route whose rubrics only have deterministic checks is refused."""
    path = rules / "health" / "rubric.yaml"
    head, _ = path.read_text().split("criteria:\n")
    criterion = "id: checked\n    title: checked\n    question: Is it?\n    kind: absence\n    severity: blocker"
    head = head.replace("    guidance:\n      asked: em português\n", "    guidance: {}\n")
    path.write_text(f"{head}criteria:\n  - {criterion}\n    judge: check\n    check: {{id: non_answer}}\n")

    assert faults(rules) == [
        "routing.yaml:22:5: routes[0].rubrics: a high-tier route needs a criterion that the second model judges"
    ]


def test_missing_files(tmp_path: Path) -> None:
    """An empty folder is told everything that it lacks, without naming where it lies."""
    found = faults(tmp_path)

    assert [fault.split(": ", 1)[0] for fault in found] == ["*/rubric.yaml", "models.yaml", "routing.yaml"]
    assert str(tmp_path) not in "\n".join(found)


@pytest.mark.parametrize(
    ("retires", "message"),
    [
        ("2026-11-20", "was retired on 2026-11-20"),
        ("2026-11-21", "was retired on 2026-11-21"),
        ("2026-11-22", "retires on 2026-11-22"),
        ("2027-01-20", "retires on 2027-01-20"),
        ("2027-01-21", None),
    ],
)
def test_retirement_is_a_warning(rules: Path, edit: Edit, retires: str, message: str | None) -> None:
    """A reviewer past or within 60 days of its retirement is warned of, and does not stop a running service."""
    edit("models.yaml", "    source:", f"    retires: {retires}\n    source:")
    _, warnings = load_rulebook(rules, today=TODAY)

    assert [str(w) for w in warnings] == (
        [f"routing.yaml:6:5: reviewers[0].model: claude-opus-4-6 {message}"] if message else []
    )


def test_load_cases(rules: Path) -> None:
    """Case files come sorted, with their paths."""
    assert [(path.relative_to(rules).as_posix(), cases.rubric) for path, cases in load_cases(rules)] == [
        ("health/cases/known_sensitive.yaml", "health"),
        ("quality/cases/known_sensitive.yaml", "quality"),
    ]


def test_case_faults_at_once(rules: Path, edit: Edit) -> None:
    """Faults of all case files are reported together."""
    first = edit("health/cases/known_sensitive.yaml", "verdicts: [HUMAN_HANDOFF]", "verdicts: [MAYBE]")
    second = edit("quality/cases/known_sensitive.yaml", "suite: known_sensitive", "suite: unknown")
    with pytest.raises(RubricError) as caught:
        load_cases(rules)

    assert [fault.where for fault in caught.value.faults] == [
        f"health/cases/known_sensitive.yaml:{first}:18",
        f"quality/cases/known_sensitive.yaml:{second}:1",
    ]
