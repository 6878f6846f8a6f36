"""Hypothesis strategies for values of the core: arbitrary evidence, and text with everything that folding must bear."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import strategies as st

from reviewer.core.finding import Finding, Origin, Outcome, QuoteStatus
from reviewer.core.outcome import (
    Completed,
    Critique,
    CritiqueOutcome,
    FailureKind,
    Malformed,
    Refused,
    Truncated,
    Unavailable,
)
from reviewer.core.rubric import Effect
from reviewer.core.rulebook import Facts, Plan
from reviewer.core.verdict import Cause, EvidenceSet, Trouble
from tests.support.builders import FACTS, JUDGE, clean, finding, quote

outcomes = st.sampled_from(Outcome)
effects = st.sampled_from(Effect)
messages = st.sampled_from(["", "because", "therefore"])
quotes = st.sampled_from([quote("a sentence of the draft"), quote("an invented sentence", QuoteStatus.FAILED)])
failures: st.SearchStrategy[CritiqueOutcome] = st.one_of(
    st.builds(Refused, messages),
    st.builds(Malformed, messages, st.booleans()),
    st.builds(Truncated, messages),
    st.builds(Unavailable, st.sampled_from(FailureKind), messages),
)
completed = st.builds(
    Completed,
    answers=st.just(()),
    steering=st.booleans(),
    unreadable_parts=st.sampled_from([(), ("d1",)]),
)
critiques = st.builds(Critique, st.just(JUDGE), completed | failures)
troubles = st.builds(
    Trouble, st.sampled_from(Cause), messages, effects, st.sampled_from(["", "probe/blocker", "ghost/one"])
)
facts = st.builds(
    Facts,
    intent=st.sampled_from([FACTS.intent, "other.thing"]),
    locale=st.sampled_from(["en-US", "pt-BR", ""]),
    has_sources=st.booleans(),
    has_tool_calls=st.booleans(),
    has_draft_text=st.booleans(),
)


def findings(plan: Plan) -> st.SearchStrategy[Finding]:
    """Findings by anybody about anything, criteria outside the plan included."""
    return st.builds(
        finding,
        st.sampled_from([*(item.key for item in plan.criteria), "ghost/one"]),
        outcomes,
        st.sampled_from(Origin),
        claimed=st.none() | outcomes,
        quotes=st.lists(quotes, max_size=2).map(tuple),
        why=messages,
        fix=st.none() | messages,
        unverified=st.booleans(),
    )


@st.composite
def evidence_sets(draw: st.DrawFn, plan: Plan) -> EvidenceSet:
    """Evidence that is clean but for a few changes, so that every verdict is drawn often."""
    evidence = clean(plan)
    answered = list(evidence.findings)
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(answered) - 1))
        answered[at] = replace(
            answered[at], outcome=draw(outcomes), claimed=draw(outcomes), unverified=draw(st.booleans())
        )
    for _ in range(draw(st.integers(0, 1))):
        del answered[draw(st.integers(0, len(answered) - 1))]
    answered += draw(st.lists(findings(plan), max_size=2))
    return replace(
        evidence,
        facts=draw(st.just(evidence.facts) | facts),
        findings=tuple(draw(st.permutations(answered))),
        critiques=draw(st.just(evidence.critiques) | st.tuples(critiques) | st.just(())),
        troubles=tuple(draw(st.lists(troubles, max_size=2))),
        attempt=draw(st.integers(0, 3)),
    )


@st.composite
def opinions(draw: st.DrawFn, plan: Plan, judge: str) -> tuple[Critique, tuple[Finding, ...]]:
    """One judge's critique with its findings: content but for a few changes, or lost and then without findings."""
    if not draw(st.integers(0, 3)):
        return Critique(judge, draw(failures)), ()
    answered = [finding(item.key, by=judge) for item in plan.criteria if item.asks_critic]
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(answered) - 1))
        answered[at] = replace(
            answered[at], outcome=draw(outcomes), claimed=draw(outcomes), unverified=draw(st.booleans())
        )
    if not draw(st.integers(0, 5)):
        del answered[draw(st.integers(0, len(answered) - 1))]
    return Critique(judge, draw(st.just(Completed(())) | completed)), tuple(answered)


words = st.sampled_from(
    [
        "water", "Tablet", "of", "5", "mg", "na\u00efve", "cafe\u0301", "\ufb01nally", "co\ufb03n", "Stra\u00dfe",
        "\u0130stanbul", "\u0131rmak", "soft\u00adhyphen", "zero\u200bwidth", "\u201cquoted\u201d", "don\u2019t",
        '"plain"', "it's", "1\u20132", "long\u2014dash", "x\u00b2", "\u00bd", "\u2026", "end.", "why?", "\u91ab\u5e2b",
        "\u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2", "q\u0323\u0307", "\U0001f600", "[EMAIL_1]",
        "\u1103\u1173\u1105\u1175", "\u02dc5", "\u0995\u09c7\u09be", "\u0e19\u0e49\u0e33", "abcdefghijklmnop" * 8,
    ]
)  # fmt: skip
gaps = st.sampled_from(
    [" ", " ", " ", "  ", "\t", "\n", "\r\n", "\n\n", " \n ", "\u00a0", "\u2028", "\u3000", "\n\u200b\n"]
)


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A text and a half-open span of it that begins and ends between two characters as a reader sees them."""

    text: str
    start: int
    end: int

    @property
    def quoted(self) -> str:
        """The text of the span."""
        return self.text[self.start : self.end]


@st.composite
def excerpts(draw: st.DrawFn) -> Excerpt:
    """Text of mixed scripts, gaps and long lines, with a span of whole words or parts of ASCII words."""
    pieces: list[str] = []
    for _ in range(draw(st.integers(4, 40))):
        pieces += (draw(words), draw(gaps))
    text = "".join(pieces)
    edges = [0]
    at = 0
    for piece in pieces:
        if piece.isascii():
            edges += range(at + 1, at + len(piece))
        at += len(piece)
        edges.append(at)
    first = draw(st.integers(0, len(edges) - 2))
    last = draw(st.integers(first + 1, len(edges) - 1))
    return Excerpt(text, edges[first], edges[last])
