"""Wording that a locale adds to a check: `locales.<tag>.require` and `.when`, by criterion, as arguments of the check.

An overlay is where a translator works; the check `required_text` is where the patterns run. `require` follows the
wording that counted for the locale before, so that nothing is taken away; `when` adds reasons for which it is due.
"""

from __future__ import annotations

from reviewer.core.errors import Fault
from reviewer.rubrics.nodes import Node
from reviewer.rubrics.yaml_file import Document

CHECK = "required_text"
ARGUMENTS = ("require", "when")


def has_local_wording(document: Document) -> bool:
    """Whether a document's own overlays add wording to a check."""
    locales = document.at(("locales",))
    overlays = locales.values() if isinstance(locales, dict) else ()
    return any(isinstance(overlay, dict) and not overlay.keys().isdisjoint(ARGUMENTS) for overlay in overlays)


def with_local_wording(tree: Node) -> tuple[Node, tuple[Fault, ...]]:
    """Move the wording of all overlays into the checks; the same tree where there is none."""
    locales = tree.fields.get("locales")
    if locales is None or not any(key in overlay.fields for overlay in locales.fields.values() for key in ARGUMENTS):
        return tree, ()
    faults: list[Fault] = []
    listed = tree.fields.get("criteria")
    criteria = {c.fields["id"].text: c for c in (listed.items if listed else ()) if "id" in c.fields}
    for tag, overlay in locales.fields.items():
        for argument in ARGUMENTS:
            for name, patterns in _asked(overlay, argument, faults):
                if (fault := _misfit(criteria.get(name), argument, patterns)) is not None:
                    faults.append(fault)
                else:
                    criteria[name] = _worded(criteria[name], argument, tag, patterns)
    plain = {
        tag: overlay.having({key: node for key, node in overlay.fields.items() if key not in ARGUMENTS})
        if isinstance(overlay.value, dict)
        else overlay
        for tag, overlay in locales.fields.items()
    }
    fields = {**tree.fields, "locales": locales.having(plain)}
    if listed is not None:
        inner = [criteria[c.fields["id"].text] if "id" in c.fields else c for c in listed.items]
        fields["criteria"] = listed.having(inner) if isinstance(listed.value, list) else listed
    return tree.having(fields), tuple(faults)


def _asked(overlay: Node, argument: str, faults: list[Fault]) -> list[tuple[str, Node]]:
    node = overlay.fields.get(argument)
    if node is None:
        return []
    if not isinstance(node.value, dict):
        faults.append(Fault(node.where, argument, "expected lists of patterns by criterion", "RUB010"))
        return []
    return list(node.value.items())


def _misfit(criterion: Node | None, argument: str, patterns: Node) -> Fault | None:
    """Say why wording cannot be added to a criterion."""
    if criterion is None:
        return Fault(patterns.where, argument, "the rubric has no such criterion", "RUB010")
    if not isinstance(patterns.value, list) or not patterns.value:
        return Fault(patterns.where, argument, "expected a list of patterns", "RUB010")
    check = criterion.fields.get("check")
    if check is None or check.fields.get("id", patterns).text != CHECK:
        return Fault(patterns.where, argument, f"the criterion's check is not {CHECK}", "RUB010")
    arguments = check.fields.get("args")
    if argument == "when" and (arguments is None or "when" not in arguments.fields):
        message = "the wording is always due: a locale cannot say when"
        return Fault(patterns.where, argument, message, "RUB010")
    return None


def _worded(criterion: Node, argument: str, tag: str, patterns: Node) -> Node:
    check = criterion.fields["check"]
    arguments = check.fields.get("args") or check.having({})
    groups = arguments.fields.get(argument) or patterns.having({})
    own = next((key for key in groups.fields if key.lower() == tag.lower()), None)
    # Of `require` the most specific group alone counts: a new one begins with what counted until now.
    before = (own, tag.partition("-")[0], "*") if argument == "require" else (own,)
    counted = next((groups.fields[key].items for key in before if key in groups.fields), [])
    groups = groups.having({**groups.fields, own or tag: patterns.having([*counted, *patterns.items])})
    arguments = arguments.having({**arguments.fields, argument: groups})
    return criterion.having({**criterion.fields, "check": check.having({**check.fields, "args": arguments})})
