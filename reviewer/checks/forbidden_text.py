"""Check `forbidden_text`: wording that must not stand in a draft, by locale.

The patterns of the exact tag, of the language and of `*` all apply. Where the caller gave no locale, all patterns of
all locales apply: an unknown language is no way around them.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from pydantic import Field

from reviewer.checks.patterns import LocaleKey, PatternGroup, PatternText, compile_by_locale, locale_chain
from reviewer.checks.quoting import MAX_QUOTES, quotes
from reviewer.core.check import Check, CheckOutcome, Flagged, Passed, Subject
from reviewer.core.rubric import Frozen


class Args(Frozen):
    """RE2 patterns by locale tag, language or `*`; case is ignored."""

    patterns: dict[LocaleKey, tuple[PatternText, ...]] = Field(min_length=1)


def build(args: Args) -> Check:
    """Return the check.

    Raises:
        ValueError: a pattern is invalid; names locale, index and RE2's message.
    """
    return _ForbiddenText(compile_by_locale(args.patterns, "patterns"))


@dataclass(frozen=True, slots=True)
class _ForbiddenText:
    patterns: dict[str, PatternGroup]

    def __call__(self, subject: Subject, /) -> CheckOutcome:
        passage = subject.draft.draft
        keys = locale_chain(subject.locale) if subject.locale else self.patterns
        composed = passage.text if passage.text.isascii() else unicodedata.normalize("NFC", passage.text)
        raw = composed.encode()
        groups = [self.patterns[key] for key in keys if key in self.patterns]
        applicable = [pattern for group in groups if group.matches(raw) for pattern in group.patterns]
        if not applicable:
            return _passed(sum([len(group.patterns) for group in groups]))
        spans: list[tuple[int, int]] = []
        for pattern in applicable:
            for match in pattern.finditer(composed):
                spans.append((match.start(), match.end()))
                if len(spans) == MAX_QUOTES:
                    break
            if len(spans) == MAX_QUOTES:
                break
        if not spans:
            return _passed(sum([len(group.patterns) for group in groups]))
        # Offsets of the composed form are no offsets of the text where the two differ.
        shown = quotes(passage, sorted(set(spans))) if composed == passage.text else ()
        return Flagged("the draft holds wording that is ruled out", shown)


@lru_cache(maxsize=64)
def _passed(tried: int) -> Passed:
    return Passed(why=f"none of {tried} patterns matches")
