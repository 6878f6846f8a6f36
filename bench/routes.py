"""Routes of the timed measurements: copies of a folder of rules in which each intent is reviewed in its own way."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

SCREEN: Final = "fast"
_REVIEWERS: Final = (
    {"id": "llama", "provider": "openai_compatible", "model": "llama-3.3-70b-instruct", "max_output_tokens": 4096},
    {"id": SCREEN, "provider": "openai", "model": "gpt-5.4-mini-2026-03-17", "max_output_tokens": 4096},
)
STRONG_REVIEWERS: Final = ("claude_opus", "gpt", "llama")

Fields = Mapping[str, Any]


def with_routes(directory: Path, rules: Path, routes: Mapping[str, Fields], rubrics: tuple[str, ...]) -> Path:
    """Copy a folder of rules and give it one more route for each intent.

    Args:
        directory: to be made.
        routes: intent to fields of its route; what they leave out is as for a plain route of tier high.
        rubrics: that all of them ask.

    Returns:
        The directory.
    """
    shutil.copytree(rules, directory)
    path = directory / "routing.yaml"
    routing = yaml.safe_load(path.read_text(encoding="utf-8"))
    routing["reviewers"] += _REVIEWERS
    for intent, fields in routes.items():
        own = {"id": intent.replace(".", "_"), "intents": [intent], "rubrics": list(rubrics)}
        plain = {"domain": rubrics[0], "tier": "high", "reviewers": ["claude_opus"]}
        routing["routes"].append({**plain, **own, **fields})
    path.write_text(json.dumps(routing), encoding="utf-8")
    return directory


def providers(url: str, screen_url: str) -> dict[str, str]:
    """Return the settings by which every provider is the simulated one.

    Args:
        screen_url: of the model behind the provider `openai`, base URL.
    """
    settings = {"PROVIDERS__OPENAI__BASE_URL": screen_url, "PROVIDERS__OPENAI_COMPATIBLE__BASE_URL": url}
    for name in ("OPENAI", "OPENAI_COMPATIBLE"):
        settings[f"PROVIDERS__{name}__BASE_URL"] += "/v1"
        settings |= {f"PROVIDERS__{name}__API_KEY": "bench", f"PROVIDERS__{name}__SIMULATED": "true"}
    return settings
