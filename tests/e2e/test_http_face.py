"""The HTTP server by itself: what strangers, slow or silent, and a log that is away come to."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from reviewer.core.errors import LedgerUnavailableError
from reviewer.serving import http_face
from reviewer.serving.http_face import TEXT, HttpFace, Page


async def never(_: str) -> Page | None:
    await asyncio.Event().wait()
    return None


async def away(_: str) -> Page | None:
    raise LedgerUnavailableError("the log is away")


async def here(path: str) -> Page | None:
    return Page(path.encode(), TEXT)


async def test_a_log_that_is_away_is_no_page_that_is_missing() -> None:
    """503, which says to come again, and not 404, which would be an answer."""
    async with (
        HttpFace("monitor", "127.0.0.1:0", {"/away": away}) as face,
        aiohttp.ClientSession() as session,
        session.get(f"http://{face.address}/away") as response,
    ):
        assert (response.status, await response.text()) == (503, "the log cannot be read\n")


async def test_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests that never end keep others waiting for a bounded time only, and are given up."""
    monkeypatch.setattr(http_face, "REQUEST_S", 0.2)
    async with (
        HttpFace("monitor", "127.0.0.1:0", {"/never": never, "/here": here}) as face,
        aiohttp.ClientSession(f"http://{face.address}") as session,
    ):
        stuck = await asyncio.gather(*[session.get("/never") for _ in range(5)])
        assert {response.status for response in stuck} == {503}
        async with session.get("/here?x=1") as response:
            assert await response.text() == "/here"


@pytest.mark.parametrize("said", [b"", b"GET /here HTTP/1.1\r\nHost: x\r\nX-Slow: "])
async def test_a_silent_connection_is_closed(monkeypatch: pytest.MonkeyPatch, said: bytes) -> None:
    """Whoever connects and says nothing, or never finishes saying it, is let go."""
    monkeypatch.setattr(http_face, "IDLE_S", 0.1)
    async with HttpFace("monitor", "127.0.0.1:0", {"/here": here}) as face:
        host, _, port = face.address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(said)
        async with asyncio.timeout(10):
            await reader.read()
        writer.close()
        await writer.wait_closed()
