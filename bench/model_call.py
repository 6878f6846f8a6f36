"""A model call in the cheapest known ways: ready-made bytes, by the vendor's client or over a session of aiohttp.

The first is what a backend does that uses the official SDK well, the second is the floor in Python. The load generator
makes them directly, the minimal handler in its own process.
"""

from __future__ import annotations

from types import TracebackType
from typing import Final, Literal, Protocol, Self

import aiohttp
import anthropic
import httpx2

MAX_CONNECTIONS: Final = 2_000

Transport = Literal["sdk", "session"]


class ModelCall(Protocol):
    """Posts bodies to one provider; an async context manager."""

    async def post(self, body: bytes) -> bytes:
        """Send a body and return the body of the answer."""
        ...

    async def __aenter__(self) -> Self:
        """Return itself; the first calls connect."""
        ...

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close all connections."""
        ...


class _BySdk:
    """The official client's `post` over its aiohttp transport, with the response left unread."""

    def __init__(self, base_url: str) -> None:
        self._url = f"{base_url}/v1/messages"
        limits = httpx2.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS)
        http = anthropic.DefaultAioHttpClient(
            limits=limits, timeout=httpx2.Timeout(None), trust_env=False, headers={"Accept-Encoding": "identity"}
        )
        self._client = anthropic.AsyncAnthropic(
            api_key="bench", base_url=base_url, max_retries=0, http_client=http, open_telemetry=False
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._client.close()

    async def post(self, body: bytes) -> bytes:
        """See `ModelCall.post`."""
        response = await self._client.post(self._url, cast_to=httpx2.Response, content=body)
        return response.content


class _BySession:
    """One session of aiohttp, no client of the vendor."""

    def __init__(self, base_url: str) -> None:
        self._url = f"{base_url}/v1/messages"
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=MAX_CONNECTIONS),
            timeout=aiohttp.ClientTimeout(total=None),
            headers={"content-type": "application/json", "authorization": "Bearer bench"},
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def post(self, body: bytes) -> bytes:
        """See `ModelCall.post`."""
        assert self._session is not None
        async with self._session.post(self._url, data=body) as response:
            response.raise_for_status()
            return await response.read()


def model_call(base_url: str, transport: Transport) -> ModelCall:
    """Make one; nothing connects yet."""
    return _BySdk(base_url) if transport == "sdk" else _BySession(base_url)
