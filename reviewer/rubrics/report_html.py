"""The report of a run as one page: no script, no font, no picture, nothing that is fetched from anywhere.

Everything that stands in a case or came from a model is escaped by the template engine, which is told to do so always.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from reviewer.rubrics.mutation import MutationResult
from reviewer.rubrics.results import RunResult

_TEMPLATES = Path(__file__).parent / "templates"


def run_html(result: RunResult) -> str:
    """Render a run; the same bytes for the same result."""
    return _template("run.html").render(run=result, covered=result.covered)


def mutation_html(result: MutationResult) -> str:
    """Render a mutation run; the same bytes for the same result."""
    return _template("mutation.html").render(run=result)


@cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["usd"] = _usd
    return environment.get_template(name)


def _usd(micro: int | None) -> str:
    return "unknown" if micro is None else f"${micro / 1_000_000:.4f}"
