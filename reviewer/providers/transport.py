"""The HTTP session under all adapters: its pool, its bounds, and nothing from the environment.

No proxy, certificate, `.netrc`, cookie or redirect is followed that nobody configured; what connects is said by the
settings. Why this is aiohttp and not the SDKs' own request path: docs/decisions/0006-sdk-headers-own-session.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from enum import Enum

import aiohttp

from reviewer.providers.settings import ProviderSettings

# Ten times the longest critique that any catalogued model can write, reasoning summaries included.
MAX_RESPONSE_BYTES = 8 * 2**20
# A stream wraps every token into an event of up to 300 bytes; the events are read and forgotten.
MAX_STREAM_BYTES = 8 * MAX_RESPONSE_BYTES
# After a reply's last event only the end of the body is due: worth waiting for, as the connection can then be kept.
_LINGER_S = 0.1
# aiohttp refuses to write more than this in one piece without a warning: it would hold up the event loop.
_ONE_PIECE_BYTES = 2**20
_PIECE_BYTES = 256 * 1024
# Balancers in front of the providers close idle connections after a minute or more: stay below, or calls meet a reset.
_KEEPALIVE_S = 30.0


class BodyTooLongError(Exception):
    """A response's body is longer than was allowed."""


class Heard(Enum):
    """What a reader makes of a piece of a stream: more is due, that was the last event, or it has heard enough."""

    MORE = 1
    WHOLE = 2
    ENOUGH = 3


def open_session(settings: ProviderSettings, headers: Mapping[str, str]) -> aiohttp.ClientSession:
    """Make the session; connections are opened by the first calls.

    Args:
        headers: sent with every request, the key among them.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=settings.max_connections, keepalive_timeout=_KEEPALIVE_S),
        # Connecting is bounded here, the whole call by its caller's deadline.
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=settings.connect_timeout_s),
        headers=headers,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
    )


def content_of(body: bytes) -> tuple[bytes | AsyncIterator[bytes], dict[str, str] | None]:
    """Return what to send for a body, in pieces where it is large, and the headers that this needs."""
    if len(body) <= _ONE_PIECE_BYTES:
        return body, None
    return _pieces(body), {"Content-Length": str(len(body))}


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(body), _PIECE_BYTES):
        yield body[at : at + _PIECE_BYTES]


async def read_bounded(response: aiohttp.ClientResponse, at_most: int = MAX_RESPONSE_BYTES) -> bytes:
    """Read a body to its end.

    Raises:
        BodyTooLongError: it is longer than `at_most` bytes; the connection is of no more use.
        aiohttp.ClientError: the connection broke.
    """
    chunks: list[bytes] = []
    length = 0
    while chunk := await response.content.readany():
        length += len(chunk)
        if length > at_most:
            response.close()
            raise BodyTooLongError
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def is_stream(response: aiohttp.ClientResponse) -> bool:
    """Whether a response is the event stream that was asked for; some gateways answer in one piece all the same."""
    return response.content_type == "text/event-stream"


async def pour(response: aiohttp.ClientResponse, hear: Callable[[bytes], Heard]) -> None:
    """Hand a body to a reader as it arrives, until its end or until the reader has enough.

    The connection is kept only where the body came to its end.

    Raises:
        BodyTooLongError: it is longer than `MAX_STREAM_BYTES`.
        aiohttp.ClientError: the connection broke before the reader had all.
    """
    length = 0
    while chunk := await response.content.readany():
        length += len(chunk)
        if length > MAX_STREAM_BYTES:
            response.close()
            raise BodyTooLongError
        heard = hear(chunk)
        if heard is Heard.ENOUGH:
            response.close()
        elif heard is Heard.WHOLE:
            await _see_out(response)
        if heard is not Heard.MORE:
            return


async def _see_out(response: aiohttp.ClientResponse) -> None:
    """Wait a moment for the end of a body of which nothing more is needed, and give the connection up without it."""
    try:
        async with asyncio.timeout(_LINGER_S):
            while await response.content.readany():
                pass
    except (TimeoutError, aiohttp.ClientError, OSError):
        response.close()
