"""The one HTTP exchange that all adapters share: bytes out, bytes in, failures translated into `ProviderError`.

The vendor's SDK says how a request is authenticated and versioned (its default headers, or each request's own, see
`platform.py`); it does not retry, encode, parse or send. What we send is held against what the SDK would send by
`tests/contract/providers`.

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
from yarl import URL

from reviewer.core.outcome import FailureKind
from reviewer.providers.failure import error_code, header_code, kind_of, retry_after_s, tidy
from reviewer.providers.interface import ProviderError
from reviewer.providers.platform import Signer, SigningError
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
JSON = "application/json"
_OURS = {
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
    """A successful response, unread.

    Attributes:
        content: the whole body, bounded; empty where `streamed`.
        streamed: the body was an event stream, and was heard while it came.
    """

    content: bytes
    http_status: int
    request_id: str
    simulated: bool
    streamed: bool = False

    def failed(self, kind: FailureKind, message: str) -> ProviderError:
        """Return the error for a failure that only the body tells; the message must quote nothing of it."""
        return ProviderError(
            kind, message, http_status=self.http_status, request_id=self.request_id, simulated=self.simulated
        )


class Exchange:
    """Talks to one provider over its own pool of connections.

    Safe for any number of concurrent calls; above `max_connections` they wait for a connection.
    """

    def __init__(self, vendor: Vendor, settings: ProviderSettings, base_url: str, signer: Signer | None = None) -> None:
        """Keep what is needed; nothing connects.

        Args:
            signer: where each request is signed for itself, it says address and headers in place of the others.
        """
        self._vendor = vendor
        self._settings = settings
        self._base_url = base_url.rstrip("/")
        self._signer = signer
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Ask the SDK for its headers and make the session; connections are opened by the first calls."""
        if self._signer is not None:
            self._signer.open()
            self._session = open_session(self._settings, {})
            return
        client = self._vendor.make(self._settings, self._base_url)
        headers = {**client.default_headers, **client.auth_headers}
        told = {name.lower(): value for name, value in headers.items() if isinstance(value, str)}
        await client.close()
        # Said with each request that has a body; the SDKs leave it out where there is none.
        told.pop("content-type", None)
        self._session = open_session(self._settings, {**told, **_OURS})

    async def close(self) -> None:
        """Close all connections; calls in flight fail."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
        if self._signer is not None:
            await self._signer.close()

    async def post(
        self, path: str, body: bytes, model: str = "", hear: Callable[[bytes], Heard] | None = None
    ) -> Received:
        """Send one body to a path below the base URL and return the successful response.

        Args:
            model: named in the path by some platforms.
            hear: gets the body of a successful response piece by piece, where that is an event stream.

        Raises:
            ProviderError: the provider answered with an error status, or did not answer.
        """
        return await self.send("POST", path, body, model=model, hear=hear)

    async def send(  # noqa: PLR0913 - what differs between requests
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        headers: Mapping[str, str] | None = None,
        at_most: int = MAX_RESPONSE_BYTES,
        model: str = "",
        hear: Callable[[bytes], Heard] | None = None,
    ) -> Received:
        """Make one request to a path of the provider and return the successful response.

        Args:
            headers: in place of the session's; a body is JSON unless they say otherwise.
            at_most: bytes of the response's body.
            model, hear: as for `post`.

        Raises:
            ProviderError: as for `post`.
        """
        if self._session is None:
            raise self._failure(FailureKind.CONNECTION, "the provider is not open")
        content, sizes = content_of(body)
        url, own = await self._address(method, path, body, model)
        told = {**own, **(sizes or {}), **(headers or {})}
        try:
            # A redirect would carry the prompt to a host that nobody configured.
            async with self._session.request(
                method, url, data=content or None, headers=told, allow_redirects=False
            ) as response:
                answer = await _read(response, at_most, hear)
        except BodyTooLongError:
            failure = self._failure(FailureKind.BAD_ENVELOPE, f"response is longer than {at_most} bytes")
        except (aiohttp.ClientError, OSError) as exc:
            failure = self._failure(FailureKind.CONNECTION, f"no response ({type(exc).__name__})")
        else:
            if _is_success(response):
                request_id, simulated = self._request_id(response), self._simulated(response)
                return Received(answer or b"", response.status, request_id, simulated, streamed=answer is None)
            failure = self._status_failure(response, answer or b"")
        # Raised out here so that no exception that may hold the request is chained to it.
        raise failure

    async def _address(self, method: str, path: str, body: bytes, model: str) -> tuple[URL, dict[str, str]]:
        """Return where to send a request, and the headers that are its own."""
        if self._signer is None:
            return URL(self._base_url + path), {} if method == "GET" else {"content-type": JSON}
        try:
            return await self._signer.signed(body, model)
        except SigningError as exc:
            failure = self._failure(FailureKind.CONNECTION, f"the request could not be signed ({exc})")
        raise failure

    def _status_failure(self, response: aiohttp.ClientResponse, answer: bytes) -> ProviderError:
        status = response.status
        code = error_code(answer) or header_code(response.headers)
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


async def _read(response: aiohttp.ClientResponse, at_most: int, hear: Callable[[bytes], Heard] | None) -> bytes | None:
    """Read a body to its end, or hand a stream to whoever hears it and return None."""
    if hear is None or not (_is_success(response) and is_stream(response)):
        return await read_bounded(response, at_most)
    await pour(response, hear)
    return None
