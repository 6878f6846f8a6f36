"""Who may judge a draft: another family, alive, fit, able to see images, and configured."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from reviewer.core.choice import Seating, candidates, seating
from reviewer.core.draft import Drafter, ImagePart
from reviewer.core.models import ModelCatalogue
from reviewer.core.passage import RedactedDraft
from reviewer.core.redaction import redact
from reviewer.core.routing import ReviewerSpec
from reviewer.core.rubric import Effect
from reviewer.core.rulebook import Plan
from reviewer.core.verdict import Cause, Trouble
from tests.support.builders import REVIEWERS, criterion, plan_of, request, rubric

TODAY = date(2026, 11, 21)
OPEN = {"anthropic", "openai"}


def _model(name: str, family: str, **more: object) -> dict[str, object]:
    facts = {"context_tokens": 1000, "max_output_tokens": 500, "source": "a test", "pinned": True, "images": True}
    return {"id": name, "provider": "anthropic" if family == "claude" else "openai", "family": family, **facts, **more}


def catalogue(**changes: object) -> ModelCatalogue:
    """Two reviewers of two families, the first with changes, and a drafter of a third."""
    models = [_model("opus", "claude", **changes), _model("gpt", "gpt"), _model("gemini", "gemini")]
    return ModelCatalogue.model_validate({"schema": 1, "version": "1.0.0", "models": models})


def plan(*, tier: str = "high", **route: object) -> Plan:
    """A plan with both reviewers."""
    made = plan_of(rubric(criterion("asked")), tier=tier, **route)
    specs = tuple(
        ReviewerSpec(id=f"r_{name}", provider=p, model=name) for name, p in (("opus", "anthropic"), ("gpt", "openai"))
    )
    return replace(made, reviewers=specs)


def draft_by(model: str, **fields: object) -> RedactedDraft:
    """A draft of one model."""
    return replace(redact(request("Rest.", drafter=Drafter("p", model))), **fields)  # type: ignore[arg-type]


def names(found: object) -> list[str]:
    """Models of the candidates."""
    assert isinstance(found, tuple)
    return [candidate.entry.id for candidate in found]


def test_a_third_family_may_be_judged_by_all() -> None:
    """All reviewers of other families, in the route's order."""
    assert names(candidates(plan(), catalogue(), draft_by("gemini"), TODAY, OPEN)) == ["opus", "gpt"]


@pytest.mark.parametrize(("drafter", "left"), [("opus", ["gpt"]), ("gpt", ["opus"])])
def test_the_drafters_family_is_left_out(drafter: str, left: list[str]) -> None:
    """A reviewer of the drafter's family is never asked, also not as a fallback."""
    assert names(candidates(plan(), catalogue(), draft_by(drafter), TODAY, OPEN)) == left


@pytest.mark.parametrize("drafter", ["", "nobody-7b"])
def test_an_unknown_drafter_has_no_judge(drafter: str) -> None:
    """A drafter that the catalogue does not know counts as everybody's family."""
    found = candidates(plan(), catalogue(), draft_by(drafter), TODAY, OPEN)
    assert isinstance(found, Trouble)
    assert found.cause is Cause.SAME_FAMILY


def test_a_route_may_waive_the_rule() -> None:
    """Where the route does not demand another family, an unknown drafter and one's own are judged."""
    lax = plan(require_other_family=False)
    assert names(candidates(lax, catalogue(), draft_by("opus"), TODAY, OPEN)) == ["opus", "gpt"]


@pytest.mark.parametrize(
    "change", [{"retires": "2026-11-21"}, {"retires": "2020-01-01"}, {"fit_to_approve": False}, {"images": False}]
)
def test_what_cannot_judge_is_left_out(change: dict[str, object]) -> None:
    """A model that is retired, unfit, or blind to the request's images is not asked."""
    seen = draft_by("gemini", images=(ImagePart("image/png", b"x"),))
    assert names(candidates(plan(), catalogue(**change), seen, TODAY, OPEN)) == ["gpt"]


@pytest.mark.parametrize(
    ("drafter", "providers", "cause"),
    [
        ("gemini", set(), Cause.REVIEWER_UNAVAILABLE),
        ("gpt", {"openai"}, Cause.SAME_FAMILY),
        ("opus", {"anthropic"}, Cause.SAME_FAMILY),
    ],
)
def test_nobody_left(drafter: str, providers: set[str], cause: Cause) -> None:
    """Nobody configured, or only relatives: each has its own cause, and both ask for a person."""
    found = candidates(plan(), catalogue(), draft_by(drafter), TODAY, providers)
    assert isinstance(found, Trouble)
    assert found.cause is cause


