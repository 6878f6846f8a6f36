"""A small read-only HTTP server: a table of paths, GET and HEAD only, and nothing that a stranger can make it hold.

It stands in `serving`, beside the gRPC faces of the service, and like them knows the ledger only by its port. Bounds: a
kilobyte of body, two of a header line, seconds for a request or an idle connection, and few requests at work at once;
the others wait for their turn within their own time. There is no TLS of its own: a proxy in front has it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from aiohttp import web

from reviewer.core.errors import ConfigError, Fault, LedgerError
from reviewer.telemetry import logger

TEXT = "text/plain; charset=utf-8"
REQUEST_S: Final = 10.0
IDLE_S: Final = 15.0
_MAX_BODY_BYTES = 1_024
_MAX_LINE_BYTES = 2_048
_AT_WORK = 2
"""Requests that read the log at once: each takes a thread, and reviews need those too."""
_STOP_S = 1.0


@dataclass(frozen=True, slots=True)
class Page:
    """What is answered.

    Attributes:
        max_age_s: for how long it may be kept; 0 forbids to.
        immutable: it will never be another.
    """

    body: bytes
    content_type: str
    max_age_s: int = 0
    immutable: bool = False


Find = Callable[[str], Awaitable[Page | None]]
"""Gives the page of a path, None where there is none."""


class HttpFace:
    """One listening server; `Find` is asked for every path below its prefix.

    Attributes:
        address: host and port it listens on, known after enter.
    """

    def __init__(self, setting: str, address: str, pages: Mapping[str, Find]) -> None:
        """Keep what is served; nothing listens yet.

        Args:
            setting: that the address is from, for messages.
            pages: by path; one that ends with `/` stands for all below it.
        """
        self.address = ""
        self._setting = setting
        self._wanted = address
        self._pages = pages
        self._turn = asyncio.Semaphore(_AT_WORK)
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        """Listen.

        Raises:
            ConfigError: the address cannot be listened on.
        """
        app = web.Application(client_max_size=_MAX_BODY_BYTES)
        for path, find in self._pages.items():
            app.router.add_get(path + ("{rest:.*}" if path.endswith("/") else ""), self._handler(find))
        app.on_response_prepare.append(_prepare)
        runner = web.AppRunner(
            app,
            access_log=None,
            shutdown_timeout=_STOP_S,
            lingering_time=_STOP_S,
            max_line_size=_MAX_LINE_BYTES,
            max_field_size=_MAX_LINE_BYTES,
            keepalive_timeout=IDLE_S,
        )
        await runner.setup()
        host, _, port = self._wanted.rpartition(":")
        try:
            await web.TCPSite(runner, host.strip("[]"), int(port)).start()
        except (OSError, OverflowError) as exc:
            await runner.cleanup()
            raise ConfigError((Fault(self._setting, "", f"cannot listen on {self._wanted}"),)) from exc
        self._runner = runner
        self.address = f"{host}:{runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop listening; requests under way get a moment."""
        if self._runner is not None:
            await self._runner.cleanup()

    def _handler(self, find: Find) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            try:
                async with asyncio.timeout(REQUEST_S), self._turn:
                    page = await find(request.raw_path.partition("?")[0])
            except TimeoutError:
                return web.Response(status=503, text="try again\n")
            except LedgerError as exc:
                logger().warning("log_not_served", reason=str(exc))
                return web.Response(status=503, text="the log cannot be read\n")
            return _not_found() if page is None else _answer(page)

        return handle


def _answer(page: Page) -> web.Response:
    kept = f"public, max-age={page.max_age_s}" if page.max_age_s else "no-store"
    headers = {
        "Content-Type": page.content_type,
        "Cache-Control": f"{kept}, immutable" if page.immutable else kept,
    }
    return web.Response(body=page.body, headers=headers)


def _not_found() -> web.Response:
    return web.Response(status=404, text="there is nothing here\n", headers={"Cache-Control": "no-store"})


async def _prepare(_: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = "reviewer"
    response.headers["X-Content-Type-Options"] = "nosniff"
