"""Copies of the shipped rubrics whose routes ask several reviewers, and the three families that answer there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import yaml

from tests.support.subjects import RUBRICS

ANTHROPIC, OPENAI, GATEWAY = "anthropic", "openai", "openai_compatible"
GEMINI = ("google", "gemini-2.5-pro")
"""A drafter whom all three may judge."""
CLAUDE_MODEL, GPT_MODEL, LLAMA_MODEL = "claude-opus-4-6", "gpt-5.5-2026-04-23", "llama-3.3-70b-instruct"
REVIEWERS = ("claude_opus", "gpt", "llama")


def rubrics_with(
    folder: Path,
    reviewers: tuple[str, ...] = REVIEWERS,
    *,
    high: dict[str, Any] | None = None,
    below: dict[str, Any] | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """Copy the shipped rubrics into `folder`, fields laid over every route, and over those of one kind of tier.

    Returns:
        The settings' section that names the copy.
    """
    directory = folder / "rubrics"
    shutil.copytree(RUBRICS, directory)
    path = directory / "routing.yaml"
    routing = yaml.safe_load(path.read_text(encoding="utf-8"))
    llama = {"id": "llama", "provider": GATEWAY, "model": LLAMA_MODEL, "max_output_tokens": 4096}
    routing["reviewers"].append(llama)
    for route in (routing["default"], *routing["routes"]):
        own = high if route["tier"] == "high" else below
        route.update({"reviewers": list(reviewers), **fields, **(own or {})})
    path.write_text(json.dumps(routing), encoding="utf-8")
    return {"directory": directory}


def panel_of(size: int, quorum: int) -> dict[str, Any]:
    """Fields of a route with a panel."""
    return {"mode": "panel", "panel": {"size": size, "quorum": quorum}}


def finds(provider: str, criterion: str, outcome: str, why: str = "", quoted: str = "") -> dict[str, Any]:
    """Build the rule by which one provider's model answers one question so, and finds all others met."""
    quotes = [{"place": "draft", "text": quoted}] if quoted else []
    return {
        "match": {"provider": provider},
        "critique": {criterion: {"outcome": outcome, "why": why or "It is not so.", "quotes": quotes}},
    }
