"""A new domain: a rubric with cases to start from, and its route. Nothing that exists is overwritten."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from reviewer.core.baseline import BASELINE_ID
from reviewer.core.errors import Fault, RubricError
from reviewer.core.routing import Routing, intent_covers
from reviewer.rubrics.files import CASES, ROUTING, RUBRIC, RuleFiles, read_rules
from reviewer.rubrics.scaffold_text import BENIGN, ROUTE, SENSITIVE
from reviewer.rubrics.scaffold_text import RUBRIC as RUBRIC_TEXT
from reviewer.rubrics.validation import validate
from reviewer.rubrics.yaml_file import read

_DOMAIN = re.compile(r"[a-z][a-z0-9_]{1,40}")
_COMPANION = "answer_quality"
"""What every shipped route of tier high runs as well."""


@dataclass(frozen=True, slots=True)
class Scaffold:
    """What was made.

    Attributes:
        files: that were written, below the folder of the rule set.
        route: YAML of an entry of `routes`.
        appended: whether the route now stands in `routing.yaml`; it does not where its end is no list of routes.
    """

    files: tuple[str, ...]
    route: str
    appended: bool


def scaffold(directory: Path, domain: str, today: date, *, append: bool) -> Scaffold:
    """Write the files of a new domain.

    Args:
        directory: of the rule set; `<directory>/<domain>` must not be there yet.
        today: UTC date of the rubric's first version.
        append: whether to put the route at the end of `routing.yaml`, where that is possible.

    Raises:
        RubricError: the name is no domain's, or is taken; nothing was written.
        OSError: a file cannot be written.
    """
    if not _DOMAIN.fullmatch(domain):
        raise RubricError((Fault(domain[:60], "", "expected 2 to 41 lower-case letters, digits and underscores"),))
    if domain == BASELINE_ID or (directory / domain).exists():
        raise RubricError((Fault(domain, "", "there is a rubric or folder of that name"),))
    made = texts(domain, today)
    route = _route(read_rules(directory), domain)
    (directory / domain / CASES).mkdir(parents=True)
    for name, text in made.items():
        (directory / name).write_text(text, encoding="utf-8")
    return Scaffold(tuple(made), route, append and _append(directory / ROUTING, route, domain))


def texts(domain: str, today: date) -> dict[str, str]:
    """Return the files of a new domain by their names below the folder of the rule set."""
    made = {RUBRIC: RUBRIC_TEXT, f"{CASES}/known_benign.yaml": BENIGN, f"{CASES}/known_sensitive.yaml": SENSITIVE}
    values = {"@domain@": domain, "@words@": domain.replace("_", " "), "@date@": today.isoformat()}
    for mark, value in values.items():
        made = {name: text.replace(mark, value) for name, text in made.items()}
    return {f"{domain}/{name}": text for name, text in made.items()}


def _route(files: RuleFiles, domain: str) -> str:
    """Return a route of tier high that asks whom the default route asks."""
    companion = files.rubrics.get(_COMPANION)
    fits = companion and any(intent_covers(i, f"{domain}.*") for i in companion.model.applies_to.intents)
    rubrics = (domain, _COMPANION) if fits else (domain,)
    reviewers = files.routing.model.default.reviewers if files.routing else ()
    text = ROUTE.replace("@rubrics@", ", ".join(rubrics)).replace("@reviewers@", ", ".join(reviewers))
    return text.replace("@domain@", domain)


def _append(path: Path, route: str, domain: str) -> bool:
    """Append a route to the table, if the table then has it as its last one and is valid."""
    try:
        text = path.read_text(encoding="utf-8").rstrip("\n") + "\n\n" + route
        table = validate(read(path.name, text), Routing)
    except (OSError, RubricError):
        return False
    if not table.routes or table.routes[-1].id != domain:
        return False
    path.write_text(text, encoding="utf-8")
    return True
