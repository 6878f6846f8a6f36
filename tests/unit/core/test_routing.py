from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from reviewer.core.draft import DataClass, Tier
from reviewer.core.routing import CritiqueMode, Guidance, Route, Routing, effective_tier, intent_covers, intent_matches

label = st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True)
intent_labels = st.lists(label, min_size=1, max_size=6).map(".".join)


def route(route_id: str, *intents: str, tier: object = "low", **fields: object) -> dict[str, object]:
    return {
        "id": route_id,
        "intents": list(intents),
        "domain": "health",
        "tier": tier,
        "rubrics": ["health"],
        "reviewers": ["critic"],
        **fields,
    }


def routing(*routes: dict[str, object], **fields: object) -> Routing:
    content: dict[str, object] = {
        "schema": 1,
        "version": "1.0.0",
        "reviewers": [
            {"id": "critic", "provider": "anthropic", "model": "claude-opus-4-6"},
            {"id": "other", "provider": "openai", "model": "gpt-5.5"},
            {"id": "twin", "provider": "openai_compatible", "model": "Claude-Opus-4-6"},
        ],
        "default": route("unknown", "*", tier="high"),
        "routes": list(routes),
    }
    return Routing.model_validate(content | fields)


def panel(**fields: object) -> dict[str, object]:
    return route("aa", "x", mode="panel", panel=fields, reviewers=["critic", "other", "twin"])


def cascade(*, tier: str = "low", reviewers: Sequence[str] = ("critic", "other", "twin"), **fields: object) -> Any:
    return route("aa", "x", tier=tier, mode="cascade", cascade=fields, reviewers=list(reviewers))


TABLE = routing(
    route("wide", "health.*"),
    route("narrow", "health.drug.*"),
    route("exact", "health.drug.dose", tier="medium"),
    route("single", "billing"),
)


@pytest.mark.parametrize(
    ("intent", "route_id"),
    [
        ("health.drug.dose", "exact"),
        ("health.drug.dose.child", "narrow"),
        ("health.drug.other", "narrow"),
        ("health.drug", "wide"),
        ("health.unknown_thing", "wide"),
        ("health.a.b.c.d", "wide"),
        ("health", "unknown"),
        ("healthy.thing", "unknown"),
        ("billing", "single"),
        ("billing.refund", "unknown"),
        ("", "unknown"),
        ("*", "unknown"),
        ("health.*", "unknown"),
        ("health.", "unknown"),
        ("Health.drug", "unknown"),
        ("health.drug.dose\n", "unknown"),
        ("health..drug", "unknown"),
    ],
)
def test_route_for(intent: str, route_id: str) -> None:
    """Exact beats the longest wildcard, which beats the default; a malformed label has the default's route."""
    assert TABLE.route_for(intent).id == route_id


@given(st.text())
def test_route_for_is_total(intent: str) -> None:
    """Every string has a route, and one that no pattern covers has the high default."""
    found = TABLE.route_for(intent)

    if not any(intent_matches(pattern, intent) for r in TABLE.routes for pattern in r.intents):
        assert found is TABLE.default
    assert found in TABLE.all_routes


@given(st.sets(intent_labels, max_size=5), st.sets(intent_labels, max_size=5), intent_labels)
def test_longest_wildcard_wins(exact: set[str], wild: set[str], intent: str) -> None:
    """For any table, the route is the one a scan over all patterns would choose."""
    patterns = sorted(exact) + [f"{name}.*" for name in sorted(wild)]
    table = routing(*(route(f"r{at}_", pattern) for at, pattern in enumerate(patterns)))
    covering = [pattern for pattern in patterns if intent_matches(pattern, intent)]
    best = max(covering, key=lambda pattern: (not pattern.endswith(".*"), len(pattern)), default="*")

    assert table.route_for(intent).intents == (best,)


@given(intent_labels)
def test_unknown_is_high(intent: str) -> None:
    """An intent that no route names is of tier high, also where the caller wishes for less."""
    assume(not intent.startswith("health.") and intent != "billing")

    for wish in (None, *Tier):
        assert effective_tier(TABLE.route_for(intent), wish) is Tier.HIGH


@given(st.sampled_from(TABLE.all_routes), st.sampled_from([None, *Tier]))
def test_caller_only_raises(chosen: Route, wish: Tier | None) -> None:
    """The tier in force is never below the route's nor below the wish."""
    tier = effective_tier(chosen, wish)

    assert tier >= chosen.tier
    assert tier == chosen.tier if wish is None else tier >= wish


