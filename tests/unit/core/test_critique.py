from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.core.critique import MAX_EVIDENCE, MAX_FINDINGS, MAX_QUOTE_CHARS, MAX_WHY_CHARS, join, parse
from reviewer.core.finding import Outcome, QuoteStatus
from reviewer.core.outcome import (
    Answer,
    Completed,
    CritiqueOutcome,
    Evidence,
    FailureKind,
    Malformed,
    Refused,
    Reply,
    StopReason,
    Truncated,
    Unavailable,
    Usage,
)
from reviewer.core.prompt import Prompt, divide
from reviewer.core.questionnaire import split
from reviewer.core.rubric import Place
from reviewer.core.verification import QuoteFinder
from tests.support.small_review import KEYS, NONCE, QUESTIONNAIRE, rendered

PROMPT = rendered().prompt
ATTENTION = PROMPT.attention
assert ATTENTION is not None
ALIASES = tuple(PROMPT.questionnaire.aliases)
MARKER = "the patient takes 4,000 mg"


def read(text: str, stop: StopReason = StopReason.COMPLETE, prompt: Prompt = PROMPT) -> CritiqueOutcome:
    return parse(Reply(text, stop, "provider_word", "critic-1", "req_1", Usage()), prompt)


def found(alias: str, outcome: str = "NOT_MET", **fields: object) -> dict[str, object]:
    return {"c": alias, "evidence": [], "why": "", "outcome": outcome, "fix": None, **fields}


def quoted(alias: str, seg: str = "d1", text: str = "Take one tablet") -> dict[str, object]:
    return {"c": alias, "seg": seg, "text": text}


def document(
    *findings: dict[str, object], met: tuple[str, ...] = (), attentive: bool = True, **fields: object
) -> dict[str, object]:
    assert ATTENTION is not None
    listed = [*met, ATTENTION.true_alias] if attentive else list(met)
    rest = {"quoted": [], "met": listed, "steering": None, "unreadable_parts": []}
    return {"findings": list(findings), **rest, **fields}


def completed(*findings: dict[str, object], met: tuple[str, ...] = (), **fields: object) -> Completed:
    outcome = read(json.dumps(document(*findings, met=met) | fields))
    assert isinstance(outcome, Completed), outcome
    return outcome


def test_answers_follow_the_questions() -> None:
    """Each answered question gives one answer under its criterion's name, in the order asked."""
    evidence = [{"place": "source", "seg": "s1.2", "text": "take it with food"}]
    critique = completed(found("c3", evidence=evidence, why="It differs.", fix="Say so."), met=("c4", "c1"))

    assert critique == Completed(
        (
            Answer(KEYS[0], Outcome.MET),
            Answer(
                KEYS[2],
                Outcome.NOT_MET,
                (Evidence(Place.SOURCE, "s1.2", "take it with food"),),
                "It differs.",
                "Say so.",
            ),
            Answer(KEYS[3], Outcome.MET),
        )
    )


def test_steering_and_unreadable_parts_are_kept() -> None:
    """What the critic says of the request as a whole is kept; a segment without steering is not."""
    steered = completed(steering={"found": True, "seg": "d1"}, unreadable_parts=["i1"])

    assert (steered.steering, steered.steering_segment, steered.unreadable_parts) == (True, "d1", ("i1",))
    assert completed(steering={"found": True, "seg": None}).steering_segment == ""
    assert completed(steering={"found": False, "seg": "d1"}) == completed(steering=None)
    assert (completed(steering=None).steering, completed(steering=None).steering_segment) == (False, "")


@pytest.mark.parametrize(
    ("stop", "expected"),
    [
        (StopReason.REFUSED, Refused),
        (StopReason.TRUNCATED, Truncated),
        (StopReason.CONTEXT_EXCEEDED, Truncated),
        (StopReason.OTHER, Malformed),
    ],
)
@pytest.mark.parametrize("text", ["", "prose", json.dumps(document(met=ALIASES))])
def test_only_a_finished_reply_is_read(stop: StopReason, expected: type[CritiqueOutcome], text: str) -> None:
    """A reply that stopped for any other reason than being complete is never read, however good it looks."""
    assert isinstance(read(text, stop), expected)


