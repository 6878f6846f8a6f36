"""Shortening: who is still asked in the time that is left, and that less time never makes an approval easier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.core.choice import Candidate, Seating
from reviewer.core.models import ModelEntry
from reviewer.core.outcome import Completed, Critique
from reviewer.core.routing import Panel, ReviewerSpec
from reviewer.core.rubric import Effect
from reviewer.core.shortening import Estimate, shorten
from reviewer.core.verdict import Cause, EvidenceSet, Trouble, Verdict, decide
from tests.support.builders import FACTS, answers, criterion, plan_of, rubric

Told = tuple[list[str], list[str], str, list[Effect]]
"""Models in the seats, spare models, the screen's, and effects of the notes."""
LEFT = 10.0
FITS, MAYBE, NEVER = Estimate(1.0, 3.0), Estimate(6.0, 20.0), Estimate(11.0, 12.0)


def candidate(name: str) -> Candidate:
    """Build a reviewer whose family is its name's first letter."""
    entry = ModelEntry(
        id=name,
        provider="probe",
        family=f"family_{name[0]}",
        pinned=True,
        context_tokens=1000,
        max_output_tokens=1000,
        source="a test",
    )
    return Candidate(ReviewerSpec(id=f"by_{name}", provider="probe", model=name), entry)


def seats(*names: str, spares: tuple[str, ...] = (), screen: str = "") -> Seating:
    by = [tuple(candidate(name) for name in part) for part in (names, spares)]
    return Seating(by[0], by[1], candidate(screen) if screen else None)


def shortened(seated: Seating, known: Mapping[str, Estimate], quorum: int = 1, *, clears: bool = False) -> Told:
    """Tell what a seating becomes; all notes have the cause that they must have."""
    found = shorten(seated, known, LEFT, quorum=quorum, screen_clears=clears)
    if isinstance(found, Trouble):
        assert (found.cause, found.effect) == (Cause.DEADLINE, Effect.HANDOFF)
        return [], [], "", [found.effect]
    assert all(note.cause is Cause.DEADLINE for note in found.notes)
    named = [[c.spec.model for c in part] for part in (found.seats, found.spares)]
    return named[0], named[1], found.screen.spec.model if found.screen else "", [note.effect for note in found.notes]


NOBODY: Told = ([], [], "", [Effect.HANDOFF])
NOTE, HANDOFF = [Effect.NOTE], [Effect.HANDOFF]


@pytest.mark.parametrize("known", [{}, {"a": FITS}, {"a": FITS, "b": NEVER}, {"a": MAYBE, "b": MAYBE}])
def test_what_fits_is_left_as_it_is(known: dict[str, Estimate]) -> None:
    """A reviewer that fits, or of whom nothing better is known, is asked as the route says."""
    single = seats("a", spares=("b",))
    assert shorten(single, known, LEFT, quorum=1, screen_clears=False) is single


def test_a_single_gives_way_to_a_spare_that_fits() -> None:
    """A spare that will answer in time goes first, and the one who may is kept behind it; one who cannot is not."""
    assert shortened(seats("a", spares=("b", "c")), {"a": MAYBE, "b": MAYBE, "c": FITS}) == (
        ["c"],
        ["a", "b"],
        "",
        NOTE,
    )
    assert shortened(seats("a", spares=("b",)), {"a": NEVER}) == (["b"], [], "", NOTE)
    assert shortened(seats("a", spares=("b",)), {"a": NEVER, "b": MAYBE}) == (["b"], [], "", NOTE)
    assert shortened(seats("a", spares=("b",)), {"a": NEVER, "b": NEVER}) == NOBODY


@pytest.mark.parametrize(
    ("known", "found"),
    [
        ({"a": FITS, "s": FITS}, (["a"], ["b"], "s", [])),
        ({"a": Estimate(5, 8), "s": FITS}, (["a"], ["b"], "", NOTE)),
        ({"a": FITS, "s": Estimate(4, 6)}, (["a"], ["b"], "", NOTE)),
        ({"a": FITS, "s": NEVER}, (["a"], ["b"], "", NOTE)),
        ({"a": NEVER, "b": FITS, "s": FITS}, (["b"], [], "s", NOTE)),
        ({"a": MAYBE, "b": MAYBE, "s": FITS}, (["a"], ["b"], "", NOTE)),
        ({"a": NEVER, "b": NEVER, "s": FITS}, ([], [], "s", HANDOFF)),
        ({"a": NEVER, "b": NEVER}, ([], [], "s", HANDOFF)),
        ({"a": NEVER, "b": NEVER, "s": NEVER}, NOBODY),
    ],
)
def test_cascades(known: dict[str, Estimate], found: tuple[object, ...]) -> None:
    """The strong reviewer's time is not spent on the screen, and a screen alone is for the person who decides."""
    assert shortened(seats("a", spares=("b",), screen="s"), known) == found


def test_a_screen_that_may_clear_is_asked_all_the_same() -> None:
    """Where its word can be enough, a screen for which alone there is time is asked as ever."""
    cascade = seats("a", screen="s")
    known = {"a": NEVER, "s": FITS}
    assert shorten(cascade, known, LEFT, quorum=1, screen_clears=True) is cascade
    assert shortened(cascade, {"a": NEVER, "s": NEVER}, clears=True) == NOBODY


