"""`reviewer rubric calibrate`: the service's answers against people's labels, and the gates of a release."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Annotated

import typer

from reviewer.app import rubric_directory
from reviewer.cli.calibration_json import Told, calibration_told
from reviewer.cli.calibration_log import answers_of_log, people_of_log
from reviewer.cli.calibration_tables import calibration_tables
from reviewer.cli.console import (
    ConfigOption,
    Exit,
    LogPathOption,
    errors_end_the_command,
    fail,
    out,
)
from reviewer.cli.log_files import settings_for
from reviewer.cli.search import FilterOption
from reviewer.core.answering import Answering
from reviewer.core.baseline import BASELINE
from reviewer.core.calibration import calibrate as figures_of
from reviewer.core.errors import RubricError
from reviewer.core.gates import Gate, check_gates
from reviewer.core.labels import Judged, Label, match
from reviewer.core.rubric import Severity
from reviewer.core.statistics.agreement import REPLICATES
from reviewer.rubrics.files import RuleFiles, read_rules
from reviewer.rubrics.gates import GATES, read_gates
from reviewer.rubrics.labels import read_judged, read_labels


def calibrate(
    labels: Annotated[
        Path | None,
        typer.Argument(help="People's labels: CSV, or JSON lines; default: what people resolved, in the log."),
    ] = None,
    judged: Annotated[Path | None, typer.Option(help="The answers: CSV, or JSON lines.", show_default=False)] = None,
    log: Annotated[bool, typer.Option("--log", help="Take the answers from the verdict log instead.")] = False,
    path: LogPathOption = None,
    filter_: FilterOption = "",
    in_force: Annotated[
        Path | None, typer.Option(help="Answers of the release in force, to be no worse than.", show_default=False)
    ] = None,
    gates: Annotated[
        Path | None, typer.Option(help="Gate file; default: gates.yaml of the rule set.", show_default=False)
    ] = None,
    rules: Annotated[Path | None, typer.Option(help="Folder of the rule set.", show_default=False)] = None,
    segments: Annotated[bool, typer.Option("--segments", help="Show every segment in the terminal.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="As JSON, segments included.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write one self-contained page too.", show_default=False)] = None,
    seed: Annotated[int, typer.Option(help="Of the resampling behind kappa's interval.")] = 1,
    replicates: Annotated[int, typer.Option(help="Samples for it.", min=100, max=100_000)] = REPLICATES,
    config: ConfigOption = None,
) -> None:
    """Compare answers with people's labels. Exit status: 0 every gate passed, 1 one did not, 2 a file is wrong."""
    if (judged is None) == (not log):
        fail("give either --judged FILE or --log", Exit.USAGE)
    if labels is None and not log:
        fail("give labels, or --log to take those of resolved handoffs", Exit.USAGE)
    settings = settings_for(path, config)
    with errors_end_the_command():
        directory = rules or rubric_directory(settings)
        files = read_rules(directory)
        if files.faults:
            raise RubricError(files.faults)
        severities = _severities(files)
        asked = _gates(gates, directory, severities)
        said = people_of_log(settings) if labels is None else tuple(read_labels(labels).labels())
        answering = Answering()
        answers = answers_of_log(settings, filter_, answering) if judged is None else read_judged(judged)
        were = None if in_force is None else match(read_judged(in_force), said)
        rows = match(answers, said)
        checked = check_gates(asked, rows, severities, were)
        report = figures_of(rows, Random(seed), replicates, _families(files), _unmatched(said, answers))  # noqa: S311
    provenance: dict[str, Told] = {
        "labels": labels.name if labels else "log",
        "judged": judged.name if judged else "log",
        "seed": seed,
    }
    told = calibration_told(report, checked, {**provenance, "replicates": replicates}, answering)
    if html is not None:
        _write_page(html, told)
    if json_:
        typer.echo(json.dumps(told, indent=2))
    else:
        out.print(calibration_tables(report, checked, answering, segments=segments))
    raise typer.Exit(Exit.DONE if all(gate.passed for gate in checked) else Exit.FAILED)


def _write_page(path: Path, told: dict[str, Told]) -> None:
    from reviewer.cli.calibration_html import calibration_page

    try:
        path.write_text(calibration_page(told), encoding="utf-8")
    except OSError as exc:
        fail(f"{path}: cannot be written: {exc.strerror}")


def _severities(files: RuleFiles) -> dict[str, Severity]:
    rubrics = (BASELINE, *(loaded.model for loaded in files.rubrics.values()))
    return {f"{rubric.id}/{criterion.id}": criterion.severity for rubric in rubrics for criterion in rubric.criteria}


def _families(files: RuleFiles) -> dict[str, str]:
    return {entry.id: entry.family for entry in files.catalogue.model.models} if files.catalogue else {}


def _gates(named: Path | None, directory: Path, severities: dict[str, Severity]) -> tuple[Gate, ...]:
    """Read the gates; a rule set need not have any, a file that is named must be there."""
    if named is not None:
        return read_gates(named.parent, named.name, severities).gates
    return read_gates(directory, GATES, severities).gates if (directory / GATES).exists() else ()


def _unmatched(said: tuple[Label, ...], answers: tuple[Judged, ...]) -> int:
    known = {answer.key for answer in answers}
    return sum(label.key not in known for label in said)