GOOD = json.dumps(document(met=ALIASES))
MALFORMED = {
    "empty": "",
    "white space": " \n ",
    "prose": "All questions are met.",
    "fenced": f"```json\n{GOOD}\n```",
    "text before": f"Here it is: {GOOD}",
    "text after": f"{GOOD} I hope this helps.",
    "two documents": f"{GOOD}{GOOD}",
    "cut off": GOOD[:-1],
    "array": f"[{GOOD}]",
    "string": json.dumps(GOOD),
    "null": "null",
    "verdict": json.dumps(document() | {"verdict": "APPROVE"}),
    "score": json.dumps(document(found("c1", score=10))),
    "no findings": json.dumps({k: v for k, v in document().items() if k != "findings"}),
    "no quoted": json.dumps({k: v for k, v in document().items() if k != "quoted"}),
    "no met": json.dumps({k: v for k, v in document().items() if k != "met"}),
    "no steering": json.dumps({k: v for k, v in document().items() if k != "steering"}),
    "no unreadable parts": json.dumps({k: v for k, v in document().items() if k != "unreadable_parts"}),
    "met by number": json.dumps(document(met=(1,))),  # type: ignore[arg-type]
    "met as text": json.dumps(document() | {"met": "c1"}),
    "quoted null": json.dumps(document(quoted=None)),
    "quoted by alias": json.dumps(document(quoted=["c1"])),
    "quoted without segment": json.dumps(document(quoted=[{"c": "c1", "text": "t"}])),
    "quoted without text": json.dumps(document(quoted=[{"c": "c1", "seg": "d1"}])),
    "quoted text null": json.dumps(document(quoted=[{"c": "c1", "seg": "d1", "text": None}])),
    "quoted with outcome": json.dumps(document(quoted=[quoted("c1") | {"outcome": "NOT_MET"}])),
    "too many quoted": json.dumps(document(quoted=[quoted("c1")] * (MAX_FINDINGS + 1))),
    "long quoted": json.dumps(document(quoted=[quoted("c1", text="t" * (MAX_QUOTE_CHARS + 1))])),
    "long segment": json.dumps(document(quoted=[quoted("c1", seg="d" * 65)])),
    "findings null": json.dumps(document() | {"findings": None}),
    "steering false": json.dumps(document(steering=False)),
    "steering empty": json.dumps(document(steering={})),
    "steering as text": json.dumps(document(steering={"found": "false", "seg": None})),
    "steering by number": json.dumps(document(steering={"found": 0, "seg": None})),
    "outcome in lower case": json.dumps(document(found("c1", "met"))),
    "unknown outcome": json.dumps(document(found("c1", "PASS"))),
    "unknown place": json.dumps(document(found("c1", evidence=[{"place": "web", "seg": "d1", "text": "t"}]))),
    "evidence as text": json.dumps(document(found("c1", evidence="quoted"))),
    "evidence without segment": json.dumps(document(found("c1", evidence=[{"place": "draft", "text": "t"}]))),
    "why null": json.dumps(document(found("c1", why=None))),
    "no fix": json.dumps(document({k: v for k, v in found("c1").items() if k != "fix"})),
    "too many findings": json.dumps(document(*[found("c1")] * (MAX_FINDINGS + 1))),
    "too many met": json.dumps(document(met=("c1",) * (MAX_FINDINGS + 1))),
    "too much evidence": json.dumps(
        document(found("c1", evidence=[{"place": "draft", "seg": "d1", "text": "t"}] * (MAX_EVIDENCE + 1)))
    ),
    "long quote": json.dumps(
        document(found("c1", evidence=[{"place": "draft", "seg": "d1", "text": "t" * (MAX_QUOTE_CHARS + 1)}]))
    ),
    "long why": json.dumps(document(found("c1", why="w" * (MAX_WHY_CHARS + 1)))),
    "half a surrogate pair": GOOD.replace('"c1"', '"\\ud800"'),
    "raw line end in a string": GOOD.replace('"c1"', '"c\n1"'),
    "NaN": GOOD.replace("null", "NaN"),
    "deep": "[" * 5000,
    "same key twice": json.dumps(document(found("c1"), met=ALIASES))[:-1] + ', "findings": []}',
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED)
def test_malformed(text: str) -> None:
    """Whatever is not exactly the stated object is unreadable, and worth asking for once more."""
    assert isinstance(read(GOOD), Completed)
    outcome = read(text)

    assert isinstance(outcome, Malformed)
    assert outcome.repairable