def _many(*families: str, **route: object) -> tuple[Plan, ModelCatalogue]:
    """A plan whose reviewers are of these families, in this order, and a catalogue that knows them."""
    specs = [ReviewerSpec(id=f"r{n}", provider="openai", model=f"{name}-{n}") for n, name in enumerate(families)]
    models = [_model(spec.model, name) for spec, name in zip(specs, families, strict=True)]
    known = ModelCatalogue.model_validate({"schema": 1, "version": "1.0.0", "models": [*models, _model("me", "mine")]})
    made = plan_of(rubric(criterion("asked")), reviewers=REVIEWERS, **route)  # type: ignore[arg-type]
    return replace(made, reviewers=tuple(specs)), known


def _seated(families: str, drafter: str = "me", **route: object) -> Seating | Trouble:
    made, known = _many(*families.split(), **route)
    return seating(made, known, draft_by(drafter), TODAY, OPEN)


PANEL_OF_3 = {"mode": "panel", "panel": {"size": 3, "quorum": 2}}
CASCADE = {"mode": "cascade", "cascade": {"screen": "critic"}}


def test_a_single_seat_goes_to_the_first() -> None:
    """Where one reviewer is asked, all others stand by, relatives of the first included."""
    found = _seated("aa aa bb")
    assert isinstance(found, Seating)
    assert (names(found.seats), names(found.spares)) == (["aa-0"], ["aa-1", "bb-2"])
    assert (found.screen, found.notes) == (None, ())


@pytest.mark.parametrize(
    ("families", "drafter", "seats", "spares"),
    [
        ("aa bb cc", "me", ["aa-0", "bb-1", "cc-2"], []),
        ("aa aa bb bb cc dd", "me", ["aa-0", "bb-2", "cc-4"], ["aa-1", "bb-3", "dd-5"]),
        ("aa bb cc dd", "bb-1", ["aa-0", "cc-2", "dd-3"], []),
    ],
)
def test_a_panel_is_of_different_families(families: str, drafter: str, seats: list[str], spares: list[str]) -> None:
    """Each seat goes to the first reviewer of a family that has none, the drafter's left out; the rest stand by."""
    found = _seated(families, drafter, **PANEL_OF_3)
    assert isinstance(found, Seating)
    assert (names(found.seats), names(found.spares), found.notes) == (seats, spares, ())


@pytest.mark.parametrize(
    ("families", "drafter", "cause"),
    [("aa bb cc", "cc-2", Cause.SAME_FAMILY), ("aa bb aa", "me", Cause.REVIEWER_UNAVAILABLE)],
)
def test_an_empty_seat_is_noted(families: str, drafter: str, cause: Cause) -> None:
    """A panel that can still make its quorum sits, and says who is missing."""
    found = _seated(families, drafter, **PANEL_OF_3)
    assert isinstance(found, Seating)
    assert len(found.seats) == 2
    assert [(note.cause, note.effect) for note in found.notes] == [(cause, Effect.NOTE)]


@pytest.mark.parametrize(
    ("families", "drafter", "cause"),
    [("aa bb bb", "bb-1", Cause.SAME_FAMILY), ("aa aa aa", "me", Cause.REVIEWER_UNAVAILABLE)],
)
def test_a_panel_without_quorum_does_not_sit(families: str, drafter: str, cause: Cause) -> None:
    """Where no quorum can come together nobody is asked, and a person is."""
    found = _seated(families, drafter, **PANEL_OF_3)
    assert isinstance(found, Trouble)
    assert (found.cause, found.effect) == (cause, Effect.HANDOFF)


def test_a_screen_has_no_seat() -> None:
    """The reviewer that screens is asked first and never stands in for the one behind it."""
    made, known = _many("aa", "bb", "bb", **CASCADE)
    specs = tuple(replace_id(spec, "critic" if n == 0 else f"r{n}") for n, spec in enumerate(made.reviewers))
    found = seating(replace(made, reviewers=specs), known, draft_by("me"), TODAY, OPEN)
    assert isinstance(found, Seating)
    assert found.screen is not None
    assert (found.screen.entry.id, names(found.seats), names(found.spares)) == ("aa-0", ["bb-1"], ["bb-2"])


def replace_id(spec: ReviewerSpec, name: str) -> ReviewerSpec:
    """The same reviewer under another id."""
    return spec.model_copy(update={"id": name})


