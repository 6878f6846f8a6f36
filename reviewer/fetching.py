"""Small answers over HTTP from parties that nobody trusts: bounded in size and time, and never redirected."""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp

from reviewer.core.errors import FetchError

_CHUNK = 16_384


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered.

    Attributes:
        content_type: without its parameters.
    """

    status: int
    content_type: str
    body: bytes


def open_session(timeout_s: float) -> aiohttp.ClientSession:
    """Return a session, to be entered; each request has so many seconds from its beginning to the last byte."""
    timeout = aiohttp.ClientTimeout(total=timeout_s)
    return aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False)


async def fetch(session: aiohttp.ClientSession, url: str, limit: int, body: bytes | None = None) -> Answer:
    """GET, or POST a body.

    Args:
        limit: bytes of the answer.

    Raises:
        FetchError: there is no answer within the session's time, or a longer one.
    """
    method = "GET" if body is None else "POST"
    headers = {"Accept-Encoding": "identity"}
    try:
        async with session.request(method, url, data=body, headers=headers, allow_redirects=False) as response:
            read = bytearray()
            async for chunk in response.content.iter_chunked(_CHUNK):
                read += chunk
                if len(read) > limit:
                    raise FetchError(f"the answer is longer than {limit} bytes")
            return Answer(response.status, response.content_type, bytes(read))
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as exc:
        raise FetchError(f"no answer: {type(exc).__name__}") from exc
