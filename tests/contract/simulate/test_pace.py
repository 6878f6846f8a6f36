"""How long the simulated provider writes: as long whole as in a stream, and in a stream piece by piece."""

from __future__ import annotations

import aiohttp
import pytest

from reviewer.simulate.latency import Latency
from reviewer.simulate.script import Script
from reviewer.simulate.server import SimulatedProvider
from tests.support.small_review import rendered


class Timed(SimulatedProvider):
    """A provider that adds up the time it would take, and takes none."""

    spent_s: tuple[float, ...] = ()

    async def _write(self, event: bytes, seconds: float) -> None:
        self.spent_s += (seconds,)
        await super()._write(event, 0)


async def spent(stream: bool) -> tuple[tuple[float, ...], int]:
    """Return the time taken before each piece of one answer, and how many tokens it has."""
    prompt = rendered().prompt
    body = {
        "model": "m",
        "stream": stream,
        "messages": [
            {"role": "system", "content": prompt.questionnaire.prefix},
            {"role": "user", "content": [{"type": "text", "text": block} for block in prompt.blocks]},
        ],
    }
    async with (
        Timed(Script(always_met=True), latency=Latency(per_token_ms=20)) as server,
        aiohttp.ClientSession() as session,
        session.post(f"{server.openai_base_url}/chat/completions", json=body) as response,
    ):
        tokens = 0 if stream else (await response.json())["usage"]["completion_tokens"]
        await response.read()
        return server.spent_s, tokens


async def test_a_stream_takes_as_long_as_a_plain_answer() -> None:
    """Each token takes its time: summed before a plain answer, spread over the events of a stream."""
    (whole, tokens), (parts, _) = await spent(stream=False), await spent(stream=True)

    assert list(whole) == pytest.approx([tokens * 0.020])
    assert sum(parts) == pytest.approx(whole[0])
    assert len(set(parts)) == 1
    assert len(parts) > 5