SPELLINGS = {
    "indented": {"indent": 2},
    "spaces before colons": {"separators": (" , ", " : ")},
    "compact": {"separators": (",", ":")},
    "not escaped": {"ensure_ascii": False},
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize(
    "why", ["", '": ', '\\": "', "\\", '{"c": "c1", "met": []}', "caf\u00e9\n\t\u2028", '"' * 20, "\\" * 7]
)
def test_spelling_does_not_matter(spelling: dict[str, Any], why: str) -> None:
    """The same object is read the same, however its JSON is spaced and whatever its strings hold."""
    evidence = [{"place": "draft", "seg": "d1", "text": why}]
    outcome = read(json.dumps(document(found("c1", evidence=evidence, why=why), met=("c4",)), **spelling))

    assert isinstance(outcome, Completed)
    assert outcome.answers[0] == Answer(KEYS[0], Outcome.NOT_MET, (Evidence(Place.DRAFT, "d1", why),), why)


@pytest.mark.parametrize(
    "twice", ['"c": "c2", "c"', '"outcome": "MET", "outcome"', '"why": "\\": ", "why"', '"seg": "d1", "seg"']
)
def test_no_key_stands_twice(twice: str) -> None:
    """A key that is told twice anywhere in a reply makes all of it unreadable: one of the two would be lost."""
    evidence = [{"place": "draft", "seg": "d1", "text": "t"}]
    steering = {"found": False, "seg": None}
    text = json.dumps(document(found("c1", evidence=evidence), steering=steering))
    key = twice.rpartition(" ")[2]

    assert isinstance(read(text), Completed)
    assert text.count(f"{key}:") == 1 or key == '"seg"'
    assert isinstance(read(text.replace(f"{key}:", f"{twice}:", 1)), Malformed)


@given(st.text() | st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_anything_else_is_malformed(text: str) -> None:
    """No text makes reading raise, and none passes by chance."""
    assert isinstance(read(text), Malformed)


def test_lone_surrogates_are_malformed() -> None:
    """Text that is not valid Unicode, as a lenient transport may hand it on, is unreadable like any other."""
    assert isinstance(read(GOOD.replace("c1", "\ud800")), Malformed)


PLANTED = {
    "prose": MARKER,
    "key": json.dumps(document() | {MARKER: 1}),
    "key of a finding": json.dumps(document(found("c1") | {MARKER: 1})),
    "value": json.dumps(document(found("c1", MARKER))),
    "long": json.dumps(document(found("c1", why=MARKER * 200))),
    "place": json.dumps(document(found("c1", evidence=[{"place": MARKER, "seg": "d1", "text": "t"}]))),
    "inattentive": json.dumps(document(met=(MARKER,), attentive=False)),
}


@pytest.mark.parametrize("text", PLANTED.values(), ids=PLANTED)
@pytest.mark.parametrize("stop", list(StopReason))
def test_causes_hold_no_text_of_the_reply(text: str, stop: StopReason) -> None:
    """What is said about an unreadable reply repeats none of it, since it may repeat the draft."""
    outcome = read(text, stop)

    assert not isinstance(outcome, Completed)
    assert MARKER not in repr(outcome)


@pytest.mark.parametrize("stamp", ["all", "none", "wrong", "both"])
def test_attention_checks(stamp: str) -> None:
    """A critic that lists everything, nothing, or the false statement has not read: its critique is void for good."""
    assert ATTENTION is not None
    listed = {
        "all": (*ALIASES, ATTENTION.true_alias, ATTENTION.false_alias),
        "none": ALIASES,
        "wrong": (*ALIASES, ATTENTION.false_alias),
        "both": (ATTENTION.true_alias, ATTENTION.false_alias),
    }[stamp]

    assert read(json.dumps(document(met=listed, attentive=False))) == Malformed(
        "the second model failed the attention checks", repairable=False
    )


def test_without_attention_checks() -> None:
    """A prompt without attention checks takes their aliases for questions that were never asked."""
    outcome = read(
        json.dumps(document(met=("c1", "a1", "a2"), attentive=False)), prompt=replace(PROMPT, attention=None)
    )

    assert isinstance(outcome, Completed)
    assert (len(outcome.answers), outcome.dropped) == (1, 2)


def test_attention_aliases_are_no_answers() -> None:
    """Attention checks are neither answers nor dropped findings, wherever they stand."""
    assert ATTENTION is not None
    critique = completed(found(ATTENTION.false_alias), found(ATTENTION.true_alias, "MET"), met=("c1",))

    assert [answer.criterion for answer in critique.answers] == [KEYS[0]]
    assert critique.dropped == 0


@pytest.mark.parametrize("alias", ["c99", "c0", "C1", "c01", " c1", "c1 ", "", "a3", KEYS[0], "red_flag"])
def test_unknown_aliases_are_dropped(alias: str) -> None:
    """A finding for a question that was never asked is counted, and answers nothing."""
    critique = completed(found(alias, "MET"), met=(alias,))

    assert critique == Completed((), dropped=2)


@pytest.mark.parametrize("outcome", ["MET", "NOT_APPLICABLE", "UNCERTAIN", "NOT_MET"])
def test_listed_and_found(outcome: str) -> None:
    """A question that is listed as met and answered as well has the worse of the two answers."""
    evidence = [{"place": "draft", "seg": "d1", "text": "Take one tablet"}]
    (answer,) = completed(found("c2", outcome, evidence=evidence, why="w"), met=("c2",)).answers

    assert answer == Answer(KEYS[1], Outcome(outcome), (Evidence(Place.DRAFT, "d1", "Take one tablet"),), "w")


@given(st.lists(st.sampled_from(list(Outcome)), min_size=2, max_size=5), st.booleans())
def test_contradictions_settle_nothing(told: list[Outcome], listed: bool) -> None:
    """Several different answers to one question are UNCERTAIN, and a NOT_MET among them is remembered."""
    (answer,) = completed(*(found("c1", o.value) for o in told), met=("c1",) if listed else ()).answers

    if len(set(told)) == 1:
        assert answer.outcome is told[0]
    else:
        assert answer.outcome is Outcome.UNCERTAIN
        assert (answer.worst is Outcome.NOT_MET) == (Outcome.NOT_MET in told)


def test_contradiction_keeps_the_evidence() -> None:
    """Quotes of both answers are kept, as far as the bound on quotes allows."""
    quotes = [[{"place": "draft", "seg": f"d{n}", "text": "t"}] * 5 for n in (1, 2)]
    (answer,) = completed(found("c1", "MET", evidence=quotes[0]), found("c1", evidence=quotes[1], fix="f")).answers

    assert [e.seg for e in answer.evidence] == ["d1"] * 5 + ["d2"] * 3
    assert answer.fix == "f"


@pytest.mark.parametrize(
    ("seg", "place"),
    [
        ("d1", Place.DRAFT),
        ("s1.2", Place.SOURCE),
        ("m2.1", Place.CONVERSATION),
        ("r1.1", Place.TOOL_RESULT),
        ("t3.9", Place.TOOL_CALL),
        ("i1", Place.IMAGE),
        (" d1|", Place.DRAFT),
    ],
)
def test_quoted_is_met_by_that_quote(seg: str, place: Place) -> None:
    """What is listed with a quote is read as a finding that is MET by it; the segment's letter names the place."""
    critique = completed(quoted=[quoted("c1", seg)])

    assert critique.answers == (Answer(KEYS[0], Outcome.MET, (Evidence(place, seg, "Take one tablet"),)),)
    evidence = [{"place": place.value, "seg": seg, "text": "Take one tablet"}]
    assert critique == completed(found("c1", "MET", evidence=evidence))


@pytest.mark.parametrize("seg", ["", "1", "draft", "D1", "x1", "z9.1", "source 1", "\u0501", "d", "-d1"])
def test_a_quote_of_no_place_is_not_verified(seg: str) -> None:
    """A segment whose letter names no place leaves the quote unverified, though its text stands in the draft."""
    quote = "Take one tablet of ibuprofen"
    (answer,) = completed(quoted=[quoted("c1", seg, quote)]).answers
    (placed,) = completed(quoted=[quoted("c1", "d99", quote)]).answers
    finder = QuoteFinder(rendered().index)

    assert finder.find(answer.evidence[0]).status is QuoteStatus.FAILED
    assert finder.find(placed.evidence[0]).status is QuoteStatus.RELOCATED


@pytest.mark.parametrize("outcome", ["NOT_APPLICABLE", "UNCERTAIN", "NOT_MET"])
def test_quoted_and_found_is_a_contradiction(outcome: str) -> None:
    """What is listed with a quote and answered otherwise as well is UNCERTAIN, and a NOT_MET is remembered."""
    (answer,) = completed(found("c2", outcome), quoted=[quoted("c2")]).answers

    assert answer.outcome is Outcome.UNCERTAIN
    assert (answer.worst is Outcome.NOT_MET) == (outcome == "NOT_MET")


def test_listed_quoted_and_repeated() -> None:
    """A question under `met` as well keeps its quote; one that is quoted twice keeps the first quote."""
    both = completed(met=("c1",), quoted=[quoted("c1")])
    twice = completed(quoted=[quoted("c1"), quoted("c1", "d2", "If the pain lasts")])

    assert both.answers == twice.answers == completed(quoted=[quoted("c1")]).answers


def test_only_questions_that_were_asked_are_quoted() -> None:
    """A quote for a question that nobody asked is dropped and counted; one for an attention check is no answer."""
    assert ATTENTION is not None
    critique = completed(quoted=[quoted("c99"), quoted(ATTENTION.true_alias), quoted(ATTENTION.false_alias)])

    assert critique == Completed((), dropped=1)
    attentive_by_quote = document(quoted=[quoted(ATTENTION.true_alias)], attentive=False)
    assert isinstance(read(json.dumps(attentive_by_quote)), Malformed)


@given(st.permutations([found("c1", "MET"), found("c2"), found("c9"), found("c3", "UNCERTAIN"), found("c1")]))
def test_order_of_findings_does_not_matter(findings: list[dict[str, object]]) -> None:
    """The answers are the same in whatever order the critic gave them."""
    outcomes = [(a.criterion, a.outcome, a.worst) for a in completed(*findings, met=("c4",)).answers]

    assert outcomes == [
        (KEYS[0], Outcome.UNCERTAIN, Outcome.NOT_MET),
        (KEYS[1], Outcome.NOT_MET, None),
        (KEYS[2], Outcome.UNCERTAIN, None),
        (KEYS[3], Outcome.MET, None),
    ]


def test_repaired_prompt_reads_the_same() -> None:
    """The second ask has the same questions and attention checks as the first."""
    assert read(GOOD, prompt=PROMPT.repaired()) == read(GOOD)


def test_a_group_drops_what_it_was_not_asked() -> None:
    """Answers to questions of another group are dropped and counted, those to its own are kept."""
    shown = rendered()
    first, second = divide(shown.prompt, shown.index, [(g, NONCE) for g in split(QUESTIONNAIRE, 2, ())])
    whole = json.dumps(document(found("c5"), met=("c1", "c2", "c3", "c4")))
    read_first, read_second = (read(whole, prompt=prompt) for prompt in (first, second))

    assert isinstance(read_first, Completed)
    assert isinstance(read_second, Completed)
    assert [answer.criterion for answer in read_first.answers] == list(KEYS[:3])
    assert [answer.criterion for answer in read_second.answers] == list(KEYS[3:])
    assert (read_first.dropped, read_second.dropped) == (2, 3)


LATE = Unavailable(FailureKind.DEADLINE, "late")
GONE = Unavailable(FailureKind.CONNECTION, "gone")
GROUP = Completed((Answer(KEYS[0], Outcome.MET),), dropped=1)
OTHER = Completed(
    (Answer(KEYS[1], Outcome.NOT_MET),),
    steering=True,
    steering_segment="d2",
    dropped=2,
    unreadable_parts=("s1.1", "d1"),
)


def test_groups_are_joined_in_order() -> None:
    """Answers follow each other; what one group saw of steering or could not read, all of them saw."""
    assert join([GROUP, OTHER, Completed((), unreadable_parts=("d1", "d9"))]) == Completed(
        (*GROUP.answers, *OTHER.answers),
        steering=True,
        steering_segment="d2",
        dropped=3,
        unreadable_parts=("s1.1", "d1", "d9"),
    )
    assert join([OTHER]) is OTHER


@pytest.mark.parametrize("failure", [Refused("no"), Malformed("prose"), Truncated("cut"), LATE, GONE])
def test_one_failed_group_fails_all(failure: CritiqueOutcome) -> None:
    """A critique with a hole in it is none, wherever the hole is."""
    for at in range(3):
        outcomes: list[CritiqueOutcome] = [GROUP, OTHER]
        outcomes.insert(at, failure)
        assert join(outcomes) == failure


@pytest.mark.parametrize("said", [Refused("no"), Malformed("prose"), Truncated("cut"), LATE])
def test_what_was_said_counts_before_an_outage(said: CritiqueOutcome) -> None:
    """A group that refused is not asked again elsewhere because another one met an outage."""
    assert join([GONE, said, GROUP]) == said
    assert join([GONE, GROUP, Unavailable(FailureKind.OVERLOADED, "full")]) == GONE


@pytest.mark.parametrize("text", [":", ": as follows", '":', "\\", 'a\\":', " :"])
def test_text_is_no_key(text: str) -> None:
    """Colons, quotation marks and backslashes in what the critic writes make no reply unreadable."""
    evidence = [{"place": "draft", "seg": "d1", "text": text}]

    assert completed(found("c1", why=text, fix=text, evidence=evidence)).answers[0].why == text


@pytest.mark.parametrize(
    "twice", ['"c": "c2", "c"', '"seg": "d2", "seg"', '"text": "other", "text"', '"quoted": [], "quoted"']
)
def test_no_key_of_what_is_quoted_stands_twice(twice: str) -> None:
    """The same holds for what is listed with a quote, and for the list."""
    text = json.dumps(document(quoted=[quoted("c1")]))
    key = twice.rpartition(" ")[2]

    assert isinstance(read(text), Completed)
    assert isinstance(read(text.replace(f"{key}:", f"{twice}:", 1)), Malformed)


def test_a_key_twice_is_found_beside_odd_spacing() -> None:
    """A key that stands twice is found also where the white space of another one hides it from a count."""
    whole = json.dumps(document(found("c1")))

    assert isinstance(read(whole.replace('"why":', '"why" :')), Completed)
    assert isinstance(read(whole.replace('"why":', '"why" : "", "why":')), Malformed)
