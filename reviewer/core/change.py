"""One change between two rule sets, and words to tell of lists."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

_SHOWN_CHARS = 100


class Meaning(StrEnum):
    """Which way a change moves verdicts, as far as the rules alone can tell."""

    STRICTER = "stricter"
    SOFTER = "softer"
    NEUTRAL = "neutral"

    @staticmethod
    def of(step: int) -> Meaning:
        """Return STRICTER for a step up, SOFTER for one down."""
        if not step:
            return Meaning.NEUTRAL
        return Meaning.STRICTER if step > 0 else Meaning.SOFTER

    @property
    def opposite(self) -> Meaning:
        """What undoing it would be."""
        return _OPPOSITE[self]


_OPPOSITE = {
    Meaning.STRICTER: Meaning.SOFTER,
    Meaning.SOFTER: Meaning.STRICTER,
    Meaning.NEUTRAL: Meaning.NEUTRAL,
}


class Rerun(StrEnum):
    """What a replay has to do again for a change: nothing but deciding, or asking the second model."""

    CODE = "code"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class Change:
    """One change.

    Attributes:
        where: `rubric/criterion`, `rubric NAME`, `route NAME`, `reviewer NAME` or `model NAME`.
        criterion: key of the criterion whose answers it concerns; empty where it is about no single one.
    """

    where: str
    what: str
    meaning: Meaning
    rerun: Rerun = Rerun.CODE
    criterion: str = ""


def ordered(old: Iterable[str], new: Iterable[str]) -> tuple[str, ...]:
    """Return all names of both sides once, the new side's order first."""
    return tuple(dict.fromkeys((*new, *old)))


def listed(name: str, old: Iterable[str], new: Iterable[str]) -> list[str]:
    """Say what was added to a list and what was taken out."""
    was, now = tuple(old), tuple(new)
    added = [f"{name} added: {_short(text)}" for text in now if text not in was]
    return added + [f"{name} removed: {_short(text)}" for text in was if text not in now]


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "\u2026"
