"""Reviews by models on platforms: configured by settings alone, recorded under the catalogue's id."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from reviewer.app import open_app
from reviewer.client import ReviewClient
from reviewer.core.errors import ConfigError
from reviewer.log_home import create_log
from tests.support.modes import CLAUDE_MODEL, GEMINI, GPT_MODEL
from tests.support.service import TIMEOUT_S, causes, rules, settings_for, verdicts
from tests.support.subjects import subject
from tests.support.watched_provider import WatchedProvider
from tests.support.wired import AWS

ON_BEDROCK = "anthropic.claude-opus-4-6-v1"


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)


@asynccontextmanager
async def serving(folder: Path, name: str, **section: Any) -> AsyncIterator[ReviewClient]:
    """Serve with one provider on a platform, whose place the simulated provider takes."""
    async with WatchedProvider(rules()) as provider:
        address = provider.base_url
        settings = settings_for(folder, providers={name: {"base_url": address, **section}})
        create_log(settings)
        async with open_app(settings) as app, ReviewClient(app.server.address, TIMEOUT_S) as client:
            yield client


async def test_a_review_on_bedrock(tmp_path: Path) -> None:
    """Asked under the platform's id, answered under it, and known as the catalogue's model: the review approves."""
    section = {"platform": "bedrock", "region": "sa-east-1", "model_ids": {CLAUDE_MODEL: ON_BEDROCK}}
    async with serving(tmp_path, "anthropic", **section) as client:
        review = await client.review(subject(drafter=GEMINI))
    (call,) = review.model_calls
    assert (verdicts([review]), causes(review)) == (["APPROVE"], set())
    assert (call.requested_model, call.served_model) == (CLAUDE_MODEL, ON_BEDROCK)
    assert review.simulated


async def test_a_deployment_must_say_which_model_it_is(tmp_path: Path) -> None:
    """An answer under a name that the catalogue does not know for the model asks for a person in tier high."""
    section = {
        "platform": "azure",
        "api_version": "2026-09-01",
        "api_key": "azure-key",
        "model_ids": {GPT_MODEL: "reviewer-prod"},
    }
    async with serving(tmp_path, "openai", **section) as client:
        review = await client.review(subject(drafter=GEMINI))
    assert verdicts([review]) == ["HUMAN_HANDOFF"]
    assert "served_model_mismatch" in causes(review)


async def test_a_mapping_of_an_unknown_model_stops_the_start(tmp_path: Path) -> None:
    """A typing error in the mapping is found before anything is served."""
    section = {"platform": "bedrock", "region": "sa-east-1", "model_ids": {"claude-opus-46": ON_BEDROCK}}
    with pytest.raises(ConfigError, match=r"claude-opus-46 is no model of models\.yaml"):
        async with serving(tmp_path, "anthropic", **section):
            pass
