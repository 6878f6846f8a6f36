"""Composition: a rubric that extends another one, and locales that add wording to a check.

What comes out is a document of the plain form, `reviewer.core.rubric.Rubric`, whose values remember the file they stand
in: rulebook, digests and records know nothing of composition. How values are merged stands in docs/decisions/
0019-composition.md; whether an override is softer than its base is said by `reviewer.rubrics.lint_softer`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from reviewer.core.errors import Fault
from reviewer.rubrics.local_wording import has_local_wording, with_local_wording
from reviewer.rubrics.nodes import Node, document_of, tree_of
from reviewer.rubrics.yaml_file import Document

# What a rubric says of itself is never taken over.
_OWN = ("schema", "id", "version", "changed")
_LISTS = ("policy_facts", "public_values")


@dataclass(frozen=True, slots=True)
class Composed:
    """One rubric or base in the plain form.

    Attributes:
        bases: ids, the nearest first; empty for one that extends nothing.
        base: the nearest base in the plain form.
        reasons: why criteria may be softer than the base's, by id.
        removed: ids of criteria that are left out, with the place that says so.
    """

    document: Document
    bases: tuple[str, ...] = ()
    base: Document | None = None
    reasons: Mapping[str, str] = field(default_factory=dict)
    removed: Mapping[str, str] = field(default_factory=dict)


def compose(
    documents: Mapping[str, Document], unreadable: frozenset[str]
) -> tuple[dict[str, Composed], tuple[Fault, ...]]:
    """Put every rubric and base together with what it extends.

    Args:
        documents: by id.
        unreadable: ids whose file has faults of its own; what extends them is left out without a word.

    Returns:
        What could be put together, by id, and the faults of the others. Linear in the size of what comes out.
    """
    composed: dict[str, Composed] = {}
    faults: list[Fault] = []
    lost = set(unreadable)
    for name in documents:
        for step in _chain(name, documents, composed, faults, lost):
            base_id = _base_id(documents[step])
            one, found = _put_together(documents[step], base_id, composed.get(base_id))
            faults.extend(found)
            if found:
                lost.add(step)
            else:
                composed[step] = one
    return composed, tuple(faults)


def _put_together(document: Document, base_id: str, base: Composed | None) -> tuple[Composed, tuple[Fault, ...]]:
    if base is None and not has_local_wording(document):
        return Composed(document), ()
    tree, merger = tree_of(document), _Merger()
    if base is not None:
        tree = merger.merged(tree_of(base.document), tree)
    tree, faults = with_local_wording(tree)
    plain = document_of(tree, document.name, document.text)
    if base is None:
        return Composed(plain), faults
    composed = Composed(plain, (base_id, *base.bases), base.document, merger.reasons, merger.removed)
    return composed, (*merger.faults, *faults)


def _base_id(document: Document) -> str:
    value = document.at(("extends",))
    return value if isinstance(value, str) else ""


def _chain(
    name: str,
    documents: Mapping[str, Document],
    done: Mapping[str, Composed],
    faults: list[Fault],
    lost: set[str],
) -> Iterator[str]:
    """Yield what is still to be put together for a name, bases first; nothing where the chain leads nowhere."""
    chain: list[str] = []
    seen: set[str] = set()
    while name not in done and name not in lost:
        document = documents[name]
        if name in seen:
            faults.extend(_circle(chain[chain.index(name) :], documents))
            lost.update(chain)
            return
        chain.append(name)
        seen.add(name)
        value = document.at(("extends",))
        base = _base_id(document)
        if "extends" not in (document.value if isinstance(document.value, dict) else {}):
            break
        if base not in documents and base not in lost:
            known = ", ".join(sorted(documents.keys() - {name}))
            shown = base or type(value).__name__
            faults.append(document.fault(("extends",), f"no rubric or base {shown}; known: {known}", "RUB010"))
            lost.update(chain)
            return
        name = base
    if name in lost:
        lost.update(chain)
        return
    for step in reversed(chain):
        if _base_id(documents[step]) in lost:
            lost.add(step)
        else:
            yield step


def _circle(members: list[str], documents: Mapping[str, Document]) -> Iterator[Fault]:
    for at, member in enumerate(members):
        round_trip = " -> ".join((*members[at:], *members[:at], member))
        yield documents[member].fault(("extends",), f"extends leads in a circle: {round_trip}", "RUB010")


class _Merger:
    """Merges one file into its base, noting reasons, removals and faults."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.reasons: dict[str, str] = {}
        self.removed: dict[str, str] = {}

    def merged(self, base: Node, own: Node) -> Node:
        """Return the base with what the file adds and overrides."""
        ours = dict(own.fields)
        del ours["extends"]
        self._read_removals(ours.pop("without", None), base)
        taken = {key: node for key, node in base.fields.items() if key not in _OWN}
        joined = {**{key: ours[key] for key in _OWN if key in ours}, **taken, **ours}
        for key in _LISTS:
            if key in ours and key in taken and isinstance(ours[key].value, list):
                joined[key] = ours[key].having([*taken[key].items, *ours[key].items])
        if "locales" in taken:
            joined["locales"] = self._locales(taken["locales"], ours.get("locales"))
        if "criteria" in taken:
            joined["criteria"] = self._criteria(taken["criteria"], ours.get("criteria"))
        return own.having(joined)

    def _fault(self, node: Node, field_name: str, message: str) -> None:
        self.faults.append(Fault(node.where, field_name, message, "RUB010"))

    def _read_removals(self, without: Node | None, base: Node) -> None:
        known = {_id(criterion) for criterion in _list(base, "criteria")}
        for at, node in enumerate(without.items if without else ()):
            name = _id(node)
            reason = node.fields.get("allow_softer")
            if name not in known or set(node.fields) - {"id", "allow_softer"}:
                self._fault(node, f"without[{at}]", "expected the id of a criterion of the base, and allow_softer")
                continue
            self.removed[name] = node.where
            if reason is not None:
                self._note(name, reason)
        if without is not None and not isinstance(without.value, list):
            self._fault(without, "without", "expected a list of {id, allow_softer}")

    def _note(self, criterion: str, reason: Node) -> None:
        if reason.text.strip():
            self.reasons[criterion] = reason.text.strip()
        else:
            self._fault(reason, f"criteria.{criterion}.allow_softer", "expected the reason, in words")

    def _criteria(self, base: Node, own: Node | None) -> Node:
        """Override by id in the base's order, then add what is new."""
        if own is not None and not isinstance(own.value, list):
            return own
        overrides: dict[str, Node] = {}
        added: list[Node] = []
        known = {_id(criterion) for criterion in base.items}
        for node in own.items if own else ():
            if (name := _id(node)) in known and name not in overrides:
                overrides[name] = node
            else:
                added.append(node)
        kept = [criterion for criterion in base.items if _id(criterion) not in self.removed]
        both = [self._overridden(c, overrides[_id(c)]) if _id(c) in overrides else c for c in kept]
        if gone := sorted(overrides.keys() & self.removed.keys()):
            self._fault(overrides[gone[0]], f"criteria.{gone[0]}", "is left out by `without`, and overridden here")
        return (own or base).having([*both, *added])

    def _overridden(self, base: Node, own: Node) -> Node:
        fields = dict(own.fields)
        if (reason := fields.pop("allow_softer", None)) is not None:
            self._note(_id(own), reason)
        return own.having({**base.fields, **fields})

    def _locales(self, base: Node, own: Node | None) -> Node:
        """Join overlays tag by tag; what the base says of criteria that are left out goes with them."""
        if own is not None and not isinstance(own.value, dict):
            return own
        tags = {tag: self._without_removed(overlay) for tag, overlay in base.fields.items()}
        for tag, overlay in own.fields.items() if own else ():
            tags[tag] = _overlay(tags[tag], overlay) if tag in tags else overlay
        return (own or base).having(tags)

    def _without_removed(self, overlay: Node) -> Node:
        if not self.removed or not isinstance(overlay.value, dict):
            return overlay
        kept = {
            key: node.having({name: inner for name, inner in node.value.items() if name not in self.removed})
            if isinstance(node.value, dict)
            else node
            for key, node in overlay.value.items()
        }
        return overlay.having(kept)


def _overlay(base: Node, own: Node) -> Node:
    """Join two overlays of one locale: facts and signs are added, guidance of a criterion is replaced."""
    joined = {**base.fields, **own.fields}
    for key, ours in own.fields.items():
        theirs = base.fields.get(key)
        if theirs is None:
            continue
        if isinstance(ours.value, list):
            joined[key] = ours.having([*theirs.items, *ours.value])
        elif isinstance(ours.value, dict):
            by_id = {**theirs.fields, **ours.value}
            for name, signs in ours.value.items():
                if isinstance(signs.value, list) and name in theirs.fields:
                    by_id[name] = signs.having([*theirs.fields[name].items, *signs.value])
            joined[key] = ours.having(by_id)
    return own.having(joined)


def _list(node: Node, key: str) -> list[Node]:
    return node.fields[key].items if key in node.fields else []


def _id(criterion: Node) -> str:
    return criterion.fields["id"].text if "id" in criterion.fields else ""
