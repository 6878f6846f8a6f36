"""How long lint takes for a large rule set, and what of it is more than reading and validating the same files."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from shutil import copy

import yaml

from bench.bed import RUBRICS, Bed
from bench.report import Table, at_most, spread
from reviewer.core.case import CaseFile
from reviewer.core.rubric import Rubric
from reviewer.rubrics.lint import lint
from reviewer.rubrics.scaffold import texts

FILES = 1_000
FILES_OF_A_DOMAIN = 3
TODAY = date(2026, 11, 21)
MAX_RATIO = 3.0
MAX_GROWTH = 8.0
"""Of the time for four times the files: 4 is linear, 16 quadratic."""


def measure(bed: Bed) -> Table:
    """Lint a rule set of scaffolded domains and a quarter of it, and load the same files plainly, in turns."""
    whole, quarter = bed.effort.calls(FILES, 120), bed.effort.calls(FILES // 4, 30)
    folders = {files: rule_set(bed.folder / f"lint_{files}", files // FILES_OF_A_DOMAIN) for files in (whole, quarter)}
    ours: list[float] = []
    plain: list[float] = []
    small: list[float] = []
    for _ in range(bed.effort.rounds):
        plain.append(_seconds(load_plainly, folders[whole]))
        ours.append(_seconds(_clean_lint, folders[whole]))
        small.append(_seconds(_clean_lint, folders[quarter]))
    ratio = spread(mine / theirs for mine, theirs in zip(ours, plain, strict=True))
    growth = spread(large / less for large, less in zip(ours, small, strict=True))
    lines = sum(path.read_bytes().count(b"\n") for path in folders[whole].glob("*/**/*.yaml"))
    return Table(
        "Lint",
        f"CPU s of one process for {whole} files of {lines:,} lines. Plain: CSafeLoader and pydantic on the same "
        f"files, without positions, rules between files, checks or lint. Growth: against {quarter} files.",
        ("lint", "plain", "ratio", "files/s", "growth"),
        ((spread(ours), spread(plain), ratio, spread(whole / seconds for seconds in ours), growth),),
        (
            at_most("lint / plain", ratio.median, MAX_RATIO),
            at_most(f"lint({whole}) / lint({quarter})", growth.median, MAX_GROWTH),
        ),
    )


def rule_set(directory: Path, domains: int) -> Path:
    """Write a rule set of scaffolded domains, each with its route; returns the folder."""
    directory.mkdir(parents=True)
    copy(RUBRICS / "models.yaml", directory)
    routing = (RUBRICS / "routing.yaml").read_text(encoding="utf-8").partition("\nroutes:")[0]
    routes: list[str] = []
    for number in range(domains):
        name = f"domain_{number}"
        for file, text in texts(name, TODAY).items():
            (directory / file).parent.mkdir(parents=True, exist_ok=True)
            (directory / file).write_text(text, encoding="utf-8")
        table = f'intents: ["{name}.*"], domain: {name}, tier: high, rubrics: [{name}], reviewers: [claude_opus, gpt]'
        routes.append(f"  - {{id: {name}, {table}}}\n")
    copy_of_default = routing.replace("answer_quality", "domain_0")
    (directory / "routing.yaml").write_text(f"{copy_of_default}\nroutes:\n{''.join(routes)}", encoding="utf-8")
    rubric = directory / "domain_0" / "rubric.yaml"
    text = rubric.read_text(encoding="utf-8").replace('intents: ["domain_0.*"]', 'intents: ["*"]')
    rubric.write_text(text, encoding="utf-8")
    return directory


def load_plainly(directory: Path) -> None:
    """Read and validate every rubric and case file, each on its own."""
    for path in directory.glob("*/**/*.yaml"):
        model: type[Rubric | CaseFile] = Rubric if path.name == "rubric.yaml" else CaseFile
        model.model_validate(yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader))


def _clean_lint(directory: Path) -> None:
    report = lint(directory, TODAY)
    assert not report.errors, report.errors[:3]
    assert not report.warnings, report.warnings[:3]


def _seconds(work: Callable[[Path], None], directory: Path) -> float:
    began = time.process_time()
    work(directory)
    return time.process_time() - began
