"""The scripted critic: what it writes is what the core reads."""

from __future__ import annotations

from typing import Any

import pytest

from reviewer.core.case import ScriptedFinding
from reviewer.core.finding import Outcome
from reviewer.core.outcome import Answer, Completed, Malformed
from reviewer.core.rubric import Place
from reviewer.core.verification import QuoteFinder
from reviewer.simulate.critic import NO_SCRIPT, reply_text
from reviewer.simulate.reading import read
from reviewer.simulate.script import Fault, FaultKind
from reviewer.simulate.selection import Scene
from tests.support.small_review import DRAFT, KEYS, NONCE, Rendered, case, rendered


def _scene(fault: FaultKind | None = None, **answers: dict[str, Any]) -> Scene:
    scripted = {
        f"health/{name}": ScriptedFinding.model_validate({"why": "Because.", **a}) for name, a in answers.items()
    }
    return Scene(scripted, Fault(kind=fault) if fault else None)


def _reply(shown: Rendered, scene: Scene) -> str:
    return reply_text(read(shown.prompt.questionnaire.prefix, shown.prompt.blocks), scene)


def _completed(shown: Rendered, scene: Scene) -> Completed:
    outcome = shown.read(_reply(shown, scene))
    assert isinstance(outcome, Completed), outcome
    return outcome


def _answer(shown: Rendered, scene: Scene, name: str) -> Answer:
    return next(a for a in _completed(shown, scene).answers if a.criterion == f"health/{name}")


def test_what_the_script_does_not_name_is_met_with_a_quote_that_holds() -> None:
    """Every criterion is MET; where a quote is due the core finds it where it is said to stand."""
    shown = rendered(case(draft={"text": DRAFT, "tool_calls": [{"name": "book_slot", "arguments": {"day": "monday"}}]}))
    answers = _completed(shown, _scene()).answers
    assert [(a.criterion, a.outcome) for a in answers] == [(key, Outcome.MET) for key in KEYS]
    assert {a.criterion: [e.place for e in a.evidence] for a in answers} == {
        "health/red_flag": [Place.DRAFT],
        "health/no_dose": [],
        "health/grounded": [Place.SOURCE],
        "health/plain_words": [],
        "health/right_call": [Place.TOOL_CALL],
    }
    finder = QuoteFinder(shown.index)
    assert all(finder.find(evidence).status.verified for a in answers for evidence in a.evidence)


@pytest.mark.parametrize(
    ("draft", "quote"),
    [
        ("Yes.\nAnd more of it follows.", "Yes."),
        (
            "A\u200bn answer that hides one character near its start.",
            "n answer that hides one character near its start.",
        ),
        ("An opening that has no end " * 12, None),
        ("x" * 500, "x" * 80),
    ],
)
def test_the_opening_is_quoted_as_it_can_be_found(draft: str, quote: str | None) -> None:
    """Short segments whole, long ones to a word's end, hidden characters never: and the core finds all of them."""
    shown = rendered(case(draft={"text": draft}))
    evidence = _answer(shown, _scene(), "red_flag").evidence[0]
    assert evidence.seg == "d1"
    assert quote is None or evidence.text == quote
    assert QuoteFinder(shown.index).find(evidence).status.verified


def test_evidence_that_no_place_can_give_is_left_out() -> None:
    """An action without any call, and a grounded answer without a source, quote the next place that exists."""
    shown = rendered(case(sources=[]))
    assert [e.place for e in _answer(shown, _scene(), "grounded").evidence] == [Place.DRAFT]
    assert [e.place for e in _answer(shown, _scene(), "right_call").evidence] == [Place.CONVERSATION]


def test_scripted_answers_are_given_word_for_word() -> None:
    """Outcome, reason, quotes and fix arrive as the script has them, with the segment in which the quote begins."""
    quotes = [
        {"text": "ibuprofen after a meal. If the pain lasts"},
        {"place": "source", "text": "more than three tablets"},
    ]
    scripted = {"outcome": "NOT_MET", "why": "It names no sign.", "quotes": quotes, "fix": "Name the signs."}
    answer = _answer(rendered(), _scene(red_flag=scripted), "red_flag")
    assert (answer.outcome, answer.why, answer.fix) == (Outcome.NOT_MET, "It names no sign.", "Name the signs.")
    assert [(e.place, e.seg) for e in answer.evidence] == [(Place.DRAFT, "d1"), (Place.SOURCE, "s2.1")]
    assert [e.text for e in answer.evidence] == [quote["text"] for quote in quotes]


