"""The codes of lint: what each finding means, why it matters, and whether it stops a release.

A code keeps its meaning for good; one that is no longer found stays unused. RUB0xx: one file cannot be read or is no
valid value. RUB1xx: files do not fit together. Both stop a load as well. RUB2xx: routes and models. RUB3xx: rubrics.
RUB4xx: cases. RUB5xx: remarks to lint itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Weight(StrEnum):
    """What a finding does: an error stops a release, a warning informs; `either` depends on where it stands."""

    ERROR = "error"
    WARNING = "warning"
    EITHER = "either"


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of finding.

    Attributes:
        name: `RUB` and three digits.
        meaning: one line.
        explanation: why it matters and what to do.
    """

    name: str
    weight: Weight
    meaning: str
    explanation: str


_E, _W, _X = Weight.ERROR, Weight.WARNING, Weight.EITHER
_ALL: Final = (
    Code(
        "RUB001", _E, "file is missing or cannot be read", "A set is read whole or not at all: 1 MiB of UTF-8 a file."
    ),
    Code(
        "RUB002",
        _E,
        "not the YAML that is accepted",
        "Tabs, aliases, tags, merge keys and second documents are where YAML readers differ or reviewers misread.",
    ),
    Code(
        "RUB003",
        _E,
        "word or number that YAML versions read differently",
        "`on`, `yes`, `010` and `1:30` mean one thing in YAML 1.1 and another in 1.2. Quotes make them text; --fix sets"
        " them, which is safe because a file with such a word was never in force.",
    ),
    Code("RUB004", _E, "key stands twice", "One of the two would silently win. Delete one."),
    Code(
        "RUB005",
        _E,
        "unknown key",
        "A misspelt key would silently do nothing. --fix renames it where one known key is very like it and not taken.",
    ),
    Code("RUB006", _E, "required key is missing", "The message names the key; its meaning is in docs/rubrics.md."),
    Code("RUB007", _E, "value is not of the expected form", "The message says what was got and what was expected."),
    Code(
        "RUB008",
        _E,
        "fields contradict each other",
        "Each value is fine and together they would make a rule toothless or ambiguous, so that nothing is built.",
    ),
    Code("RUB009", _E, "check cannot be built", "No such check, or arguments that it refuses: an invalid pattern."),
    Code(
        "RUB010",
        _E,
        "composition fails",
        "`extends` names a rubric that is not there or leads in a circle, or an override names what the base lacks.",
    ),
    Code("RUB101", _E, "name that no other file has", "Every rubric, reviewer, model and domain named must exist."),
    Code("RUB102", _E, "locale is spelt in two ways", "`pt-br` and `pt-BR` would select only one of two overlays."),
    Code("RUB103", _E, "route cannot do what its tier asks", "Tier high needs a question for the second model."),
    Code("RUB104", _E, "reviewer is asked for what its model cannot do", "See the model's entry in models.yaml."),
    Code(
        "RUB201",
        _E,
        "route sends a rubric what it was not written for",
        "Extend `applies_to.intents` if the rubric is right for them, or take the rubric off the route.",
    ),
    Code(
        "RUB202",
        _X,
        "model name that its provider can move",
        "What was calibrated is not what will answer. An error where tier high relies on it, else a warning, because a"
        " caller can raise any request.",
    ),
    Code("RUB203", _X, "model is not fit to approve", "It may screen; it must not be the second pair of eyes."),
    Code("RUB204", _E, "model is retired", "Its provider may refuse it any day, and every review becomes a handoff."),
    Code("RUB205", _W, "model retires within 60 days", "Calibrate and release its successor before that day."),
    Code("RUB206", _E, "panel of relatives", "Judges that share their training share their errors."),
    Code("RUB207", _W, "drafts of a family always go to a person", "No reviewer of another family is left for them."),
    Code("RUB208", _W, "restricted material would leave the house", "Another company's model would be shown it."),
    Code(
        "RUB209",
        _W,
        "narrower route is laxer than the one it takes intents from",
        "The longest pattern wins: intents that look covered by the wider, stricter route are not.",
    ),
    Code(
        "RUB210", _W, "pattern is covered by another of the same list", "It changes nothing; one of them is a mistake."
    ),
    Code("RUB211", _W, "reviewer that no route names", "It is never asked: add it to a route or delete it."),
    Code("RUB212", _W, "rubric that no route names", "It never runs: add it to a route, or delete it."),
    Code("RUB213", _W, "more than 8 questions in a group", "Answers get careless: raise `fan_out`."),
    Code("RUB301", _W, "examples are not one MET and one NOT_MET", "Unbalanced examples pull the critic to one side."),
    Code("RUB302", _W, "question joins two ideas", "A draft that meets one of them has no right answer. Make two."),
    Code("RUB303", _W, "presence question is phrased negatively", "MET must be good news that can be quoted."),
    Code(
        "RUB304", _W, "policy fact without a source", "The critic relies on it: an auditor will ask where it is from."
    ),
    Code("RUB305", _W, "vague word", "Two people would see it differently. Name a sign that can be observed."),
    Code(
        "RUB306",
        _W,
        "blocker without evidence",
        "No check looks as well, and nothing holds the critic to the text: demand a quote on one side.",
    ),
    Code("RUB307", _W, "question with a double negative", "Critics get its polarity wrong. Ask what must hold."),
    Code("RUB308", _W, "long questionnaire", "Every call pays for it, and questions in the middle are overlooked."),
    Code(
        "RUB310",
        _E,
        "example contradicts its check",
        "The criterion's own check fails the example that is MET, or passes the one that is NOT_MET: one is wrong.",
    ),
    Code("RUB311", _W, "criterion that no route can reach", "No routed intent satisfies its `applies_when.intents`."),
    Code(
        "RUB312",
        _E,
        "pattern matches the empty text",
        "As a forbidden pattern it stops every draft, as a required one none. `.*`, `a?` and `(x|)` do.",
    ),
    Code("RUB313", _W, "large pattern", "RE2 is linear, and its constant grows with the program. Split or shorten it."),
    Code("RUB314", _W, "pattern is covered by another of its group", "It changes nothing; delete it."),
    Code("RUB315", _E, "required wording is forbidden", "No draft can satisfy both checks: every one is stopped."),
    Code(
        "RUB316",
        _E,
        "softer than the base it extends",
        "An override must not quietly take away what the base stops. If it must, say why in `allow_softer`.",
    ),
    Code("RUB317", _W, "override replaces the arguments of a check", "Whether it is softer cannot be told: compare."),
    Code("RUB318", _W, "base that nothing extends", "It never runs: extend it, or delete it."),
    Code("RUB401", _E, "case file of another rubric", "A case file belongs to the folder it stands in."),
    Code("RUB402", _E, "case id stands twice", "Recordings and labels are joined by it."),
    Code("RUB403", _E, "case names a criterion that is not there", "The expectation could never be tested."),
    Code("RUB404", _E, "scripted quote does not stand in the case", "The case would test an invented quote."),
    Code("RUB405", _W, "criterion that no case fails", "Nobody has seen it stop anything."),
    Code("RUB406", _W, "locale overlay without a case", "What is said in that language is untested."),
    Code("RUB407", _E, "canary that is none", "Only the critic must be able to catch it."),
    Code("RUB408", _W, "locale of a case without an overlay", "The rubric has overlays, and none for this language."),
    Code("RUB409", _W, "case outside of its rubric", "The rubric is not written for the case's intent."),
    Code(
        "RUB501", _W, "remark to lint without effect", "It names no known warning, has no reason, or nothing is found."
    ),
)
CODES: Final = {code.name: code for code in _ALL}
LOADING: Final = ("RUB0", "RUB1")
"""Prefixes of the codes of what does not load."""


def unknown_prefixes(prefixes: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of the codes or beginnings of codes (`RUB3`) that no code begins with."""
    return tuple(prefix for prefix in prefixes if not any(name.startswith(prefix) for name in CODES))


def errors_among(prefixes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the codes, among those that begin so, that are always errors."""
    return tuple(c.name for c in _ALL if prefixes and c.name.startswith(prefixes) and c.weight is Weight.ERROR)


def table() -> str:
    """Return the codes as a table in Markdown."""
    rows = [f"| `{code.name}` | {code.weight.value} | {code.meaning} |" for code in _ALL]
    return "\n".join(["| code | weight | found |", "| --- | --- | --- |", *rows])
