"""Lint of composition: what an override takes away from its base, and bases that nothing extends.

Only what can be compared is: effects, severity, evidence, conditions, who judges, and signs that are gone. Whether new
words are softer than old ones is for the person who reads the change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from reviewer.core.errors import Fault
from reviewer.core.rubric import Criterion, Evidence, EvidenceDemand, Judge, Severity
from reviewer.rubrics.base_rubric import BaseRubric
from reviewer.rubrics.composition import Composed
from reviewer.rubrics.files import RuleFiles
from reviewer.rubrics.yaml_file import Document

_WEIGHT = {Severity.MINOR: 0, Severity.MAJOR: 1, Severity.BLOCKER: 2}


def softer_errors(files: RuleFiles) -> Iterator[Fault]:
    """Yield every criterion that is softer than its base's without a reason given."""
    for name, composed in files.composed.items():
        own, document = _criteria(name, files)
        for criterion_id, base in _base_criteria(composed).items():
            if criterion_id in composed.reasons:
                continue
            if criterion_id in composed.removed:
                message = f"{criterion_id} is left out: say why in allow_softer"
                yield Fault(composed.removed[criterion_id], "without", message, "RUB316")
            elif criterion_id in own:
                at, criterion = own[criterion_id]
                for field, message in softened(base, criterion):
                    yield document.fault(("criteria", at, field), f"{criterion_id}: {message}", "RUB316")


def override_warnings(files: RuleFiles) -> Iterator[Fault]:
    """Yield overrides that cannot be compared, reasons that excuse nothing, and bases that nothing extends."""
    extended = {base for composed in files.composed.values() for base in composed.bases}
    for name, loaded in files.bases.items():
        if name not in extended:
            yield loaded.document.fault(("id",), f"nothing extends {name}", "RUB318")
    for name, composed in files.composed.items():
        own, document = _criteria(name, files)
        for criterion_id, base in _base_criteria(composed).items():
            at, criterion = own.get(criterion_id, (0, base))
            excused = criterion_id in composed.reasons
            if excused and criterion_id not in composed.removed and not list(softened(base, criterion)):
                message = f"{criterion_id} is not softer than its base: allow_softer excuses nothing"
                yield document.fault(("criteria", at), message, "RUB501")
            changed = criterion.check is not None and base.check is not None and criterion.check != base.check
            if changed and not _only_worded(base, criterion):
                message = f"{criterion_id} replaces arguments of its base's check"
                yield document.fault(("criteria", at, "check"), message, "RUB317")


def _criteria(name: str, files: RuleFiles) -> tuple[dict[str, tuple[int, Criterion]], Document]:
    loaded = files.rubrics.get(name) or files.bases.get(name)
    if loaded is None:
        return {}, files.composed[name].document
    assert isinstance(loaded.model, BaseRubric) or loaded.model.criteria, "a rubric has criteria"
    return {criterion.id: (at, criterion) for at, criterion in enumerate(loaded.model.criteria)}, loaded.document


def _base_criteria(composed: Composed) -> Mapping[str, Criterion]:
    """Return the base's criteria by id; those at fault are reported where they stand."""
    listed = composed.base.at(("criteria",)) if composed.base is not None else None
    found: dict[str, Criterion] = {}
    for item in listed if isinstance(listed, list) else ():
        try:
            criterion = Criterion.model_validate(item)
        except ValidationError:
            continue
        found[criterion.id] = criterion
    return found


def softened(base: Criterion, own: Criterion) -> Iterator[tuple[str, str]]:
    """Yield the fields in which a criterion asks for less than its base, and how."""
    if base is own or base == own:
        return
    if _WEIGHT[own.severity] < _WEIGHT[base.severity]:
        yield "severity", f"severity {own.severity.value}, in the base {base.severity.value}"
    for field, ours, theirs in (
        ("on_fail", own.fail_effect, base.fail_effect),
        ("on_uncertain", own.uncertain_effect, base.uncertain_effect),
        ("on_unverified", own.unverified_effect, base.unverified_effect),
    ):
        if ours < theirs:
            yield field, f"{field} {ours.name.lower()}, in the base {theirs.name.lower()}"
    if own.na_allowed and not base.na_allowed:
        yield "na_allowed", "the critic may waive it, in the base it may not"
    if own.applies_when is not None and own.applies_when != base.applies_when:
        yield "applies_when", "it applies under conditions that the base does not have"
    if _less_evidence(own.evidence_rule, base.evidence_rule):
        yield "evidence", "it demands less evidence than the base"
    yield from _fewer_judges(base, own)
    for field in ("not_met_when", "uncertain_when"):
        if lost := [sign for sign in getattr(base, field) if sign not in getattr(own, field)]:
            yield field, f"{len(lost)} of the base's signs are gone"


def _less_evidence(own: Evidence, base: Evidence) -> bool:
    if base.on is EvidenceDemand.NONE:
        return False
    same_side = own.on in (base.on, EvidenceDemand.BOTH)
    return not same_side or own.min_quotes < base.min_quotes or not set(own.places) <= set(base.places)


def _fewer_judges(base: Criterion, own: Criterion) -> Iterator[tuple[str, str]]:
    if own.judge is not base.judge and own.judge is not Judge.BOTH:
        yield "judge", f"judged by {own.judge.value}, in the base by {base.judge.value}"
    elif base.check is not None and own.check is not None and own.check.id != base.check.id:
        yield "check", f"check {own.check.id}, in the base {base.check.id}"


def _only_worded(base: Criterion, own: Criterion) -> bool:
    """Whether the checks differ in nothing but wording that overlays add: more groups, or longer ones."""
    assert base.check is not None
    assert own.check is not None
    ours, theirs = own.check.args, base.check.args
    if own.check.id != base.check.id or ours.keys() != theirs.keys():
        return False
    for argument, groups in theirs.items():
        mine = ours[argument]
        if mine == groups:
            continue
        if not isinstance(groups, dict) or not isinstance(mine, dict):
            return False
        if any(mine.get(tag, ())[: len(patterns)] != patterns for tag, patterns in groups.items()):
            return False
    return True