def test_a_scripted_quote_that_stands_nowhere_is_still_claimed() -> None:
    """The critic invents where its script says so, and the core does not find it."""
    shown = rendered()
    scripted = {"outcome": "NOT_MET", "quotes": [{"text": "take forty tablets at once"}]}
    evidence = _answer(shown, _scene(no_dose=scripted), "no_dose").evidence[0]
    assert (evidence.seg, evidence.text) == ("d1", "take forty tablets at once")
    assert not QuoteFinder(shown.index).find(evidence).status.verified


def test_hidden_characters_do_not_hide_the_segment_of_a_quote() -> None:
    """A quote written with or without zero-width characters is placed in the line that spells them out."""
    shown = rendered(case(draft={"text": "First line here.\nSecond li\u200bne is here."}))
    for text in ("Second line is", "Second li\u200bne is"):
        scripted = {"outcome": "NOT_MET", "quotes": [{"text": text}]}
        assert _answer(shown, _scene(red_flag=scripted), "red_flag").evidence[0].seg == "d2"


def test_a_draft_without_a_script_is_uncertain_throughout() -> None:
    """Nobody gets an approval for a draft that the simulated reviewer does not know."""
    answers = _completed(rendered(), Scene(None)).answers
    assert [(a.criterion, a.outcome, a.why) for a in answers] == [(key, Outcome.UNCERTAIN, NO_SCRIPT) for key in KEYS]


def test_questions_that_do_not_arise_stay_unanswered() -> None:
    """Aliases left out in the header are not answered."""
    answers = _completed(rendered(not_asked=("c1", "c4")), _scene()).answers
    assert [a.criterion for a in answers] == [KEYS[1], KEYS[2], KEYS[4]]


@pytest.mark.parametrize("kind", [FaultKind.PROSE, FaultKind.INVALID_JSON, FaultKind.FENCED_JSON, FaultKind.TRUNCATION])
def test_unreadable_replies_are_unreadable(kind: FaultKind) -> None:
    """Prose, broken, fenced and cut JSON do not parse."""
    shown = rendered()
    outcome = shown.read(_reply(shown, _scene(kind)))
    assert isinstance(outcome, Malformed)
    assert outcome.repairable


@pytest.mark.parametrize("nonce", [NONCE, bytes(24), bytes([255] * 24)])
@pytest.mark.parametrize("kind", [FaultKind.RUBBER_STAMP, FaultKind.FAIL_ATTENTION])
def test_inattentive_replies_fail_the_attention_checks(kind: FaultKind, nonce: bytes) -> None:
    """A critic that lists everything, or answers the statements wrongly, is found out whichever way they are put."""
    shown = rendered(nonce=nonce)
    assert shown.read(_reply(shown, _scene(kind))) == Malformed(
        "the second model failed the attention checks", repairable=False
    )


def test_missing_criteria_are_the_last_half() -> None:
    """Half of the questions, rounded up, is not answered."""
    assert [a.criterion for a in _completed(rendered(), _scene(FaultKind.MISSING_CRITERIA)).answers] == list(KEYS[:2])


def test_unknown_criteria_are_added_to_a_whole_reply() -> None:
    """One finding too many, and all those asked for."""
    outcome = _completed(rendered(), _scene(FaultKind.UNKNOWN_CRITERIA))
    assert (outcome.dropped, len(outcome.answers)) == (1, len(KEYS))


def test_duplicate_findings_contradict_each_other() -> None:
    """The first question is answered as MET and as NOT_MET, which the core reads as UNCERTAIN."""
    answer = _completed(rendered(), _scene(FaultKind.DUPLICATE_FINDINGS)).answers[0]
    assert (answer.outcome, answer.worst) == (Outcome.UNCERTAIN, Outcome.NOT_MET)


def test_invented_quotes_are_found_nowhere() -> None:
    """Every answer carries a quote, and the core finds none of them."""
    shown = rendered()
    finder = QuoteFinder(shown.index)
    answers = _completed(shown, _scene(FaultKind.INVENTED_QUOTES)).answers
    assert len(answers) == len(KEYS)
    assert not any(finder.find(e).status.verified for a in answers for e in a.evidence)
    assert all(a.evidence for a in answers)
