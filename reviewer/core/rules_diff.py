"""The difference between two rule sets in words of their meaning: what became stricter or softer, and what that costs.

A change of the text that the critic reads can go either way, and is called neutral; whether verdicts move is for a
replay to show. What differs between routes and models is `reviewer.core.routing_diff`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher

from reviewer.core.change import Change, Meaning, Rerun, listed, ordered
from reviewer.core.routing_diff import model_changes, routing_changes
from reviewer.core.rubric import AppliesWhen, Criterion, Effect, Judge, LocaleOverlay, Rubric, Severity
from reviewer.core.rulebook import Rulebook
from reviewer.core.sameness import asked_text

_LIKENESS = 0.8
_WEIGHT = {Severity.MINOR: 0, Severity.MAJOR: 1, Severity.BLOCKER: 2}
_ASKED = {Judge.CHECK: 0, Judge.CRITIC: 0, Judge.BOTH: 1}
_EFFECT = {Effect.NOTE: "note", Effect.REVISE: "revise", Effect.HANDOFF: "handoff"}
_MORE_OF = {"forbidden_text": Meaning.STRICTER}
"""What a longer list of arguments means, where it can mean one thing only."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs between two rule sets.

    Attributes:
        changes: rubrics first, by criterion in the order of the later set, then routing, then models.
        needs_model: keys of criteria whose recorded answers a replay cannot take.
        code_only: keys of criteria that changed and whose recorded answers stand.
    """

    changes: tuple[Change, ...]
    needs_model: tuple[str, ...]
    code_only: tuple[str, ...]


_NO_OVERLAY = LocaleOverlay.model_validate({})


def difference(before: Rulebook, after: Rulebook) -> Difference:
    """Compare two rule sets; equal ones have no changes."""
    changes: list[Change] = []
    for name in [*after.rubrics, *(n for n in before.rubrics if n not in after.rubrics)]:
        old, new = before.rubrics.get(name), after.rubrics.get(name)
        if new is None:
            changes.append(Change(f"rubric {name}", "removed", Meaning.SOFTER))
        elif old is None:
            changes.append(Change(f"rubric {name}", "added", Meaning.STRICTER))
            changes += [_added(f"{name}/{criterion.id}", criterion) for criterion in new.criteria]
        elif old != new:
            changes += _rubric_changes(old, new)
    changes += routing_changes(before.routing, after.routing)
    changes += model_changes(before.catalogue, after.catalogue)
    touched = {change.criterion: change.rerun for change in changes if change.criterion}
    for change in changes:
        if change.criterion and change.rerun is Rerun.MODEL:
            touched[change.criterion] = Rerun.MODEL
    model = tuple([key for key, rerun in touched.items() if rerun is Rerun.MODEL])
    return Difference(tuple(changes), model, tuple([key for key in touched if key not in model]))


def _rubric_changes(old: Rubric, new: Rubric) -> Iterator[Change]:
    at = f"rubric {new.id}"
    if old.version != new.version:
        yield Change(at, f"version {old.version} -> {new.version}", Meaning.NEUTRAL)
    for name in ("domain", "owner", "changed", "applies_to"):
        if getattr(old, name) != getattr(new, name):
            yield Change(at, f"{name} changed", Meaning.NEUTRAL)
    if old.purpose != new.purpose:
        yield Change(at, "purpose changed, which every question is read with", Meaning.NEUTRAL, Rerun.MODEL)
    for text in listed("fact", [f.text for f in old.policy_facts], [f.text for f in new.policy_facts]):
        yield Change(at, text, Meaning.NEUTRAL, Rerun.MODEL)
    for text in listed("public value", old.public_values, new.public_values):
        # What is kept was redacted under the old values: nothing can be rerun for that.
        yield Change(at, text, Meaning.NEUTRAL)
    yield from _locale_changes(at, old.locales, new.locales)
    yield from _criteria_changes(old, new)


def _locale_changes(at: str, old: Mapping[str, LocaleOverlay], new: Mapping[str, LocaleOverlay]) -> Iterator[Change]:
    for tag in ordered(old, new):
        was, now = old.get(tag, _NO_OVERLAY), new.get(tag, _NO_OVERLAY)
        if was == now:
            continue
        facts = listed(f"{tag}: fact", [f.text for f in was.policy_facts], [f.text for f in now.policy_facts])
        guidance = [
            f"{tag}: guidance for {name} {_how(name in was.guidance, name in now.guidance)}"
            for name in ordered(was.guidance, now.guidance)
            if was.guidance.get(name) != now.guidance.get(name)
        ]
        signs = [
            f"{tag}: {field} for {name} {_how(name in was.signs[field], name in now.signs[field])}"
            for field in was.signs
            for name in ordered(was.signs[field], now.signs[field])
            if was.signs[field].get(name) != now.signs[field].get(name)
        ]
        for text in (*facts, *guidance, *signs):
            yield Change(at, text, Meaning.NEUTRAL, Rerun.MODEL)


def _how(was: bool, now: bool) -> str:  # noqa: FBT001 - the two sides of one thing
    return "changed" if was and now else ("added" if now else "removed")


def _criteria_changes(old: Rubric, new: Rubric) -> Iterator[Change]:
    was = {criterion.id: criterion for criterion in old.criteria}
    now = {criterion.id: criterion for criterion in new.criteria}
    gone = {name: criterion for name, criterion in was.items() if name not in now}
    for name, criterion in now.items():
        key = f"{new.id}/{name}"
        if name in was:
            yield from _criterion_changes(key, (old, was[name]), (new, criterion))
        elif (former := _renamed(criterion, gone)) is not None:
            # Its recorded answers are under the old name: they are not taken for the new one.
            rerun = Rerun.CODE if criterion.judge is Judge.CHECK else Rerun.MODEL
            yield Change(key, f"renamed from {former} (a guess)", Meaning.NEUTRAL, rerun, key)
            same = gone.pop(former).model_copy(update={"id": name})
            yield from _criterion_changes(key, (old, same), (new, criterion))
        else:
            yield _added(key, criterion)
    for name, criterion in gone.items():
        note = "" if criterion.fail_effect is not Effect.NOTE else "; it only made notes"
        yield Change(f"{new.id}/{name}", f"removed ({criterion.severity.value}{note})", Meaning.SOFTER)


def _added(key: str, criterion: Criterion) -> Change:
    rerun = Rerun.CODE if criterion.judge is Judge.CHECK else Rerun.MODEL
    return Change(key, f"added ({criterion.severity.value}, {criterion.kind.value})", Meaning.STRICTER, rerun, key)


def _renamed(criterion: Criterion, gone: Mapping[str, Criterion]) -> str | None:
    """Guess which criterion that is gone this one was: of the same kind, and with nearly the same words."""
    best, likeness = None, _LIKENESS
    for name, other in gone.items():
        if other.kind is not criterion.kind or other.judge is not criterion.judge:
            continue
        ratio = SequenceMatcher(None, _words(other), _words(criterion), autojunk=False).ratio()
        if ratio >= likeness:
            best, likeness = name, ratio
    return best


def _words(criterion: Criterion) -> list[str]:
    return " ".join((criterion.question, *criterion.met_when, *criterion.not_met_when)).split()


def _criterion_changes(key: str, before: tuple[Rubric, Criterion], after: tuple[Rubric, Criterion]) -> Iterator[Change]:
    """Say what changed in one criterion; a rubric's own purpose and facts are told apart, once."""
    (old_rubric, old), (new_rubric, new) = before, after
    told = [*_weights(old, new), *_evidence(old, new), *_scope(old, new), *_wording(old, new)]
    if not told:
        tags = ordered(old_rubric.locales, new_rubric.locales)
        same = all(asked_text(old_rubric, old, tag) == asked_text(new_rubric, new, tag) for tag in ("", *tags))
        if not same:
            yield Change(key, "is asked with another purpose, fact or guidance", Meaning.NEUTRAL, Rerun.MODEL, key)
        return
    base = new_rubric.model_copy(update={"criteria": (old, new)})
    asked = asked_text(base, old, "") != asked_text(base, new, "") and new.judge is not Judge.CHECK
    around = any(
        asked_text(old_rubric, old, tag) != asked_text(new_rubric, old, tag)
        for tag in ("", *ordered(old_rubric.locales, new_rubric.locales))
    )
    rerun = Rerun.MODEL if (asked or around) and new.judge is not Judge.CHECK else Rerun.CODE
    for what, meaning in told:
        yield Change(key, what, meaning, rerun, key)


