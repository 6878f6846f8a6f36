"""A provider that a test holds in its hand, without any network, and the models that it has."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from reviewer.core.models import ModelCatalogue
from reviewer.core.outcome import FailureKind, Reply, StopReason, Usage
from reviewer.core.prompt import Prompt
from reviewer.providers.interface import Listener, ProviderError
from tests.support.builders import REVIEWERS


@dataclass
class HeldProvider:
    """A provider that finds all met once its gate is open, and counts who came and who left without an answer."""

    name: str = "held"
    simulated: bool = True
    down: frozenset[str] = frozenset()
    answers_as: str = ""
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[str] = field(default_factory=list)
    waiting: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    left: int = 0
    prompts: list[Prompt] = field(default_factory=list)

    async def complete(self, model: str, prompt: Prompt, _: Listener | None = None) -> Reply:
        self.asked.append(model)
        self.prompts.append(prompt)
        self.waiting.release()
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.left += 1
            raise
        if model in self.down:
            raise ProviderError(FailureKind.REJECTED, "rejected")
        met = [*prompt.asked, *([prompt.attention.true_alias] if prompt.attention else [])]
        text = json.dumps({"findings": [], "quoted": [], "met": met, "steering": None, "unreadable_parts": []})
        return Reply(text, StopReason.COMPLETE, "stop", self.answers_as or model, "r", Usage(), simulated=True)

    async def count(self, model: str, prompt: Prompt) -> int | None:
        raise AssertionError(f"nobody asked to count for {model}, {len(prompt.blocks)} blocks")

    async def arrived(self, count: int) -> None:
        """Wait until that many more calls are there."""
        for _ in range(count):
            await self.waiting.acquire()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass


def model(name: str, family: str) -> dict[str, object]:
    facts = {"context_tokens": 100_000, "max_output_tokens": 4096, "source": "a test", "pinned": True}
    return {"id": name, "provider": "held", "family": family, **facts}


CATALOGUE = ModelCatalogue.model_validate(
    {
        "schema": 1,
        "version": "1.0.0",
        "models": [
            *(model(f"{name}-1", name) for name in (*REVIEWERS, "spare")),
            *(model(f"{name}-2", name) for name in REVIEWERS),
            model("drafter", "drafter"),
        ],
    }
)
