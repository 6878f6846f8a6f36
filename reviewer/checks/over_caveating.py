"""Check `over_caveating`: does general caution crowd out the answer?"""

from __future__ import annotations

from functools import partial

from pydantic import Field

from reviewer.checks.caveat_phrases import CAVEAT
from reviewer.checks.patterns import spans
from reviewer.checks.quoting import quotes
from reviewer.checks.screens import VOICE
from reviewer.checks.sentences import sentences
from reviewer.core.check import Check, CheckOutcome, Flagged, Passed, Subject
from reviewer.core.rubric import Frozen

# One caveat in a two-line answer is no crowd, whatever its share.
_LEAST_FOR_SHARE = 2
_PASSED = Passed(why="no general caveat found")


class Args(Frozen):
    """How much caution is too much.

    Attributes:
        max_caveats: sentences with a general caveat that may stand in a draft.
        max_share_percent: share of the draft's characters that such sentences may take, where there are two or more.
    """

    max_caveats: int = Field(default=3, ge=0, le=1_000)
    max_share_percent: int = Field(default=50, ge=0, le=100)


def build(args: Args) -> Check:
    """Return the check."""
    return partial(_check, args)


def _check(args: Args, subject: Subject) -> CheckOutcome:
    text = subject.draft.text
    caveats = [] if VOICE.clears(subject.draft) else _caveats(text)
    if not caveats:
        return _PASSED
    share = 100 * sum(end - start for start, end in caveats) // len(text)
    said = f"{len(caveats)} sentences with general caveats, {share} % of the draft"
    shown = quotes(subject.draft.draft, caveats)
    fix = "Keep the one caution that changes what the user does; cut the others."
    if len(caveats) > args.max_caveats:
        return Flagged(f"{said}; at most {args.max_caveats} are allowed", shown, fix=fix)
    if len(caveats) >= _LEAST_FOR_SHARE and share > args.max_share_percent:
        return Flagged(f"{said}; at most {args.max_share_percent} % is allowed", shown, fix=fix)
    return Passed(shown, said)


def _caveats(text: str) -> list[tuple[int, int]]:
    """Return the sentences that hold a caveat; sentences are cut only where there is one to place."""
    starts = [match.start() for match in spans(CAVEAT, text)]
    if not starts:
        return []
    found: list[tuple[int, int]] = []
    at = 0
    for start, end in sentences(text):
        if at < len(starts) and starts[at] < end:
            found.append((start, end))
        while at < len(starts) and starts[at] < end:
            at += 1
    return found