@pytest.mark.parametrize(("drafter", "sits"), [("aa-0", True), ("bb-1", False), ("me", True)])
def test_the_family_rule_holds_for_both_stages(drafter: str, sits: bool) -> None:
    """A screen of the drafter's family is left out with a note; without a reviewer behind it nobody is asked."""
    made, known = _many("aa", "bb", "bb", **CASCADE)
    specs = tuple(replace_id(spec, "critic" if n == 0 else f"r{n}") for n, spec in enumerate(made.reviewers))
    found = seating(replace(made, reviewers=specs), known, draft_by(drafter), TODAY, OPEN)
    if sits:
        assert isinstance(found, Seating)
        noted = [(note.cause, note.effect) for note in found.notes]
        assert noted == ([(Cause.SAME_FAMILY, Effect.NOTE)] if found.screen is None else [])
        assert (found.screen is None) is (drafter == "aa-0")
    else:
        assert isinstance(found, Trouble)
        assert (found.cause, found.effect) == (Cause.SAME_FAMILY, Effect.HANDOFF)


def _unfit_screen(*, clears: bool = False, tier: str = "high", behind: tuple[str, ...] = ("gpt",)) -> Seating | Trouble:
    """Seat a cascade whose screen `opus` is not fit to approve."""
    cascade = {"mode": "cascade", "cascade": {"screen": "critic", "clears": clears}}
    made = plan_of(rubric(criterion("asked")), tier=tier, reviewers=REVIEWERS, **cascade)
    screen = ReviewerSpec(id="critic", provider="anthropic", model="opus")
    others = [ReviewerSpec(id=f"r_{name}", provider="openai", model=name) for name in behind]
    with_them = replace(made, reviewers=(screen, *others))
    return seating(with_them, catalogue(fit_to_approve=False), draft_by("gemini"), TODAY, OPEN)


def test_an_unfit_model_may_screen() -> None:
    """A model that is not fit to approve looks first, and has no seat behind."""
    found = _unfit_screen()
    assert isinstance(found, Seating)
    assert found.screen is not None
    assert (found.screen.entry.id, names(found.seats), found.spares, found.notes) == ("opus", ["gpt"], (), ())


def test_an_unfit_screen_never_clears() -> None:
    """Where a clean screen would be enough, an unfit one is not asked, and a note says so."""
    found = _unfit_screen(clears=True, tier="medium")
    assert isinstance(found, Seating)
    assert (found.screen, names(found.seats)) == (None, ["gpt"])
    assert [(note.cause, note.effect) for note in found.notes] == [(Cause.REVIEWER_UNAVAILABLE, Effect.NOTE)]


@pytest.mark.parametrize("behind", [(), ("opus",)])
def test_an_unfit_screen_is_nobody_to_fall_back_on(behind: tuple[str, ...]) -> None:
    """Without a fit reviewer behind it nobody is asked, also where the same unfit model is named twice."""
    found = _unfit_screen(behind=behind)
    assert isinstance(found, Trouble)
    assert (found.cause, found.effect) == (Cause.REVIEWER_UNAVAILABLE, Effect.HANDOFF)


@pytest.mark.parametrize(("fields", "left"), [({}, ["bb-1"]), (PANEL_OF_3, ["bb-1"]), (CASCADE, ["aa-0", "bb-1"])])
def test_what_only_screens_looks_first_or_not_at_all(fields: dict[str, object], left: list[str]) -> None:
    """A model that only screens is no candidate but for the part of the screen, also not as a fallback."""
    made, known = _many("aa", "bb", **fields)
    first, second = known.models[0], made.reviewers[1]
    models = (first.model_copy(update={"screens_only": True}), *known.models[1:])
    marked = ModelCatalogue.model_validate(
        {"schema": 1, "version": "1.0.0", "models": [model.model_dump() for model in models]}
    )
    plan = replace(made, reviewers=(replace_id(made.reviewers[0], "critic"), second))
    assert names(candidates(plan, marked, draft_by("me"), TODAY, OPEN)) == left
    found = seating(plan, marked, draft_by("me"), TODAY, OPEN)
    if isinstance(found, Seating):
        assert names(found.seats) == ["bb-1"]
        assert found.spares == ()


def test_a_plan_without_questions_asks_nobody() -> None:
    """Where no rubric asks the second model anything, a high-tier review is not complete without a person."""
    silent = plan_of(rubric(criterion("checked", judge="check")))
    found = candidates(silent, catalogue(), draft_by("gemini"), TODAY, OPEN)
    assert isinstance(found, Trouble)
    assert found.cause is Cause.PARTIAL_COVERAGE
