"""The one HTTP exchange that all adapters share: bytes out, bytes in, failures translated into `ProviderError`.

The vendor's SDK says how a request is authenticated and versioned (its default headers); it does not retry, encode,
parse or send. What we send is held against what the SDK would send by `tests/contract/providers`.

* No text of a request or of an error body reaches a message, a log or a chained exception: a provider's error may
  repeat the prompt. What is told is status, error code and request id.
* A cancelled exchange gives up its connection and raises nothing but the cancellation.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import aiohttp

from reviewer.core.outcome import FailureKind
from reviewer.providers.failure import error_code, kind_of, retry_after_s, tidy
from reviewer.providers.interface import ProviderError
from reviewer.providers.settings import ProviderSettings
from reviewer.providers.transport import (
    MAX_RESPONSE_BYTES,
    BodyTooLongError,
    Heard,
    content_of,
    is_stream,
    open_session,
    pour,
    read_bounded,
)

SIMULATED_HEADER = "x-reviewer-simulated"
_OURS = {
    "content-type": "application/json",
    # A critique is a few kilobytes: inflating it costs more than its transfer, and could exceed the bound.
    "accept-encoding": "identity",
}


class VendorClient(Protocol):
    """The part of a vendor's asynchronous client that is used: what it sends with every request."""

    @property
    def default_headers(self) -> Mapping[str, object]:
        """Headers of every request; values that are no strings mean no header."""
        ...

    @property
    def auth_headers(self) -> Mapping[str, str]:
        """Headers that authenticate a request."""
        ...

    async def close(self) -> None:
        """Let go of the client's own connections, of which there are none."""
        ...


@dataclass(frozen=True, slots=True)
class Vendor:
    """What differs between the vendors' clients.

    Attributes:
        make: builds the SDK's client from settings and base URL.
        request_id_header: where responses carry the provider's id.
    """

    make: Callable[[ProviderSettings, str], VendorClient]
    request_id_header: str


@dataclass(frozen=True, slots=True)
class Received:
    """A successful response, unread: `content` is the whole body, at most `MAX_RESPONSE_BYTES`; None for a stream."""

    content: bytes | None
    http_status: int
    request_id: str
    simulated: bool

    def failed(self, kind: FailureKind, message: str) -> ProviderError:
        """Return the error for a failure that only the body tells; the message must quote nothing of it."""
        return ProviderError(
            kind, message, http_status=self.http_status, request_id=self.request_id, simulated=self.simulated
        )


class Exchange:
    """Posts bodies to one path of one provider, over its own pool of connections.

    Safe for any number of concurrent calls; above `max_connections` they wait for a connection.
    """

    def __init__(self, vendor: Vendor, settings: ProviderSettings, base_url: str, path: str) -> None:
        self._vendor = vendor
        self._settings = settings
        self._base_url = base_url
        self._url = base_url.rstrip("/") + path
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Ask the SDK for its headers and make the session; connections are opened by the first calls."""
        client = self._vendor.make(self._settings, self._base_url)
        headers = {**client.default_headers, **client.auth_headers}
        told = {name.lower(): value for name, value in headers.items() if isinstance(value, str)}
        await client.close()
        self._session = open_session(self._settings, {**told, **_OURS})

    async def close(self) -> None:
        """Close all connections; calls in flight fail."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def post(self, body: bytes, hear: Callable[[bytes], Heard] | None = None) -> Received:
        """Send one body and return the successful response.

        Args:
            hear: gets the body of a successful response piece by piece, where that is an event stream.

        Raises:
            ProviderError: the provider answered with an error status, or did not answer.
        """
        if self._session is None:
            raise self._failure(FailureKind.CONNECTION, "the provider is not open")
        content, headers = content_of(body)
        try:
            # A redirect would carry the prompt to a host that nobody configured.
            async with self._session.post(self._url, data=content, headers=headers, allow_redirects=False) as response:
                answer = await _read(response, hear)
        except BodyTooLongError:
            failure = self._failure(FailureKind.BAD_ENVELOPE, f"response is longer than {MAX_RESPONSE_BYTES} bytes")
        except (aiohttp.ClientError, OSError) as exc:
            failure = self._failure(FailureKind.CONNECTION, f"no response ({type(exc).__name__})")
        else:
            if _is_success(response):
                return Received(answer, response.status, self._request_id(response), self._simulated(response))
            failure = self._status_failure(response, answer or b"")
        # Raised out here so that no exception that may hold the request is chained to it.
        raise failure

    def _status_failure(self, response: aiohttp.ClientResponse, answer: bytes) -> ProviderError:
        status = response.status
        code = error_code(answer)
        request_id = self._request_id(response)
        told = "".join(f", {name} {value}" for name, value in (("code", code), ("request", request_id)) if value)
        return ProviderError(
            kind_of(status, code),
            f"{self._settings.name}: HTTP status {status}{told}",
            retry_after_s=retry_after_s(response.headers, time.time()),
            http_status=status,
            request_id=request_id,
            simulated=self._simulated(response),
        )

    def _failure(self, kind: FailureKind, what: str) -> ProviderError:
        return ProviderError(kind, f"{self._settings.name}: {what}", simulated=self._settings.simulated)

    def _request_id(self, response: aiohttp.ClientResponse) -> str:
        return tidy(response.headers.get(self._vendor.request_id_header, ""))

    def _simulated(self, response: aiohttp.ClientResponse) -> bool:
        return self._settings.simulated or response.headers.get(SIMULATED_HEADER) == "1"


def _is_success(response: aiohttp.ClientResponse) -> bool:
    return 200 <= response.status < 300


async def _read(response: aiohttp.ClientResponse, hear: Callable[[bytes], Heard] | None) -> bytes | None:
    """Read a body to its end, or hand a stream to whoever hears it."""
    if hear is None or not (_is_success(response) and is_stream(response)):
        return await read_bounded(response)
    await pour(response, hear)
    return None
