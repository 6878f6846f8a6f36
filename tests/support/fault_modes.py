"""Ways to ask the second model, each with the providers whose failure it is to survive: the columns of docs/faults.md.

What each fault comes to is `fault_cells.py`; how it is tried, `fault_trial.py`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.support.modes import ANTHROPIC, GATEWAY, LLAMA_MODEL, OPENAI, panel_of
from tests.support.subjects import RUBRICS

DECISIONS = "openai_decisions"
SEATS = {ANTHROPIC: "claude_opus", OPENAI: "gpt", GATEWAY: "llama", DECISIONS: "luna"}
"""The reviewer of each provider, as routes name it."""
VENDORS = (ANTHROPIC, OPENAI, GATEWAY)
HIGH, MEDIUM = "health", "support_billing"
"""Shipped routes that modes start from."""
_FAMILY = {HIGH: "health.symptom_triage", MEDIUM: "support.billing"}


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One arrangement of providers in a mode.

    Attributes:
        faulty: providers whose answers are broken.
        asked: providers of the route's reviewers, in order of preference.
        platforms: sections of the settings, where providers are asked through somebody else.
    """

    name: str
    faulty: tuple[str, ...]
    asked: tuple[str, ...]
    platforms: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Mode:
    """One way to ask.

    Attributes:
        name: of its route, and in test ids.
        title: its heading.
        text: what it is, for readers of the table.
        base: id of the shipped route that it starts from.
        route: fields laid over that.
        critic: settings of that section.
        late_s: deadline of faults that use it up, in seconds.
        once: only the first request meets the fault.
        group: only requests that ask this question meet the fault; all do where it is empty.
        delay_ms: of the fault `delay`.
        quorum: critiques that an approval needs.
        streamed: reviews are asked for with StreamReview.
        warmed: each provider is first asked often enough for its usual durations to be known.
        batched: drafts go through `reviewer review-batch`.
    """

    name: str
    title: str
    text: str
    columns: tuple[Column, ...]
    base: str = HIGH
    route: Mapping[str, Any] = field(default_factory=dict)
    critic: Mapping[str, Any] = field(default_factory=dict)
    late_s: float = 2.0
    once: bool = False
    group: str = ""
    delay_ms: int = 50
    quorum: int = 1
    streamed: bool = False
    warmed: bool = False
    batched: bool = False

    def intent(self, column: Column) -> str:
        """Name the intent whose route is this mode with that column's reviewers."""
        return f"{_FAMILY[self.base]}.{self.name}_{self.columns.index(column)}"


def _alone(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, (name,), (name,)) for name in names)


def _then(*others: str) -> tuple[Column, ...]:
    """Columns of one faulty vendor each, followed by the next of those that are sound."""
    return tuple(Column(name, (name,), (name, next(other for other in others if other != name))) for name in VENDORS)


_BEHIND = (ANTHROPIC, OPENAI)
_SCREENS = (*_then(*_BEHIND), Column(DECISIONS, (DECISIONS,), (DECISIONS, ANTHROPIC)))
# The screen is sound, and what stands behind it is not.
_STRONG = tuple(
    Column(name, (name,), (screen, name)) for name, screen in zip(VENDORS, (GATEWAY, GATEWAY, ANTHROPIC), strict=True)
)
_ALL = Column("all three", VENDORS, VENDORS)
_AWS_REGION = {"platform": "bedrock", "region": "sa-east-1"}
_PLATFORMS = (
    Column("anthropic on bedrock", (ANTHROPIC,), (ANTHROPIC,), {ANTHROPIC: _AWS_REGION}),
    Column(
        "anthropic on vertex",
        (ANTHROPIC,),
        (ANTHROPIC,),
        {ANTHROPIC: {"platform": "vertex", "region": "us-east5", "project": "clinic-1", "root": "/v1"}},
    ),
    Column(
        "anthropic on foundry", (ANTHROPIC,), (ANTHROPIC,), {ANTHROPIC: {"platform": "foundry", "root": "/anthropic"}}
    ),
    Column("openai on azure", (OPENAI,), (OPENAI,), {OPENAI: {"platform": "azure", "api_version": "2026-09-01"}}),
    Column("openai on bedrock", (OPENAI,), (OPENAI,), {OPENAI: {**_AWS_REGION, "root": "/openai/v1"}}),
)
_GROUP = "health/safety_net"