_Told = Iterable[tuple[str, Meaning]]


def _weights(old: Criterion, new: Criterion) -> _Told:
    if old.severity is not new.severity:
        moved = Meaning.of(_WEIGHT[new.severity] - _WEIGHT[old.severity])
        yield f"severity {old.severity.value} -> {new.severity.value}", moved
    for name, was, now in (
        ("on_fail", old.fail_effect, new.fail_effect),
        ("on_uncertain", old.uncertain_effect, new.uncertain_effect),
        ("on_unverified", old.unverified_effect, new.unverified_effect),
    ):
        if was is not now:
            yield f"{name} {_EFFECT[was]} -> {_EFFECT[now]}", Meaning.of(now - was)
    if old.na_allowed is not new.na_allowed:
        yield ("may be waived by the critic", Meaning.SOFTER) if new.na_allowed else ("no waiver", Meaning.STRICTER)


def _evidence(old: Criterion, new: Criterion) -> _Told:
    was, now = old.evidence_rule, new.evidence_rule
    if was.on is not now.on:
        yield f"evidence {was.on.value} -> {now.on.value}", Meaning.NEUTRAL
    if was.min_quotes != now.min_quotes:
        yield f"min_quotes {was.min_quotes} -> {now.min_quotes}", Meaning.of(now.min_quotes - was.min_quotes)
    if set(was.places) != set(now.places):
        fewer = len(set(now.places) - set(was.places)) - len(set(was.places) - set(now.places))
        places = " -> ".join(", ".join(place.value for place in rule.places) for rule in (was, now))
        yield f"quotes from {places}", Meaning.of(-fewer)


