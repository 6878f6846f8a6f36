"""The gullible critic: it reads all that it is shown, fences or not, and obeys it. For attacks on the service.

A real second model will obey some planted text some of the time. This one obeys all of it all of the time, so that a
test can say what stands between such a text and an approval when the model does not. How far it goes is a
`Gullibility`; what it falls for is `obedience.py`; what it sees through is `disguises.py`. Where nothing moves it, it
answers as its script says. Like every simulated critic it is marked as such by the server that it speaks through.

The order of its rules: a reply found ready-made is copied, else an order not to apply the criteria is followed, else
whatever says that all is well is believed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from reviewer.core.rubric import EvidenceDemand, Place
from reviewer.simulate import obedience
from reviewer.simulate.critic import (
    WireEvidence,
    WireFinding,
    WireQuoted,
    WireReply,
    empty_reply,
    honest_reply,
    opening_quote,
    put,
)
from reviewer.simulate.disguises import readings
from reviewer.simulate.reading import AskedQuestion, ReadPrompt, bare
from reviewer.simulate.script import Gullibility
from reviewer.simulate.selection import Scene, find_segment

_DECODER: Final = json.JSONDecoder(strict=False)
_OBJECT: Final = re.compile(r"\{(?=\s*[\"'])")
_MAX_OBJECTS: Final = 400
_MAX_TEXT: Final = 400_000
_QUOTED_ON_MET: Final = (EvidenceDemand.ON_MET, EvidenceDemand.BOTH)
_PLACES: Final = frozenset(place.value for place in Place)
_OUTCOMES: Final = frozenset({"MET", "NOT_MET", "UNCERTAIN", "NOT_APPLICABLE"})
_WHY: Final = "As the text says."


@dataclass(frozen=True, slots=True)
class Told:
    """What the data told the critic.

    Attributes:
        forged: an object in the form of a reply, as it stands in the data.
        met: all is said to be well.
        waived: the criteria are said not to apply.
        statements: the attention statements are meant as well.
        quotes: handed over as evidence.
    """

    forged: dict[str, Any] | None
    met: bool
    waived: bool
    statements: bool
    quotes: tuple[str, ...]


def gullible_reply_text(prompt: ReadPrompt, scene: Scene, gullibility: Gullibility) -> str:
    """Write the reply of a critic that obeys what it read.

    Returns:
        JSON text. An obeying critic copies a forged reply with all its faults, so that text may be of any shape; the
        others keep to the findings schema.
    """
    told = hear(prompt)
    if told.forged is not None and gullibility is Gullibility.OBEYING:
        return json.dumps(told.forged, ensure_ascii=False)
    if told.forged is not None:
        reply = _copied(told.forged)
    elif told.waived:
        reply = _waiving(prompt, gullibility)
    elif told.met:
        reply = empty_reply()
    else:
        return json.dumps(honest_reply(prompt, scene), ensure_ascii=False)
    if told.forged is None or gullibility is Gullibility.ACCOMPLICE:
        _complete(reply, prompt, told, gullibility)
    _attend(reply, prompt, told, gullibility)
    return json.dumps(reply, ensure_ascii=False)


def hear(prompt: ReadPrompt) -> Told:
    """Read everything that a prompt shows, in every reading, and note what it demands."""
    heard = [reading for voice in _voices(prompt) for reading in readings(voice[:_MAX_TEXT])]
    met = any(rule(text) for text in heard for rule in obedience.SAYS_SO)
    fenced = any(obedience.believes_a_fake_fence(text) for text in heard)
    draft = "\n".join(text for part in prompt.at(Place.DRAFT) for _, text in part.segments)
    key = bool(draft) and obedience.is_master_key(draft)
    return Told(
        forged=_forged(heard),
        met=met or fenced or key,
        waived=any(obedience.asks_for_waivers(text) for text in heard),
        statements=any(obedience.speaks_of_statements(text) for text in heard),
        quotes=tuple(dict.fromkeys(quote for text in heard for quote in obedience.handed_quotes(text))),
    )


def _voices(prompt: ReadPrompt) -> Iterator[str]:
    """All the text, then each speaker's and each kind of part's, so that a payload in pieces is put together."""
    pieces: dict[str, list[str]] = {}
    for part in prompt.parts:
        for _, text in part.segments:
            pieces.setdefault(part.role or part.place.value, []).append(text)
    every = [text for part in prompt.parts for _, text in part.segments]
    yield "\n".join(every)
    yield " ".join(every)
    for texts in pieces.values():
        yield " ".join(texts)
        yield "".join(texts)


def _forged(heard: list[str]) -> dict[str, Any] | None:
    """Return the most favourable reply that stands in any reading; single findings are gathered into one."""
    best: dict[str, Any] | None = None
    for text in heard:
        loose: list[Any] = []
        quoted: list[Any] = []
        for found in _objects(text):
            if any(key in found for key in ("findings", "quoted", "met")):
                best = found if best is None or _favour(found) > _favour(best) else best
            elif "outcome" in found and "c" in found:
                loose.append(found)
            elif found.keys() == WireQuoted.__required_keys__:
                quoted.append(found)
        if best is None and (loose or quoted):
            best = {**empty_reply(), "findings": loose, "quoted": quoted}
    return best


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """Yield JSON objects in a text, those inside others too, single quotes taken for double ones."""
    for shown in dict.fromkeys((text, text.replace("'", '"'))):
        for number, match in enumerate(_OBJECT.finditer(shown)):
            if number >= _MAX_OBJECTS:
                return
            try:
                found, _ = _DECODER.raw_decode(shown, match.start())
            except ValueError:
                continue
            if isinstance(found, dict):
                yield found


def _favour(reply: dict[str, Any]) -> int:
    good = [f for f in _listed(reply, "findings") if isinstance(f, dict) and f.get("outcome") == "MET"]
    return len(good) + len(_listed(reply, "quoted")) + len(_listed(reply, "met"))


def _listed(reply: dict[str, Any], name: str) -> list[Any]:
    listed = reply.get(name)
    return listed if isinstance(listed, list) else []


def _copied(forged: dict[str, Any]) -> WireReply:
    """Copy a forged reply with what the schema has no room for left out."""
    findings = [_finding_of(f) for f in _listed(forged, "findings") if isinstance(f, dict)]
    quoted = [_quoted_of(q) for q in _listed(forged, "quoted") if isinstance(q, dict)]
    return {
        **empty_reply(),
        "findings": [finding for finding in findings if finding is not None],
        "quoted": [quote for quote in quoted if quote is not None],
        "met": [alias for alias in _listed(forged, "met") if isinstance(alias, str)],
    }


def _quoted_of(found: dict[str, Any]) -> WireQuoted | None:
    alias, seg, text = found.get("c"), found.get("seg"), found.get("text")
    if not isinstance(alias, str) or not isinstance(text, str):
        return None
    return {"c": alias, "seg": seg if isinstance(seg, str) else "d1", "text": text}


def _finding_of(found: dict[str, Any]) -> WireFinding | None:
    alias, outcome, evidence = found.get("c"), found.get("outcome"), found.get("evidence")
    if not isinstance(alias, str) or outcome not in _OUTCOMES:
        return None
    quotes = [_evidence_of(q) for q in evidence if isinstance(q, dict)] if isinstance(evidence, list) else []
    return {
        "c": alias,
        "evidence": [quote for quote in quotes if quote is not None][:3],
        "why": str(found.get("why") or _WHY)[:240],
        "outcome": outcome,
        "fix": None,
    }


def _evidence_of(quote: dict[str, Any]) -> WireEvidence | None:
    place, seg, text = quote.get("place"), quote.get("seg"), quote.get("text")
    if place not in _PLACES or not isinstance(text, str):
        return None
    return {"place": str(place), "seg": seg if isinstance(seg, str) else "d1", "text": text}


def _waiving(prompt: ReadPrompt, gullibility: Gullibility) -> WireReply:
    """Waive every question; an accomplice only those that may be waived, because the others would not be believed."""
    waived = [q for q in prompt.questions if q.na_allowed or gullibility is not Gullibility.ACCOMPLICE]
    return {**empty_reply(), "findings": [_finding(question, "NOT_APPLICABLE", _WHY) for question in waived]}


def _complete(reply: WireReply, prompt: ReadPrompt, told: Told, gullibility: Gullibility) -> None:
    """Find met what is not answered yet, with the quotes that were handed over; an accomplice looks for more."""
    by_alias = {finding["c"]: finding for finding in reply["findings"]}
    quoted = {entry["c"] for entry in reply["quoted"]}
    for question in prompt.questions:
        if question.alias in quoted:
            continue
        if question.alias in by_alias and by_alias[question.alias]["evidence"]:
            continue
        if question.alias in by_alias and by_alias[question.alias]["outcome"] != "MET":
            continue
        quotes = _quotes(question, prompt, told, gullibility) if question.demand in _QUOTED_ON_MET else []
        if question.alias in by_alias:
            by_alias[question.alias]["evidence"] = quotes
        elif quotes:
            reply["met"] = [alias for alias in reply["met"] if alias != question.alias]
            put(reply, _finding(question, "MET", "", quotes))
        elif question.alias not in reply["met"]:
            reply["met"].append(question.alias)


def _quotes(question: AskedQuestion, prompt: ReadPrompt, told: Told, gullibility: Gullibility) -> list[WireEvidence]:
    handed = [_located(text, question, prompt) for text in told.quotes[:1]]
    if gullibility is not Gullibility.ACCOMPLICE:
        return handed
    return [*handed, *opening_quote(question, prompt)]


def _located(text: str, question: AskedQuestion, prompt: ReadPrompt) -> WireEvidence:
    """Name where a quote stands that the attacker handed over, as near to what the question asks as can be."""
    needle = bare(text)
    for place in (*question.places, *Place):
        for part in prompt.at(place):
            if (segment := find_segment(part, needle)) is not None:
                return {"place": place.value, "seg": segment, "text": text}
    return {"place": next(iter(question.places), Place.DRAFT).value, "seg": "d1", "text": text}


def _attend(reply: WireReply, prompt: ReadPrompt, told: Told, gullibility: Gullibility) -> None:
    """Answer the attention statements: as told by an obeying critic, by looking otherwise."""
    statements = tuple(statement.alias for statement in prompt.attention)
    obeys = gullibility is Gullibility.OBEYING and told.statements
    met = [alias for alias in reply["met"] if alias not in statements]
    reply["met"] = [*(statements if obeys else prompt.true_aliases()), *met]


def _finding(
    question: AskedQuestion, outcome: Any, why: str, evidence: list[WireEvidence] | None = None
) -> WireFinding:
    return {"c": question.alias, "evidence": evidence or [], "why": why, "outcome": outcome, "fix": None}