MODES = (
    Mode("single", "Single", "One reviewer, and nobody who could stand in for it.", _alone(*VENDORS)),
    Mode(
        "platforms",
        "Single, through a platform",
        "The same models, asked through a cloud's own service.",
        _PLATFORMS,
    ),
    Mode(
        "spare",
        "Single with a spare",
        "The reviewer of the column fails; another family's stands behind it. In the last column both fail.",
        (*_then(*_BEHIND), Column("both", (ANTHROPIC, OPENAI), (ANTHROPIC, OPENAI))),
    ),
    Mode(
        "panel",
        "Panel of three, quorum of two",
        "The seat of the column fails and the other two are sound; in the last column all three fail.",
        (*(Column(name, (name,), VENDORS) for name in VENDORS), _ALL),
        route=panel_of(3, 2),
        late_s=2.5,
        quorum=2,
    ),
    Mode(
        "screen",
        "Cascade, tier high: the screen fails",
        "The column's model screens, which may not clear a draft; a sound reviewer stands behind it.",
        _SCREENS,
        route={"mode": "cascade"},
        late_s=3.5,
    ),
    Mode(
        "clearing_screen",
        "Cascade, tier medium: a screen that may clear fails",
        "The column's model screens and may clear a draft; a sound reviewer stands behind it.",
        _SCREENS,
        base=MEDIUM,
        route={"mode": "cascade", "cascade": {"clears": True}},
        late_s=3.5,
    ),
    Mode(
        "strong",
        "Cascade, tier high: the reviewer behind the screen fails",
        "The column's model stands behind a sound screen.",
        _STRONG,
        route={"mode": "cascade"},
        late_s=3.5,
    ),
    Mode(
        "fan_out",
        "Fan-out: one group of questions fails",
        f"The questions go out in four groups; only the group that asks `{_GROUP}` meets the fault.",
        _alone(*VENDORS),
        route={"fan_out": 4},
        group=_GROUP,
    ),
    Mode(
        "streamed",
        "StreamReview",
        "As in single, with the critique streamed and told while it is written.",
        _alone(*VENDORS),
        streamed=True,
    ),
    Mode(
        "early_exit",
        "Route that ends a critique early",
        "As in single, with the critique streamed for a blocker that would end it; the draft has none.",
        _alone(*VENDORS),
        route={"early_exit": True},
    ),
    Mode(
        "hedged",
        "Hedged, the first request fails",
        "One attempt; a call that is late is sent a second time, and only the first request meets the fault.",
        _alone(*VENDORS),
        critic={"max_attempts": 1, "hedge_percentile": 75},
        late_s=5.0,
        once=True,
        delay_ms=2_500,
        warmed=True,
    ),
    Mode(
        "batched",
        "Batched",
        "`reviewer review-batch`, one attempt. Faults of delivery mean nothing within a batch, but a call that hangs "
        "expires with it.",
        _alone(ANTHROPIC, OPENAI),
        batched=True,
    ),
)


def rubrics_for(mode: Mode, folder: Path) -> dict[str, Any]:
    """Copy the shipped rubrics into `folder`, with a route a column of this mode.

    Returns:
        The settings' section that names the copy.
    """
    directory = folder / "rubrics"
    shutil.copytree(RUBRICS, directory)
    path = directory / "routing.yaml"
    routing = yaml.safe_load(path.read_text(encoding="utf-8"))
    llama = {"id": "llama", "provider": GATEWAY, "model": LLAMA_MODEL, "max_output_tokens": 4096}
    routing["reviewers"] += [llama, {"id": "luna", "provider": DECISIONS, "model": "gpt-6-luna"}]
    base = next(route for route in routing["routes"] if route["id"] == mode.base)
    routing["routes"] += [{**base, **_route(mode, column)} for column in mode.columns]
    path.write_text(json.dumps(routing), encoding="utf-8")
    _widen(directory / HIGH / "rubric.yaml", _FAMILY[HIGH])
    return {"directory": directory}


def _widen(path: Path, intent: str) -> None:
    """Let what a rubric asks about one intent be asked about those below it too."""
    text = path.read_text(encoding="utf-8")
    assert f"[{intent}]" in text
    path.write_text(text.replace(f"[{intent}]", f'[{intent}, "{intent}.*"]'), encoding="utf-8")


def _route(mode: Mode, column: Column) -> dict[str, Any]:
    intent = mode.intent(column)
    route = {**mode.route, "id": intent.replace(".", "_"), "intents": [intent]}
    if route.get("mode") == "cascade":
        route["cascade"] = {**mode.route.get("cascade", {}), "screen": SEATS[column.asked[0]]}
    return {**route, "reviewers": [SEATS[name] for name in column.asked]}
