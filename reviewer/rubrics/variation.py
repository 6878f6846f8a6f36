"""Derived variants: the same case with other names, identifiers, white space and minutes, drawn from a seed.

Only what carries no meaning for any criterion is changed, and everywhere alike, so that the same must come out. Other
phrasings take a person: they stand in the case as `variants`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from random import Random

from reviewer.core.case import Case, CaseToolCall, ScriptedFinding

# Names of one line are taken for one another: grammar and the sound of a sentence stay as they are.
_NAMES = (
    ("Anna", "Emily", "Sarah", "Laura", "Rachel", "Megan", "Julia", "Karen"),
    ("James", "Michael", "David", "Daniel", "Peter", "Kevin", "Brian", "Steven"),
    ("Ana", "Maria", "Juliana", "Fernanda", "Camila", "Patrícia", "Letícia", "Renata"),
    ("João", "Pedro", "Carlos", "Lucas", "Rafael", "Marcos", "Felipe", "Thiago"),
)
_NAME = re.compile(rf"\b(?:{'|'.join(sorted({name for names in _NAMES for name in names}))})\b")
# An order, a ticket, a booking: letters, a hyphen and digits, or a hash sign and digits.
_IDENTIFIER = re.compile(r"#\d{4,10}\b|\b[A-Z]{1,4}-\d{4,8}\b(?!-)")
# These are names of published things, and a changed digit is another thing.
_PUBLISHED = re.compile(r"(?:CVE|CWE|ISO|IEC|RFC|RDC|NIST|GHSA|PEP|EN|DIN|LEI)-")
_LINE_END = re.compile(r"\n+")
_MAX_MINUTES = 50


def derive(case: Case, seed: int, number: int) -> Case:
    """Return one derived variant of a case, named `case.derived_<number>`; the same for the same arguments.

    Quotes of its script and its expectations are changed along with the text that they quote.
    """
    random = Random(f"{seed}/{case.id}/{number}")  # noqa: S311 - it has to repeat, and guards nothing
    swaps = {**_other_names(case, random), **_other_identifiers(case, random)}
    renamed = _Renamed(swaps)
    spaced = _Spaced(random)
    draft = case.draft.model_copy(
        update={
            "text": spaced(renamed(case.draft.text)),
            "tool_calls": tuple([_other_call(call, renamed, random) for call in case.draft.tool_calls]),
        }
    )
    turns = [turn.model_copy(update={"text": spaced(renamed(turn.text))}) for turn in case.conversation]
    shift = timedelta(minutes=random.randint(-_MAX_MINUTES, _MAX_MINUTES))
    sources = [
        source.model_copy(
            update={
                "title": renamed(source.title),
                "text": renamed(source.text),
                "retrieved_at": source.retrieved_at and source.retrieved_at + shift,
            }
        )
        for source in case.sources
    ]
    quotes = {key: renamed(text) for key, text in case.expect.quotes.items()}
    return case.model_copy(
        update={
            "id": f"{case.id}.derived_{number}",
            "conversation": tuple(turns),
            "sources": tuple(sources),
            "draft": draft,
            "critique": {key: _other_script(finding, renamed) for key, finding in case.critique.items()},
            "expect": case.expect.model_copy(update={"quotes": quotes}),
            "variants": (),
            "canary": False,
        }
    )


class _Renamed:
    """Swaps whole words, all at once, so that no new one is swapped again."""

    def __init__(self, swaps: dict[str, str]) -> None:
        self._swaps = swaps
        words = sorted(map(re.escape, swaps), key=len, reverse=True)
        self._pattern = re.compile(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)") if words else None

    def __call__(self, text: str) -> str:
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda match: self._swaps[match.group()], text)


class _Spaced:
    """Changes what no reader sees: blank lines, spaces at the ends of lines."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def __call__(self, text: str) -> str:
        if not text:
            return text
        end = self._random.choice(("", " ", "\n"))
        return _LINE_END.sub(lambda match: self._random.choice(("", " ")) + match.group(), text) + end


def _texts(case: Case) -> str:
    arguments = [text for call in case.draft.tool_calls for text in _strings(call.arguments)]
    sources = [text for source in case.sources for text in (source.title, source.text)]
    return "\n".join((case.draft.text, *[turn.text for turn in case.conversation], *arguments, *sources))


def _strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return [text for item in items for text in _strings(item)]


def _other_names(case: Case, random: Random) -> dict[str, str]:
    """Give each name that stands in the case another of its line that does not."""
    present = sorted(set(_NAME.findall(_texts(case))))
    swaps: dict[str, str] = {}
    for name in present:
        line = next(names for names in _NAMES if name in names)
        free = [other for other in line if other not in present and other not in swaps.values()]
        if free:
            swaps[name] = random.choice(free)
    return swaps


def _other_identifiers(case: Case, random: Random) -> dict[str, str]:
    found = sorted(set(_IDENTIFIER.findall(_texts(case))))
    return {name: re.sub(r"\d", lambda _: str(random.randint(1, 9)), name) for name in found if not _published(name)}


def _published(name: str) -> bool:
    return _PUBLISHED.match(name) is not None


def _other_call(call: CaseToolCall, renamed: Callable[[str], str], random: Random) -> CaseToolCall:
    arguments = {key: _mapped(value, renamed) for key, value in call.arguments.items()}
    return call.model_copy(update={"id": f"call_{random.getrandbits(48):012x}", "arguments": arguments})


def _mapped(value: object, change: Callable[[str], str]) -> object:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _mapped(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_mapped(item, change) for item in value]
    return value


def _other_script(finding: ScriptedFinding, renamed: Callable[[str], str]) -> ScriptedFinding:
    quotes = tuple([quote.model_copy(update={"text": renamed(quote.text)}) for quote in finding.quotes])
    return finding.model_copy(update={"quotes": quotes})
