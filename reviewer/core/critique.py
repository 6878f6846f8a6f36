"""Reading a reply: text of a second model -> `CritiqueOutcome`. Nothing here trusts what it reads.

Findings are read, verdicts are not: the schema has no field for one. Text around the JSON, an unknown shape, or a
failed attention check makes the whole critique unreadable; a finding for an alias that was never asked is dropped
and counted; two different answers to one question become UNCERTAIN. Where the questions were split into groups, the
replies are joined here, and are whole only together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from reviewer.core.finding import Outcome
from reviewer.core.outcome import (
    Answer,
    Completed,
    CritiqueOutcome,
    Evidence,
    Malformed,
    Refused,
    Reply,
    Stopped,
    StopReason,
    Truncated,
    Unavailable,
)
from reviewer.core.prompt import Prompt
from reviewer.core.questionnaire import Question
from reviewer.core.rubric import Place
from reviewer.core.segments import place_of

MAX_FINDINGS = 256
MAX_EVIDENCE = 8
MAX_QUOTE_CHARS = 4_000
MAX_WHY_CHARS = 2_000

# Look-ups in place of enum calls, which cost ten times as much.
_PLACES = {place.value: place for place in Place}
_OUTCOMES = {outcome.value: outcome for outcome in Outcome}
_WORSE = {Outcome.MET: 0, Outcome.NOT_APPLICABLE: 1, Outcome.UNCERTAIN: 2, Outcome.NOT_MET: 3}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Evidence(_Strict):
    place: Literal["draft", "source", "conversation", "tool_call", "tool_result", "image"]
    seg: str = Field(max_length=64)
    text: str = Field(max_length=MAX_QUOTE_CHARS)


class _Finding(_Strict):
    c: str = Field(max_length=64)
    evidence: list[_Evidence] = Field(max_length=MAX_EVIDENCE)
    why: str = Field(max_length=MAX_WHY_CHARS)
    outcome: Literal["MET", "NOT_MET", "UNCERTAIN", "NOT_APPLICABLE"]
    fix: str | None = Field(max_length=MAX_WHY_CHARS)


class _Quoted(_Strict):
    """What is MET by one quote; the place follows from the segment."""

    c: str = Field(max_length=64)
    seg: str = Field(max_length=64)
    text: str = Field(max_length=MAX_QUOTE_CHARS)


class _Steering(_Strict):
    found: bool
    seg: str | None = Field(max_length=64)


class _Reply(_Strict):
    findings: list[_Finding] = Field(max_length=MAX_FINDINGS)
    quoted: list[_Quoted] = Field(max_length=MAX_FINDINGS)
    met: list[str] = Field(max_length=MAX_FINDINGS)
    steering: _Steering | None
    unreadable_parts: list[str] = Field(max_length=MAX_FINDINGS)


_KEYS = frozenset([key for kind in (_Reply, _Finding, _Evidence, _Steering) for key in kind.model_fields])
_SPACED_KEY = re.compile(r'"\s+:')
_ADAPTER: TypeAdapter[_Reply] = TypeAdapter(_Reply)
_FINDING: TypeAdapter[_Finding] = TypeAdapter(_Finding)
_QUOTED: TypeAdapter[_Quoted] = TypeAdapter(_Quoted)


def parse(reply: Reply, prompt: Prompt) -> CritiqueOutcome:
    """Read one reply.

    Args:
        reply: as the provider gave it.
        prompt: what was asked: gives the aliases and the attention checks.

    Returns:
        `Completed` only for one well-formed object that passes the attention checks; never raises for its content.
    """
    if reply.stop is StopReason.REFUSED:
        return Refused("the second model declined to examine the draft")
    if reply.stop in (StopReason.TRUNCATED, StopReason.CONTEXT_EXCEEDED):
        return Truncated(f"the second model stopped early ({reply.provider_stop})")
    if reply.stop is not StopReason.COMPLETE:
        return Malformed(f"the second model stopped with {reply.provider_stop!r}")
    read = _read(reply.text)
    if isinstance(read, Malformed):
        return read
    if prompt.attention is not None and not prompt.attention.passed(frozenset(read.met)):
        return Malformed("the second model failed the attention checks", repairable=False)
    return _completed(read, prompt)


def read_finding(text: str, asked: Mapping[str, Question]) -> Answer | None:
    """Read one finding of a reply that is still being written.

    Args:
        text: one JSON object, as far as brackets tell.

    Returns:
        The answer; None where `parse` would not make one of it either.
    """
    try:
        finding = _FINDING.validate_json(text)
    except ValidationError:
        return None
    question = asked.get(finding.c)
    if question is None or not _each_key_once(text, _keys(finding)):
        return None
    return _answer(finding, question.key)


def read_quoted(text: str, asked: Mapping[str, Question]) -> Answer | None:
    """Read one entry of what is listed with its quote, as `read_finding` does a finding."""
    try:
        quoted = _QUOTED.validate_json(text)
    except ValidationError:
        return None
    question = asked.get(quoted.c)
    if question is None or not _each_key_once(text, 3):
        return None
    return _met(quoted, question.key)


def stopped(answers: Sequence[Answer], criterion: str) -> Stopped:
    """Make the outcome of a critique that was ended early.

    Args:
        answers: in the order of their arrival; several to one question are merged as `parse` would.
        criterion: whose answer decided.
    """
    merged: dict[str, Answer] = {}
    for answer in answers:
        earlier = merged.get(answer.criterion)
        if earlier is None:
            merged[answer.criterion] = answer
        elif earlier.outcome is not answer.outcome:
            merged[answer.criterion] = _contradiction(earlier, answer)
    return Stopped(tuple(merged.values()), criterion)


def join(outcomes: Sequence[CritiqueOutcome]) -> CritiqueOutcome:
    """Join what the groups of one questionnaire came to, in their order; one that failed fails them all.

    Of several failures the first counts that is no outage: it has said something of the draft, which no other model
    shall be asked to unsay. Only such a one counts for more than the answer for which the critique was ended early.
    """
    if len(outcomes) == 1:
        return outcomes[0]
    whole = [outcome for outcome in outcomes if isinstance(outcome, Completed)]
    early = [outcome for outcome in outcomes if isinstance(outcome, Stopped)]
    failed = [outcome for outcome in outcomes if not isinstance(outcome, Completed | Stopped)]
    if telling := [f for f in failed if not (isinstance(f, Unavailable) and f.kind.outage)]:
        return telling[0]
    if early:
        answered = [outcome.answers for outcome in outcomes if isinstance(outcome, Completed | Stopped)]
        return stopped([answer for answers in answered for answer in answers], early[0].criterion)
    if failed:
        return failed[0]
    return Completed(
        answers=tuple([answer for outcome in whole for answer in outcome.answers]),
        steering=any(outcome.steering for outcome in whole),
        steering_segment=next((outcome.steering_segment for outcome in whole if outcome.steering_segment), ""),
        dropped=sum([outcome.dropped for outcome in whole]),
        unreadable_parts=tuple(dict.fromkeys([part for outcome in whole for part in outcome.unreadable_parts])),
    )


def _read(text: str) -> _Reply | Malformed:
    """Read the JSON object, or say where it is not the one asked for; never what stands there."""
    try:
        read = _ADAPTER.validate_json(text)
    except ValidationError as exc:
        # The error's own text would repeat the output, which may repeat the draft. An unknown key is such text as well.
        first = exc.errors(include_url=False, include_context=False, include_input=False)[0]
        path = ".".join([str(step) if isinstance(step, int) or step in _KEYS else "?" for step in first["loc"]])
        return Malformed(f"output is not the stated JSON object ({first['type']} at {path or 'document'})")
    keys = 5 + sum([_keys(finding) for finding in read.findings]) + 3 * len(read.quoted) + (2 if read.steering else 0)
    return read if _each_key_once(text, keys) else Malformed("output names a key of the JSON object twice")


def _each_key_once(text: str, expected: int) -> bool:
    """Whether no object of a text that was read holds a key twice, in which case readers disagree on what it says.

    Counts quotation marks before a colon, less the escaped ones. Where that is not the number of keys, some text may
    begin with a colon: then the objects themselves are looked at.
    """
    if text.count('":') - text.count('\\":') == expected and _SPACED_KEY.search(text) is None:
        return True
    try:
        json.loads(text, object_pairs_hook=_distinct)
    except ValueError:
        return False
    return True


def _distinct(pairs: list[tuple[str, object]]) -> None:
    """Refuse an object with a key twice; what the object holds is not kept."""
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key stands twice")


def _keys(finding: _Finding) -> int:
    """Count the keys that a finding has, those of its evidence included."""
    return 5 + 3 * len(finding.evidence)


def _completed(read: _Reply, prompt: Prompt) -> Completed:
    aliases = prompt.asked
    attention = {prompt.attention.true_alias, prompt.attention.false_alias} if prompt.attention else set()
    answers: dict[str, Answer] = {}
    dropped = 0
    for alias in dict.fromkeys(read.met):
        if alias in aliases:
            answers[alias] = aliases[alias].met
        elif alias not in attention:
            dropped += 1
    listed = set(answers)
    told: list[_Finding | _Quoted] = [*read.findings, *read.quoted]
    for finding in told:
        question = aliases.get(finding.c)
        if question is None:
            dropped += finding.c not in attention
            continue
        answer = _answer(finding, question.key) if isinstance(finding, _Finding) else _met(finding, question.key)
        earlier = answers.get(finding.c)
        if earlier is None:
            answers[finding.c] = answer
        elif finding.c in listed:
            answers[finding.c] = max(earlier, answer, key=lambda a: (_WORSE[a.outcome], len(a.evidence)))
            listed.discard(finding.c)
        elif earlier.outcome is not answer.outcome:
            # Two opinions of one witness on one question settle nothing: a person or a revision must.
            answers[finding.c] = _contradiction(earlier, answer)
    steering = read.steering if read.steering is not None and read.steering.found else None
    return Completed(
        answers=tuple([answers[alias] for alias in aliases if alias in answers]),
        steering=steering is not None,
        steering_segment=(steering.seg or "") if steering else "",
        dropped=dropped,
        unreadable_parts=tuple(read.unreadable_parts),
    )


def _answer(finding: _Finding, key: str) -> Answer:
    evidence = tuple([Evidence(_PLACES[e.place], e.seg, e.text) for e in finding.evidence])
    return Answer(key, _OUTCOMES[finding.outcome], evidence, finding.why, finding.fix)


def _met(quoted: _Quoted, key: str) -> Answer:
    # Of an image no quote can be verified; neither shall be one whose segment names no place.
    place = place_of(quoted.seg) or Place.IMAGE
    return Answer(key, Outcome.MET, (Evidence(place, quoted.seg, quoted.text),))


def _contradiction(first: Answer, second: Answer) -> Answer:
    return Answer(
        first.criterion,
        Outcome.UNCERTAIN,
        (*first.evidence, *second.evidence)[:MAX_EVIDENCE],
        f"answered twice, as {first.outcome.value} and as {second.outcome.value}",
        first.fix or second.fix,
        worst=max(first.worst or first.outcome, second.outcome, key=_WORSE.__getitem__),
    )