def _scope(old: Criterion, new: Criterion) -> _Told:
    if old.judge is not new.judge:
        yield f"judge {old.judge.value} -> {new.judge.value}", Meaning.of(_ASKED[new.judge] - _ASKED[old.judge])
    if old.applies_when != new.applies_when:
        yield f"applies_when {_when(old.applies_when)} -> {_when(new.applies_when)}", _narrowed(old, new)
    if old.check is not None and new.check is not None and old.check != new.check:
        if old.check.id != new.check.id:
            yield f"check {old.check.id} -> {new.check.id}", Meaning.NEUTRAL
        else:
            more = _MORE_OF.get(new.check.id, Meaning.NEUTRAL)
            yield from _arguments(f"check {new.check.id}, ", old.check.args, new.check.args, more)


def _arguments(at: str, old: Mapping[str, object], new: Mapping[str, object], more: Meaning) -> _Told:
    """Say which arguments of a check changed: maps by key, lists by what was added and removed.

    Args:
        more: what one entry more in a list means.
    """
    for name in ordered(old, new):
        was, now = old.get(name, "default"), new.get(name, "default")
        if isinstance(was, dict) and isinstance(now, dict):
            yield from _arguments(f"{at}{name}.", was, now, more)
        elif isinstance(was, list | tuple) and isinstance(now, list | tuple):
            texts = [str(text) for text in was], [str(text) for text in now]
            for text in listed(f"{at}{name}", *texts):
                yield text, more if f"{at}{name} added: " in text else more.opposite
        elif was != now:
            yield f"{at}{name}: {str(was)[:80]} -> {str(now)[:80]}", Meaning.NEUTRAL


def _narrowed(old: Criterion, new: Criterion) -> Meaning:
    if new.applies_when is None:
        return Meaning.STRICTER
    return Meaning.SOFTER if old.applies_when is None else Meaning.NEUTRAL


def _when(condition: AppliesWhen | None) -> str:
    if condition is None:
        return "always"
    stated = condition.model_dump(mode="json", exclude_defaults=True)
    return ", ".join(f"{name} {value}" for name, value in stated.items()) or "always"


def _wording(old: Criterion, new: Criterion) -> _Told:
    for name in ("question", "kind", "guidance"):
        if getattr(old, name) != getattr(new, name):
            yield f"{name} changed", Meaning.NEUTRAL
    for name, more in (
        ("met_when", Meaning.SOFTER),
        ("not_met_when", Meaning.STRICTER),
        ("uncertain_when", Meaning.STRICTER),
        ("not_counting", Meaning.SOFTER),
    ):
        was, now = getattr(old, name), getattr(new, name)
        added, removed = [t for t in now if t not in was], [t for t in was if t not in now]
        if added or removed:
            meaning = Meaning.NEUTRAL if added and removed else (more if added else more.opposite)
            yield "; ".join(listed(name, was, now)), meaning
        elif was != now:
            yield f"{name} in another order", Meaning.NEUTRAL
    if old.examples != new.examples:
        yield f"examples changed ({len(old.examples)} -> {len(new.examples)})", Meaning.NEUTRAL
    for name in ("title", "fix", "reveal", "isolate", "tags", "rationale", "sources"):
        if getattr(old, name) != getattr(new, name):
            yield f"{name} changed", Meaning.NEUTRAL
