"""The HTTP client under the vendor's client: its pool, its bounds, and nothing from the environment.

No proxy, certificate, `.netrc` or redirect is followed that nobody configured; what connects is said by the settings.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast

import httpx2

from reviewer.providers.settings import ProviderSettings

# Ten times the longest critique that any catalogued model can write, reasoning summaries included.
MAX_RESPONSE_BYTES = 8 * 2**20
# aiohttp refuses to write more than this in one piece without a warning: it would hold up the event loop.
_ONE_PIECE_BYTES = 2**20
_PIECE_BYTES = 256 * 1024
# Balancers in front of the providers close idle connections after a minute or more: stay below, or calls meet a reset.
_KEEPALIVE_S = 30.0


class BodyTooLongError(httpx2.ReadError):
    """A response's body passed `MAX_RESPONSE_BYTES`."""


def open_client(kind: type[httpx2.AsyncClient], settings: ProviderSettings) -> httpx2.AsyncClient:
    """Make the client; connections are opened by the first calls.

    Args:
        kind: the SDK's own client class over aiohttp.
    """
    connections = settings.max_connections
    return kind(
        limits=httpx2.Limits(
            max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=_KEEPALIVE_S
        ),
        timeout=timeout(settings),
        # A redirect would carry the prompt to a host that nobody configured.
        follow_redirects=False,
        trust_env=False,
        # A critique is a few kilobytes: inflating it costs more than its transfer, and could exceed the bound.
        headers={"Accept-Encoding": "identity"},
        event_hooks={"response": [_bound_body]},
    )


def timeout(settings: ProviderSettings) -> httpx2.Timeout:
    """Return the transport's timeouts: connecting is bounded here, the whole call by its caller's deadline."""
    return httpx2.Timeout(None, connect=settings.connect_timeout_s)


def content_of(body: bytes) -> tuple[bytes | AsyncIterator[bytes], dict[str, str]]:
    """Return what to send for a body, in pieces where it is large, and the headers that this needs."""
    if len(body) <= _ONE_PIECE_BYTES:
        return body, {}
    return _pieces(body), {"Content-Length": str(len(body))}


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(body), _PIECE_BYTES):
        yield body[at : at + _PIECE_BYTES]


class _BoundedStream(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        length = 0
        async for chunk in self._stream:
            length += len(chunk)
            if length > MAX_RESPONSE_BYTES:
                raise BodyTooLongError("body too long")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _bound_body(response: httpx2.Response) -> None:
    response.stream = _BoundedStream(cast("httpx2.AsyncByteStream", response.stream))
