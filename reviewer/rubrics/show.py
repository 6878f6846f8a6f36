"""What is in force, as YAML: every value with the file and line it comes from, or `default` where no file says it.

The text reads back as what it shows. Composition is in it; a locale's additions stand where the critic meets them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping

from reviewer.core.baseline import BASELINE_ID
from reviewer.core.placement import FieldPath
from reviewer.core.questionnaire import build
from reviewer.core.rubric import Rubric
from reviewer.core.rulebook import Rulebook, fold_locale
from reviewer.rubrics.files import Loaded, RuleFiles
from reviewer.rubrics.yaml_file import Document

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_/-]*(?:[ .][A-Za-z0-9_/-]+)*")
# Words that some YAML version takes for something other than text.
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_DEFAULT = "default"


def stated(document: Document) -> str:
    """Return what a rubric's own file and its bases say, without defaults."""
    return _yaml(document.value, document)


def in_force(rubric: Loaded[Rubric], locale: str = "") -> str:
    """Return a rubric with all defaults, those of severity and kind among them; of its locales only the one named."""
    value = rubric.model.model_dump(mode="json", by_alias=True)
    for shown, criterion in zip(value["criteria"], rubric.model.criteria, strict=True):
        shown["on_fail"] = criterion.fail_effect.name.lower()
        shown["on_uncertain"] = criterion.uncertain_effect.name.lower()
        shown["evidence"] = criterion.evidence_rule.model_dump(mode="json")
    if locale:
        value["locales"] = {tag: inner for tag, inner in value["locales"].items() if _serves(rubric.model, tag, locale)}
    return _yaml(value, rubric.document)


def route_in_force(files: RuleFiles, route_id: str, rubric: str) -> str:
    """Return a route that runs a rubric, with all defaults, as comments: the rubric is the document.

    Raises:
        LookupError: there is no such route, or it does not run the rubric; the message lists those that do.
    """
    assert files.routing is not None, "the caller has seen the routing load"
    running = {
        route.id: (path, route) for path, route in files.routing.model.placed_routes() if rubric in route.rubrics
    }
    path, route = running[_known(route_id, running, f"no route {route_id} runs {rubric}")]
    text = _yaml(route.model_dump(mode="json", by_alias=True), files.routing.document, path)
    return "".join(f"# {line}\n" for line in text.splitlines())


def prompt_of(rulebook: Rulebook, rubric: str, route_id: str, locale: str) -> str:
    """Return the stable part of the prompt in one locale: of a route, or of the rubric alone.

    Raises:
        LookupError: there is no such rubric, since a base is never asked, or no such route that runs it.
    """
    rubrics = {name: each for name, each in rulebook.rubrics.items() if name != BASELINE_ID}
    chosen: tuple[str, ...] = (_known(rubric, rubrics, f"no rubric {rubric}"),)
    if route_id:
        running = {route.id: route for route in rulebook.routing.all_routes if rubric in route.rubrics}
        chosen = running[_known(route_id, running, f"no route {route_id} runs {rubric}")].rubrics
    asked = tuple(rulebook.rubrics[name] for name in (BASELINE_ID, *chosen))
    return build(asked, rulebook.overlay_tag(locale)).prefix + "\n"


def _known(name: str, names: Iterable[str], fault: str) -> str:
    if name not in names:
        raise LookupError(f"{fault}; there are: {', '.join(names) or 'none'}")
    return name


def _serves(rubric: Rubric, tag: str, locale: str) -> bool:
    folded = fold_locale(locale)
    tags = {fold_locale(each): each for each in rubric.locales}
    return tags.get(folded, tags.get(folded.partition("-")[0])) == tag


def _yaml(value: object, document: Document, base: FieldPath = ()) -> str:
    return "\n".join(_lines(value, document, base, 0)) + "\n"


def _lines(value: object, document: Document, path: FieldPath, depth: int) -> Iterator[str]:
    """Yield the lines of a mapping or a list; a scalar stands on the line of its key."""
    pad = "  " * depth
    entries: list[tuple[str, object, FieldPath]] = []
    if isinstance(value, Mapping):
        entries = [(f"{_key(key)}:", inner, (*path, key)) for key, inner in value.items()]
    elif isinstance(value, list):
        entries = [("-", inner, (*path, at)) for at, inner in enumerate(value)]
    for head, inner, place in entries:
        if isinstance(inner, dict | list) and inner:
            yield f"{pad}{head}{_origin(document, place, '  # ')}"
            yield from _lines(inner, document, place, depth + 1)
        else:
            yield f"{pad}{head} {_scalar(inner)}{_origin(document, place, '  # ')}"


def _origin(document: Document, path: FieldPath, mark: str) -> str:
    return mark + (document.where(path) if path in document.positions else _DEFAULT)


def _key(key: object) -> str:
    text = str(key)
    return text if _PLAIN.fullmatch(text) and text.lower() not in _WORDS else json.dumps(text, ensure_ascii=False)


def _scalar(value: object) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    # JSON is YAML, also for empty lists and mappings; these three it leaves as they are, and YAML takes for line ends.
    text = json.dumps(value, ensure_ascii=False)
    return text.replace("\x85", "\\u0085").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
