"""The one HTTP exchange that all adapters share: bytes out, bytes in, failures translated into `ProviderError`.

The vendor's client keeps what it is good at (authentication, headers, error classes) and is kept from the rest: it
does not retry, encode or parse.

* No text of a request or of an error body reaches a message, a log or a chained exception: a provider's error may
  repeat the prompt. What is told is status, error code and request id.
* A cancelled exchange gives up its connection and raises nothing but the cancellation.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Protocol, cast

import aiohttp
import httpx2

from reviewer.core.outcome import FailureKind
from reviewer.providers.failure import error_code, kind_of, retry_after_s, tidy
from reviewer.providers.interface import ProviderError
from reviewer.providers.settings import ProviderSettings
from reviewer.providers.transport import MAX_RESPONSE_BYTES, BodyTooLongError, content_of, open_client

SIMULATED_HEADER = "x-reviewer-simulated"


class VendorClient(Protocol):
    """The part of a vendor's asynchronous client that is used: a request of ready-made bytes."""

    async def post(self, path: str, *, cast_to: type[httpx2.Response], content: Any, options: Any) -> httpx2.Response:
        """Send one request and return the response, read to its end."""
        ...


class _StatusError(Protocol):
    response: httpx2.Response


@dataclass(frozen=True, slots=True)
class Vendor:
    """What differs between the vendors' clients.

    Attributes:
        logger: name of the SDK's logger, which writes whole requests at level DEBUG.
        http_client: the SDK's own HTTP client over aiohttp.
        make: builds the SDK's client from settings, base URL and HTTP client; it does not own the latter.
        status_error: the SDK's class for an answer with an error status; it has a `response`.
        connection_error: the SDK's class for everything that is not an answer.
        request_id_header: where responses carry the provider's id.
    """

    logger: str
    http_client: type[httpx2.AsyncClient]
    make: Callable[[ProviderSettings, str, httpx2.AsyncClient], VendorClient]
    status_error: type[Exception]
    connection_error: type[Exception]
    request_id_header: str


@dataclass(frozen=True, slots=True)
class Received:
    """A successful response, unread: `content` is the whole body, at most `MAX_RESPONSE_BYTES`."""

    content: bytes
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
        # Whole, because the SDKs take a dozen steps to join it at each call.
        self._url = base_url.rstrip("/") + path
        self._stack = AsyncExitStack()
        self._client: VendorClient | None = None

    async def open(self) -> None:
        """Make the client; connections are opened by the first calls."""
        # Prompts must not reach the log, also where the environment asks the SDK to say everything.
        logging.getLogger(self._vendor.logger).setLevel(logging.WARNING)
        http = await self._stack.enter_async_context(open_client(self._vendor.http_client, self._settings))
        self._client = self._vendor.make(self._settings, self._base_url, http)

    async def close(self) -> None:
        """Close all connections; calls in flight fail."""
        self._client = None
        await self._stack.aclose()

    async def post(self, body: bytes) -> Received:
        """Send one body and return the successful response.

        Raises:
            ProviderError: the provider answered with an error status, or did not answer.
        """
        if self._client is None:
            raise self._failure(FailureKind.CONNECTION, "the provider is not open")
        content, headers = content_of(body)
        try:
            response = await self._client.post(
                self._url, cast_to=httpx2.Response, content=content, options={"headers": headers} if headers else {}
            )
        except self._vendor.status_error as exc:
            failure = self._status_failure(cast("_StatusError", exc).response)
        except (self._vendor.connection_error, aiohttp.ClientError, httpx2.HTTPError, OSError) as exc:
            failure = self._connection_failure(exc)
        else:
            return Received(
                response.content, response.status_code, self._request_id(response), self._simulated(response)
            )
        # Raised out here so that the vendor's exception, which holds request and error body, is not chained to it.
        raise failure

    def _status_failure(self, response: httpx2.Response) -> ProviderError:
        status = response.status_code
        code = error_code(response.content)
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

    def _connection_failure(self, exc: BaseException) -> ProviderError:
        # Told by what aiohttp said, below the SDK's and httpx2's classes: the OpenAI SDK calls aiohttp's resets and
        # refusals timeouts, and lets some of its errors through as they are.
        layers = (self._vendor.connection_error, httpx2.HTTPError)
        while isinstance(exc, layers) and not isinstance(exc, BodyTooLongError) and exc.__cause__ is not None:
            exc = exc.__cause__
        if isinstance(exc, BodyTooLongError):
            return self._failure(FailureKind.BAD_ENVELOPE, f"response is longer than {MAX_RESPONSE_BYTES} bytes")
        timed_out = isinstance(exc, (TimeoutError, httpx2.TimeoutException))
        kind = FailureKind.TIMEOUT if timed_out else FailureKind.CONNECTION
        return self._failure(kind, f"no response ({type(exc).__name__})")

    def _failure(self, kind: FailureKind, what: str) -> ProviderError:
        return ProviderError(kind, f"{self._settings.name}: {what}", simulated=self._settings.simulated)

    def _request_id(self, response: httpx2.Response) -> str:
        return tidy(response.headers.get(self._vendor.request_id_header, ""))

    def _simulated(self, response: httpx2.Response) -> bool:
        return self._settings.simulated or response.headers.get(SIMULATED_HEADER) == "1"
