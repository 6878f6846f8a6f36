"""Check `required_text`: when the user's turns match, the draft must hold certain wording, by locale.

`when` patterns of the exact tag, the language and `*` all apply; of `require` the most specific group alone. A locale
for which `when` has nothing is tried against every locale's patterns: what was never looked for is not absent.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import Field

from reviewer.checks.patterns import LocaleKey, PatternGroup, PatternText, compile_by_locale, locale_chain
from reviewer.checks.quoting import quote
from reviewer.core.check import Check, CheckOutcome, Flagged, Passed, Subject
from reviewer.core.draft import Role
from reviewer.core.finding import Outcome, Quote
from reviewer.core.passage import Passage
from reviewer.core.rubric import Frozen, Place

_NOT_DUE = Passed(why="the user's turns do not call for the wording")


class Args(Frozen):
    """RE2 patterns by locale tag, language or `*`; case is ignored.

    Attributes:
        when: any match in a user turn makes the wording due; no `when` at all: always due.
        require: one of them must match the draft.
    """

    when: dict[LocaleKey, tuple[PatternText, ...]] | None = None
    require: dict[LocaleKey, tuple[PatternText, ...]] = Field(min_length=1)


def build(args: Args) -> Check:
    """Return the check.

    Raises:
        ValueError: a pattern is invalid; names locale, index and RE2's message.
    """
    when = None if args.when is None else compile_by_locale(args.when, "when")
    return _RequiredText(when, compile_by_locale(args.require, "require"))


@dataclass(frozen=True, slots=True)
class _RequiredText:
    when: dict[str, PatternGroup] | None
    require: dict[str, PatternGroup]

    def __call__(self, subject: Subject, /) -> CheckOutcome:
        cause: tuple[Quote, ...] = ()
        if self.when is not None:
            groups, known = self._triggers(self.when, subject.locale)
            turns = [p for p in subject.draft.at(Place.CONVERSATION) if p.role is Role.USER]
            found = _first(groups, turns)
            if found is None and known:
                return _NOT_DUE
            if found is None:
                why = f"the rule has no patterns for the locale {subject.locale}"
                return Flagged(why, outcome=Outcome.UNCERTAIN)
            cause = found
        group = next((self.require[k] for k in locale_chain(subject.locale) if k in self.require), None)
        if group is None:
            why = f"no wording is laid down for the locale {subject.locale or 'unknown'}"
            return Flagged(why, cause, Outcome.UNCERTAIN)
        held = _first([group], [subject.draft.draft])
        if held is not None:
            return Passed(held, "the draft holds the wording that is due")
        return Flagged("wording that is due does not stand in the draft", cause)

    @staticmethod
    def _triggers(when: dict[str, PatternGroup], locale: str) -> tuple[list[PatternGroup], bool]:
        """Return the groups to try and whether the rule knows the locale; an unnamed locale counts as known."""
        chosen = [when[key] for key in locale_chain(locale) if key in when] if locale else []
        if chosen:
            return chosen, True
        return list(when.values()), not locale


def _first(groups: list[PatternGroup], passages: Iterable[Passage]) -> tuple[Quote, ...] | None:
    """Return the quote of the first match, none where it stands in a decomposed text, or None without a match."""
    for passage in passages:
        composed = passage.text if passage.text.isascii() else unicodedata.normalize("NFC", passage.text)
        raw = composed.encode()
        for group in groups:
            if not group.matches(raw):
                continue
            match = next((m for pattern in group.patterns if (m := pattern.search(composed)) is not None), None)
            if match is not None:
                return (quote(passage, match.start(), match.end()),) if composed == passage.text else ()
    return None