@pytest.mark.parametrize(
    ("known", "found"),
    [
        ({"a": FITS, "b": FITS, "c": MAYBE, "d": MAYBE}, (["a", "b", "c"], ["d"], "", [])),
        ({"a": MAYBE, "d": FITS}, (["d", "b", "c"], ["a"], "", NOTE)),
        ({"a": NEVER, "d": FITS}, (["d", "b", "c"], [], "", NOTE)),
        ({"a": NEVER, "d": NEVER}, (["b", "c"], [], "", NOTE)),
        ({"a": NEVER, "c": NEVER, "d": NEVER}, (["b"], [], "", HANDOFF)),
        ({"a": NEVER, "c": NEVER, "d": FITS}, (["d", "b"], [], "", NOTE)),
        ({"a": NEVER, "b": NEVER, "c": NEVER, "d": NEVER}, NOBODY),
    ],
)
def test_panels(known: dict[str, Estimate], found: tuple[object, ...]) -> None:
    """Spares take the seats of those who will be late; below the quorum one is asked, and a person decides."""
    assert shortened(seats("a", "b", "c", spares=("d",)), known, quorum=2) == found


def test_no_two_relatives_sit_on_a_shortened_panel() -> None:
    """A spare may take its own relative's seat, not one beside it."""
    assert shortened(seats("a", "b", spares=("b2",)), {"a": NEVER}, quorum=1)[0] == ["b"]
    assert shortened(seats("a", "b", spares=("a2",)), {"a": NEVER}, quorum=2)[0] == ["a2", "b"]


NAMES = ("a", "b", "c", "a2", "b2", "d")
ASKED = rubric(criterion("asked"))
TIMES = st.tuples(st.floats(0, 20), st.floats(0, 20)).map(lambda t: Estimate(min(t), max(t)))
KNOWN = st.dictionaries(st.sampled_from((*NAMES, "s")), TIMES)


@st.composite
def seatings(draw: st.DrawFn) -> Seating:
    """Draw what `choice.seating` may give: a single, a cascade or a panel."""
    names = draw(st.permutations(NAMES))
    spares = tuple(draw(st.lists(st.sampled_from(names), unique=True, max_size=4)))
    free = [name for name in names if name not in spares]
    mode = draw(st.sampled_from(["single", "cascade", "panel"]))
    if mode != "panel":
        return seats(free[0], spares=spares, screen="s" if mode == "cascade" else "")
    first: dict[str, str] = {}
    for name in free:
        first.setdefault(candidate(name).entry.family, name)
    return seats(*list(first.values())[: draw(st.integers(1, 4))], spares=spares)


@given(seatings(), KNOWN, st.floats(-5, 30), st.integers(1, 4), st.booleans())
def test_it_is_total_and_seats_only_whom_the_route_names(
    seated: Seating, known: dict[str, Estimate], left: float, quorum: int, clears: bool
) -> None:
    """Somebody is asked or a trouble says why not; nobody comes in from outside, sits twice, or beside a relative."""
    found = shorten(seated, known, left, quorum=quorum, screen_clears=clears)
    if isinstance(found, Trouble):
        assert found.effect is Effect.HANDOFF
        return
    assert found.seats or found.screen
    assert found.screen in (None, seated.screen)
    taken = [*found.seats, *found.spares]
    assert set(taken) <= {*seated.seats, *seated.spares}
    assert len(set(taken)) == len(taken)
    families = [seat.entry.family for seat in found.seats]
    assert len(set(families)) == len(families) <= len(seated.seats)
    assert found.notes[: len(seated.notes)] == seated.notes
    assert (found is seated) == (found == seated)


@given(seatings(), KNOWN, st.floats(-5, 30), st.integers(1, 4), st.booleans())
def test_less_time_never_makes_an_approval_possible(
    seated: Seating, known: dict[str, Estimate], left: float, quorum: int, clears: bool
) -> None:
    """Were all who are asked content, the draft is approved only if it would have been with all of them asked."""
    mode = {"mode": "cascade", "cascade": {"screen": "critic", "clears": clears}} if seated.screen else {}
    plan = plan_of(ASKED, tier="medium", reviewers=["critic", "second"], **mode)
    assert plan.full
    if len(seated.seats) > 1:
        panel = Panel(size=len(seated.seats), quorum=quorum)
        plan = replace(plan, route=plan.route.model_copy(update={"panel": panel}))
    found = shorten(seated, known, left, quorum=plan.route.quorum, screen_clears=plan.screen_clears)

    def verdict(of: Seating | Trouble) -> Verdict:
        if isinstance(of, Trouble):
            return decide(EvidenceSet(plan, FACTS, answers(plan, ()), (), (of,))).verdict
        asked = [Critique(seat.spec.model, Completed(())) for seat in of.seats]
        if of.screen is not None:
            asked.append(Critique(of.screen.spec.model, Completed(()), screen=True))
        judges = tuple(critique.judge for critique in asked)
        return decide(EvidenceSet(plan, FACTS, answers(plan, judges), tuple(asked), of.notes)).verdict

    assert verdict(found) >= verdict(seated)
    if isinstance(found, Trouble) or (len(found.seats) < plan.route.quorum and found is not seated):
        assert verdict(found) is Verdict.HUMAN_HANDOFF