def test_deep_label_is_cheap() -> None:
    """A label of many segments looks at no more prefixes than the table has levels."""
    assert TABLE.route_for("health." + ".".join("a" * 200_000)).id == "wide"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"default": route("unknown", "*", tier="medium")}, "tier high"),
        ({"default": route("unknown", "other.*", tier="high")}, r'intents \["\*"\]'),
        ({"default": route("unknown", "*", "other", tier="high")}, r'intents \["\*"\]'),
        ({"routes": [route("aa", "x"), route("aa", "y")]}, "stands twice"),
        ({"routes": [route("unknown", "x")]}, "stands twice"),
        ({"routes": [route("aa", "x"), route("bb", "x")]}, "already stands in route aa"),
        ({"routes": [route("aa", "x.*"), route("bb", "x.*")]}, "already stands in route aa"),
        ({"routes": [route("aa", "*")]}, "belongs to the default"),
        ({"routes": [route("aa", "x", reviewers=["nobody"])]}, "unknown reviewer nobody; known: critic, other, twin"),
        ({"reviewers": [{"id": "critic", "provider": "openai", "model": "m"}] * 2}, "stands twice"),
        ({"routes": [route("aa", "x", tier="high", reviewers=[])]}, "at least one reviewer"),
        ({"routes": [route("aa", "x", rubrics=["health", "health"])]}, "twice"),
        ({"routes": [route("aa", "x", tier="none")]}, "low, medium or high"),
        ({"routes": [route("aa", "x", tier=3)]}, "low, medium or high"),
        ({"routes": [route("aa", "x", max_revisions=11)]}, "less than or equal to 10"),
        ({"routes": [route("aa", "x", sample_percent=101)]}, "less than or equal to 100"),
        ({"routes": [route("aa", "x", mode="crowd")]}, "'single', 'panel' or 'cascade'"),
        ({"routes": [route("aa", "x", fan_out=0)]}, "greater than or equal to 1"),
        ({"routes": [route("aa", "x", fan_out=9)]}, "less than or equal to 8"),
        ({"routes": [route("aa", "x", mode="panel")]}, "mode panel needs panel"),
        ({"routes": [route("aa", "x", mode="cascade")]}, "mode cascade needs cascade"),
        ({"routes": [route("aa", "x", panel={"size": 2})]}, "belongs to mode panel, and the mode is single"),
        ({"routes": [route("aa", "x", cascade={"screen": "critic"})]}, "belongs to mode cascade"),
        ({"routes": [route("aa", "x", mode="cascade", panel={"size": 2})]}, "belongs to mode panel, and"),
        ({"routes": [panel(size=1)]}, "greater than or equal to 2"),
        ({"routes": [panel(size=6)]}, "less than or equal to 5"),
        ({"routes": [panel(size=2, quorum=0)]}, "greater than or equal to 1"),
        ({"routes": [panel(size=2, quorum=3)]}, "a quorum of 3 cannot come from 2 reviewers"),
        ({"routes": [panel(size=4)]}, "a panel of 4 needs as many reviewers, got 3"),
        ({"routes": [panel(size="many")]}, "valid integer"),
        ({"routes": [cascade(screen="nobody")]}, "nobody is not one of the route's reviewers"),
        ({"routes": [cascade(reviewers=["critic"], screen="critic")]}, "needs a reviewer behind its screen"),
        ({"routes": [cascade(screen="other", tier="high", clears=True)]}, "cannot clear drafts in tier high"),
        ({"routes": [cascade(screen="twin")]}, "the screen's model claude-opus-4-6 also stands behind it"),
    ],
)
def test_refused(fields: dict[str, object], message: str) -> None:
    """A table that is ambiguous, lenient by default, or names nobody cannot be built."""
    with pytest.raises(ValidationError, match=message):
        routing(**fields)


def test_defaults_are_strict() -> None:
    """What a route leaves open is the stricter choice, and restricted material is not shown to a model."""
    made = TABLE.default

    assert made.require_other_family
    assert not made.mandatory_human
    assert DataClass.RESTRICTED not in made.data_classes
    assert made.guidance is Guidance.FULL
    assert (made.max_revisions, made.sample_percent) == (2, 5)
    assert (made.mode, made.seats, made.quorum, made.fan_out) == (CritiqueMode.SINGLE, 1, 1, 1)


@pytest.mark.parametrize(("fields", "seats", "quorum"), [({"size": 3}, 3, 3), ({"size": 3, "quorum": 1}, 3, 1)])
def test_a_quorum_is_everybody_unless_stated(fields: dict[str, object], seats: int, quorum: int) -> None:
    """A panel whose file names no quorum needs all its critiques, and is the same table as one that names them all."""
    made = routing(panel(**fields))

    assert (made.routes[0].seats, made.routes[0].quorum) == (seats, quorum)
    assert made == routing(panel(**{"quorum": 3, **fields}))


def test_a_screen_never_clears_by_default() -> None:
    """A cascade that does not say so hears only a screen's objections."""
    (made,) = routing(cascade(screen="other")).routes

    assert made.cascade is not None
    assert not made.cascade.clears
    assert (made.seats, made.quorum) == (1, 1)


def test_tier_is_written_as_its_name() -> None:
    """Tiers are numbers in the core and names in files, in both directions."""
    dumped = TABLE.model_dump(mode="json", by_alias=True)

    assert dumped["routes"][2]["tier"] == "medium"
    assert Routing.model_validate(dumped) == TABLE


@pytest.mark.parametrize(
    ("pattern", "other", "covers"),
    [
        ("*", "*", True),
        ("*", "health.*", True),
        ("health.*", "*", False),
        ("health.*", "health.*", True),
        ("health.*", "health.drug.*", True),
        ("health.*", "health.drug", True),
        ("health.*", "health", False),
        ("health.drug.*", "health.*", False),
        ("health", "health.*", False),
        ("health", "health", True),
    ],
)
def test_intent_covers(pattern: str, other: str, covers: bool) -> None:
    """A pattern covers another exactly if it matches whatever the other matches."""
    assert intent_covers(pattern, other) is covers


def test_a_panel_has_no_early_exit() -> None:
    """A panel hears every reviewer: ending it early is refused at its place; other modes may."""
    assert not Route.model_validate(route("aa", "x")).early_exit
    assert Route.model_validate(route("aa", "x", early_exit=True)).early_exit
    with pytest.raises(ValidationError, match="a panel hears every reviewer"):
        Route.model_validate(panel(size=2) | {"early_exit": True})
