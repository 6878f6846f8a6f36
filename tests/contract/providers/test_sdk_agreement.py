"""What we put on the wire is what the vendor's SDK would put there: only the way of sending is ours.

Platforms, whose requests the SDK itself prepares, are held against its documented methods in `test_platforms.py`.
"""

from __future__ import annotations

from typing import Any

import anthropic
import httpx2
import openai
import pytest

from tests.support.prompts import prompt_of
from tests.support.wire_formats import ANTHROPIC, CHAT, DECISIONS, RESPONSES
from tests.support.wired import KEY, MODEL, Wired

# Set by each HTTP library for itself, or told anew at each call (attempt, timeout): no part of what is asked.
_OF_THE_TRANSPORT = {"accept-encoding", "connection", "host", "user-agent"}
_OF_THE_CALL = {"x-stainless-retry-count", "x-stainless-read-timeout", "x-stainless-timeout"}


def _asked(headers: Any) -> dict[str, str]:
    names = {name.lower() for name in headers} - _OF_THE_TRANSPORT - _OF_THE_CALL
    return {name: headers[name] for name in names}


async def _post_by_the_sdk(wired: Wired, body: bytes) -> None:
    """Send a body with the SDK's own request path."""
    base_url = wired.server.base_url
    if wired.form.module == "anthropic":
        async with anthropic.AsyncAnthropic(api_key=KEY, base_url=base_url, max_retries=0) as client:
            await client.post("/v1/messages", cast_to=httpx2.Response, content=body)
        return
    path = wired.form.path.removeprefix("/v1")
    async with openai.AsyncOpenAI(api_key=KEY, base_url=f"{base_url}/v1", max_retries=0) as client:
        await client.post(path, cast_to=httpx2.Response, content=body)


@pytest.mark.parametrize("form", [ANTHROPIC, RESPONSES, CHAT, DECISIONS], indirect=True, ids=lambda form: form.label)
async def test_method_path_headers_and_body_are_those_of_the_sdk(wired: Wired) -> None:
    """The same body sent by the SDK itself gives the same request, so that a new SDK that asks for more fails here."""
    await wired.provider.complete(MODEL, prompt_of())
    (ours,) = wired.server.requests
    await _post_by_the_sdk(wired, ours.body)
    theirs = wired.server.requests[1]
    assert (ours.method, ours.path, ours.body) == (theirs.method, theirs.path, theirs.body)
    assert _asked(ours.headers) == _asked(theirs.headers)
