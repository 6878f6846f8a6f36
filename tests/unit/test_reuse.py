"""The memory of answers: what is kept, for how long, and what two reviews must share to share them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.core.choice import Candidate, Seating
from reviewer.core.finding import Outcome
from reviewer.core.models import ModelEntry
from reviewer.core.outcome import Answer, Completed, Critique, CritiqueOutcome, FailureKind, Malformed, Unavailable
from reviewer.core.prompt import Header, Prompt, render
from reviewer.core.routing import ReviewerSpec
from reviewer.core.rubric import Effect
from reviewer.core.rulebook import Plan
from reviewer.core.verdict import Cause, Trouble
from reviewer.reuse import Kept, Memory, key_of
from tests.support.builders import MOMENT, criterion, index_of, plan_of, rubric

WHOLE = Completed((Answer("probe/asked", Outcome.MET),))
ENTRY = ModelEntry(
    id="critic-1",
    provider="held",
    family="critic",
    pinned=True,
    context_tokens=1000,
    max_output_tokens=1000,
    source="a test",
)
SEAT = Candidate(ReviewerSpec(id="critic", provider="held", model="critic-1"), ENTRY)


def kept(review: str = "reviews/1", *outcomes: CritiqueOutcome, troubles: tuple[Trouble, ...] = ()) -> Kept:
    critiques = tuple(Critique("critic-1", outcome) for outcome in outcomes or (WHOLE,))
    return Kept(review, critiques, troubles, simulated=False)


def prompt(text: str = "Rest well.", *, day: int = 1, nonce: int = 0, plan: Plan | None = None) -> Prompt:
    header = Header("health.advice", "high", "en", MOMENT.replace(day=day))
    of = plan or planned()
    return render(of.questionnaire, index_of(text), (), header, bytes([nonce]) * 24, max_output_tokens=0)


def planned(**fields: object) -> Plan:
    return plan_of(rubric(criterion("asked")), **fields)  # type: ignore[arg-type]


def key(tenant: str = "acme", seated: Seating | None = None, plan: Plan | None = None, **fields: object) -> str:
    of = plan or planned()
    return key_of(tenant, of, seated or Seating((SEAT,)), [prompt(plan=of, **fields)])  # type: ignore[arg-type]


def test_answers_are_found_within_the_window() -> None:
    """What was kept is found until its time is over, and finding it does not extend that."""
    memory = Memory(10, 5)
    memory.keep("a", kept(), now=100)

    assert memory.find("a", 100) == memory.find("a", 109.9) == kept()
    assert memory.find("a", 110) is None
    assert memory.find("b", 100) is None


def test_the_latest_answers_stand() -> None:
    """Keeping under a key again replaces what stood there, and its time begins anew."""
    memory = Memory(10, 5)
    memory.keep("a", kept("reviews/1"), now=100)
    memory.keep("a", kept("reviews/2"), now=108)

    assert memory.find("a", 115) == kept("reviews/2")


def test_nothing_is_kept_without_a_window() -> None:
    """A window of nothing keeps nothing."""
    memory = Memory(0, 5)
    memory.keep("a", kept(), now=100)

    assert not memory.keeps
    assert memory.find("a", 100) is None


def test_the_oldest_go_first() -> None:
    """No more entries are held than allowed, and what is too old goes with the next one."""
    memory = Memory(10, 2)
    for at, name in enumerate("abc"):
        memory.keep(name, kept(), now=100 + at)

    assert [memory.find(name, 103) is not None for name in "abc"] == [False, True, True]


def test_forgetting() -> None:
    """A memory that forgets holds nothing, and goes on keeping."""
    memory = Memory(10, 5)
    memory.keep("a", kept(), now=100)
    memory.forget()
    memory.keep("b", kept(), now=101)

    assert (memory.find("a", 102), memory.find("b", 102)) == (None, kept())


@pytest.mark.parametrize(
    "amiss",
    [
        Kept("reviews/1", (), (), simulated=False),
        kept("reviews/1", Malformed("prose")),
        kept("reviews/1", WHOLE, Unavailable(FailureKind.TIMEOUT, "gone")),
        kept(troubles=(Trouble(Cause.SERVED_MODEL_MISMATCH, "another", Effect.HANDOFF),)),
        kept(troubles=(Trouble(Cause.SERVED_MODEL_MISMATCH, "another", Effect.REVISE),)),
    ],
    ids=["none", "unreadable", "one lost", "mismatch", "any effect"],
)
def test_what_is_amiss_is_asked_again(amiss: Kept) -> None:
    """Lost critiques, and answers that something speaks against, are never taken again."""
    memory = Memory(10, 5)
    memory.keep("a", amiss, now=100)

    assert memory.find("a", 100) is None


def test_a_note_goes_with_the_answers() -> None:
    """A note does not keep answers from being taken, and is told again."""
    memory = Memory(10, 5)
    noted = kept(troubles=(Trouble(Cause.SERVED_MODEL_MISMATCH, "another", Effect.NOTE),))
    memory.keep("a", noted, now=100)

    assert memory.find("a", 100) == noted


def test_boundary_and_attention_do_not_matter() -> None:
    """Two prompts that differ in nothing but what is drawn anew for each call ask the same."""
    assert prompt(nonce=1).blocks != prompt(nonce=2).blocks
    assert key(nonce=1) == key(nonce=2)


def test_everything_else_does() -> None:
    """Tenant, text, day, route and reviewers each make another question of it."""
    stronger = Candidate(SEAT.spec.model_copy(update={"model": "critic-2"}), ENTRY)
    longer = Candidate(SEAT.spec.model_copy(update={"max_output_tokens": 512}), ENTRY)
    plan = planned()
    keys = [
        key(),
        key("other"),
        key(text="Rest badly."),
        key(day=2),
        key(seated=Seating((stronger,))),
        key(seated=Seating((longer,))),
        key(seated=Seating((SEAT,), screen=stronger)),
        key(seated=Seating((SEAT, stronger))),
        key(plan=planned(mandatory_human=True)),
        key(plan=replace(plan, pins=tuple(replace(pin, digest="0" * 64) for pin in plan.pins))),
    ]

    assert len(set(keys)) == len(keys)


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 3))), st.integers(1, 3))
def test_the_memory_is_bounded_and_never_stale(steps: list[tuple[str, int]], bound: int) -> None:
    """Whatever comes in which order, nothing is found after its window, and no more than the bound."""
    memory = Memory(5, bound)
    now, since = 0, {}
    for name, pause in steps:
        now += pause
        memory.keep(name, kept(f"reviews/{now}"), now)
        since[name] = now
        found = {n: memory.find(n, now) for n in "abcdef"}
        alive = {n: f for n, f in found.items() if f is not None}
        assert len(alive) <= bound
        assert all(now < since[n] + 5 and f.review == f"reviews/{since[n]}" for n, f in alive.items())
