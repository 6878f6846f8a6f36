"""The scripted critic: a read prompt and a scene -> the reply's JSON text, in the findings schema.

Attention statements are answered by looking, as an honest critic would, unless a fault says otherwise. Faults that
change what is said stand here; faults that change how it is sent stand in `faults.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypedDict

import orjson

from reviewer.core.case import OutcomeName, ScriptedFinding, ScriptedQuote
from reviewer.core.rubric import EvidenceDemand, Place
from reviewer.core.segments import place_of
from reviewer.simulate.reading import SPELLED, AskedQuestion, ReadPart, ReadPrompt, bare
from reviewer.simulate.script import FaultKind
from reviewer.simulate.selection import Scene, find_segment

NO_SCRIPT: Final = "the simulated reviewer has no script for this draft"
PROSE: Final = "I have read the draft with care and it looks fine to me overall, so I have nothing to add."
INVENTED: Final = "these words of the simulated reviewer stand nowhere in what was shown"
UNKNOWN_ALIAS: Final = "c99"

_MIN_QUOTE = 12
_LONG_QUOTE = 80
_QUOTED_ON_MET = (EvidenceDemand.ON_MET, EvidenceDemand.BOTH)


class WireEvidence(TypedDict):
    """A quote, as the findings schema spells it."""

    place: str
    seg: str
    text: str


class WireFinding(TypedDict):
    """A finding, as the findings schema spells it."""

    c: str
    evidence: list[WireEvidence]
    why: str
    outcome: OutcomeName
    fix: str | None


class WireQuoted(TypedDict):
    """What is MET by one quote, as the findings schema spells it."""

    c: str
    seg: str
    text: str


class WireSteering(TypedDict):
    """The steering report."""

    found: bool
    seg: str | None


class WireReply(TypedDict):
    """The whole reply."""

    findings: list[WireFinding]
    quoted: list[WireQuoted]
    met: list[str]
    steering: WireSteering | None
    unreadable_parts: list[str]


def reply_text(prompt: ReadPrompt, scene: Scene) -> str:
    """Write the reply, with the scene's fault of content in it, if it has one.

    Returns:
        One JSON object of the findings schema, or what the fault makes of it. Work is linear in the prompt and in
        the number of quotes.
    """
    reply = honest_reply(prompt, scene)
    kind = scene.fault.kind if scene.fault else None
    twist = _TWISTS.get(kind) if kind else None
    if twist is not None:
        twist(reply, prompt)
    text = orjson.dumps(reply).decode()
    if kind is FaultKind.PROSE:
        return PROSE
    if kind is FaultKind.INVALID_JSON:
        return text.removesuffix("}") + ",]"
    if kind is FaultKind.FENCED_JSON:
        return f"```json\n{text}\n```"
    if kind in {FaultKind.TRUNCATION, FaultKind.CONTEXT_EXCEEDED}:
        return text[: len(text) // 2]
    return text


def honest_reply(prompt: ReadPrompt, scene: Scene) -> WireReply:
    """Answer as the scene says, without any fault."""
    reply = empty_reply()
    findings, met = reply["findings"], reply["met"]
    met.extend(prompt.true_aliases())
    for question in prompt.questions:
        scripted = scene.answers.get(question.key) if scene.answers is not None else None
        if scene.answers is None:
            findings.append(_finding(question, "UNCERTAIN", NO_SCRIPT))
        elif scripted is not None:
            if scripted.outcome == "MET" and not scripted.quotes and question.demand not in _QUOTED_ON_MET:
                met.append(question.alias)
            else:
                put(reply, _scripted_finding(question, scripted, prompt))
        elif question.demand in _QUOTED_ON_MET:
            put(reply, _finding(question, "MET", "", opening_quote(question, prompt)))
        else:
            met.append(question.alias)
    if scene.steering:
        reply["steering"] = {"found": True, "seg": scene.steering_segment}
    return reply


def empty_reply() -> WireReply:
    """Return a reply that answers nothing."""
    return {"findings": [], "quoted": [], "met": [], "steering": None, "unreadable_parts": []}


def put(reply: WireReply, finding: WireFinding) -> None:
    """Add a finding in the fewest words that say all of it: one that is MET by one quote goes under `quoted`."""
    quotes = finding["evidence"]
    bare_met = finding["outcome"] == "MET" and not finding["why"] and not finding["fix"]
    if bare_met and len(quotes) == 1 and place_of(quotes[0]["seg"]) == quotes[0]["place"]:
        reply["quoted"].append({"c": finding["c"], "seg": quotes[0]["seg"], "text": quotes[0]["text"]})
    else:
        reply["findings"].append(finding)


def _finding(
    question: AskedQuestion,
    outcome: OutcomeName,
    why: str,
    evidence: list[WireEvidence] | None = None,
    fix: str | None = None,
) -> WireFinding:
    return {"c": question.alias, "evidence": evidence or [], "why": why, "outcome": outcome, "fix": fix}


def _scripted_finding(question: AskedQuestion, scripted: ScriptedFinding, prompt: ReadPrompt) -> WireFinding:
    evidence = [_located(quote, prompt) for quote in scripted.quotes]
    if not evidence and scripted.outcome == "MET":
        evidence = opening_quote(question, prompt)
    return _finding(question, scripted.outcome, scripted.why, evidence, scripted.fix)


def _located(quote: ScriptedQuote, prompt: ReadPrompt) -> WireEvidence:
    """Name the segment in which a quote begins; one that stands nowhere is still claimed, as the script wants it."""
    needle = bare(quote.text)
    parts = prompt.at(quote.place)
    found = next((name for part in parts if (name := find_segment(part, needle))), None)
    claimed = parts[0].segments[0][0] if parts else "d1"
    return {"place": quote.place.value, "seg": found or claimed, "text": quote.text}


def opening_quote(question: AskedQuestion, prompt: ReadPrompt) -> list[WireEvidence]:
    """Quote the opening of the first place that may be quoted and is shown; nothing where none is."""
    for place in question.places:
        parts = prompt.at(place)
        if parts:
            return [_opening_of(place, parts[0])]
    return []


def _opening_of(place: Place, part: ReadPart) -> WireEvidence:
    name, text = part.segments[0]
    return {"place": place.value, "seg": name, "text": _quotable(text)}


def _quotable(text: str) -> str:
    """Cut a segment to its first words, without spelled-out characters where 12 characters can be had without."""
    clean = next((piece for piece in SPELLED.split(text) if len(piece.strip()) >= _MIN_QUOTE), text).strip()
    if len(clean) <= _LONG_QUOTE:
        return clean
    return clean[: max(clean.rfind(" ", _MIN_QUOTE, _LONG_QUOTE), 0) or _LONG_QUOTE]


def _drop_last_half(reply: WireReply, prompt: ReadPrompt) -> None:
    dropped = {question.alias for question in prompt.questions[len(prompt.questions) // 2 :]}
    reply["findings"] = [finding for finding in reply["findings"] if finding["c"] not in dropped]
    reply["quoted"] = [quoted for quoted in reply["quoted"] if quoted["c"] not in dropped]
    reply["met"] = [alias for alias in reply["met"] if alias not in dropped]


def _answer_the_unasked(reply: WireReply, prompt: ReadPrompt) -> None:
    del prompt
    unasked: WireFinding = {"c": UNKNOWN_ALIAS, "evidence": [], "why": "Not asked.", "outcome": "NOT_MET", "fix": None}
    reply["findings"].append(unasked)


def _contradict(reply: WireReply, prompt: ReadPrompt) -> None:
    for question in prompt.questions[:1]:
        reply["met"] = [alias for alias in reply["met"] if alias != question.alias]
        reply["quoted"] = [quoted for quoted in reply["quoted"] if quoted["c"] != question.alias]
        others = [finding for finding in reply["findings"] if finding["c"] != question.alias]
        opening = opening_quote(question, prompt)
        first = _finding(question, "MET", "It is there.", opening)
        second = _finding(question, "NOT_MET", "It is not there.", opening)
        reply["findings"] = [first, *others, second]


def _invent(reply: WireReply, prompt: ReadPrompt) -> None:
    """Give every question an invented quote, so that each demand for evidence meets one."""
    asked = {question.alias: question for question in prompt.questions}
    simply_met = [*reply["met"], *(quoted["c"] for quoted in reply["quoted"])]
    moved = [_finding(asked[alias], "MET", "It is there.") for alias in simply_met if alias in asked]
    reply["met"] = [alias for alias in reply["met"] if alias not in asked]
    reply["quoted"] = []
    reply["findings"] = [*moved, *reply["findings"]]
    for finding in reply["findings"]:
        place = next(iter(asked[finding["c"]].places), Place.DRAFT)
        parts = prompt.at(place)
        seg = parts[0].segments[0][0] if parts else "d1"
        finding["evidence"] = [{"place": place.value, "seg": seg, "text": INVENTED}]


def _stamp(reply: WireReply, prompt: ReadPrompt) -> None:
    reply["findings"], reply["quoted"] = [], []
    reply["met"] = [*(s.alias for s in prompt.attention), *(q.alias for q in prompt.questions)]


def _miss_attention(reply: WireReply, prompt: ReadPrompt) -> None:
    statements = {statement.alias for statement in prompt.attention}
    lies = statements.difference(prompt.true_aliases())
    reply["met"] = [*sorted(lies), *(alias for alias in reply["met"] if alias not in statements)]


_TWISTS: Final[dict[FaultKind, Callable[[WireReply, ReadPrompt], None]]] = {
    FaultKind.MISSING_CRITERIA: _drop_last_half,
    FaultKind.UNKNOWN_CRITERIA: _answer_the_unasked,
    FaultKind.DUPLICATE_FINDINGS: _contradict,
    FaultKind.INVENTED_QUOTES: _invent,
    FaultKind.RUBBER_STAMP: _stamp,
    FaultKind.FAIL_ATTENTION: _miss_attention,
}
