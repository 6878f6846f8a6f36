"""Who may judge a draft: another family, alive, fit, able to see images, and configured."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from reviewer.core.choice import candidates
from reviewer.core.draft import Drafter, ImagePart
from reviewer.core.models import ModelCatalogue
from reviewer.core.passage import RedactedDraft
from reviewer.core.redaction import redact
from reviewer.core.routing import ReviewerSpec
from reviewer.core.rulebook import Plan
from reviewer.core.verdict import Cause, Trouble
from tests.support.builders import criterion, plan_of, request, rubric

TODAY = date(2026, 11, 21)
OPEN = {"anthropic", "openai"}


def _model(name: str, family: str, **more: object) -> dict[str, object]:
    facts = {"context_tokens": 1000, "max_output_tokens": 500, "source": "a test", "pinned": True, "images": True}
    return {"id": name, "provider": "anthropic" if family == "claude" else "openai", "family": family, **facts, **more}


def catalogue(**changes: object) -> ModelCatalogue:
    """Two reviewers of two families, the first with changes, and a drafter of a third."""
    models = [_model("opus", "claude", **changes), _model("gpt", "gpt"), _model("gemini", "gemini")]
    return ModelCatalogue.model_validate({"schema": 1, "version": "1.0.0", "models": models})


def plan(*, require_other_family: bool = True) -> Plan:
    """A plan with both reviewers."""
    made = plan_of(rubric(criterion("asked")), require_other_family=require_other_family)
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


def test_a_plan_without_questions_asks_nobody() -> None:
    """Where no rubric asks the second model anything, a high-tier review is not complete without a person."""
    silent = plan_of(rubric(criterion("checked", judge="check")))
    found = candidates(silent, catalogue(), draft_by("gemini"), TODAY, OPEN)
    assert isinstance(found, Trouble)
    assert found.cause is Cause.PARTIAL_COVERAGE
