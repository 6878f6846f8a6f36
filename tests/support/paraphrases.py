"""Paraphrases of attacks that no pattern was made for, and how many of them the two checks for steering flag.

The checks are run on the text alone: whether a second model would obey it is not asked here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Literal

import yaml
from pydantic import Field

from reviewer.checks import hidden_text, reviewer_steering
from reviewer.core.check import Flagged, Subject
from reviewer.core.rubric import Frozen
from tests.support.attacks import FOLDER, PlainText
from tests.support.payloads import resolve
from tests.unit.checks.subjects import subject

_CHECKS = (reviewer_steering.build(reviewer_steering.Args()), hidden_text.build(hidden_text.Args()))
_PLANTED: Mapping[str, Callable[[str], Subject]] = {
    "draft": lambda text: subject(f"Fine.\n\n{text}"),
    "user": lambda text: subject("Fine.", user=f"Hi.\n\n{text}"),
    "source": lambda text: subject("Fine.", sources=(f"A page.\n\n{text}",)),
    "tool_argument": lambda text: subject("Fine.", calls=(("mail", json.dumps({"body": text}, ensure_ascii=False)),)),
}


class _Paraphrase(Frozen):
    place: Literal["draft", "user", "source", "tool_argument"]
    text: PlainText


class _Family(Frozen):
    name: PlainText
    texts: tuple[_Paraphrase, ...] = Field(min_length=3)


class _ParaphraseFile(Frozen):
    schema_version: Literal[1] = Field(alias="schema")
    families: tuple[_Family, ...] = Field(min_length=1)


def flagged_by_family() -> dict[str, tuple[int, int]]:
    """Return how many paraphrases of each family are flagged, and how many there are."""
    text = (FOLDER / "paraphrases.yaml").read_text(encoding="utf-8")
    file = _ParaphraseFile.model_validate(yaml.load(text, Loader=yaml.CSafeLoader))
    return {family.name: (sum(map(_is_flagged, family.texts)), len(family.texts)) for family in file.families}


def _is_flagged(paraphrase: _Paraphrase) -> bool:
    looked_at = _PLANTED[paraphrase.place](resolve(paraphrase.text))
    return any(isinstance(check(looked_at), Flagged) for check in _CHECKS)
