"""A loopback HTTP server that answers as a test scripts it, down to resets and bodies that never end.

It knows no provider's format: `wire_formats.py` has the bodies. The product's own simulated provider is another thing.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from aiohttp import web

Answer = Callable[[web.Request, "WireServer"], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it arrived.

    Attributes:
        target: path and query, with their escapes.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int
    target: str


@dataclass(slots=True)
class WireServer:
    """What a test scripts and looks at.

    Attributes:
        base_url: root, without a path.
        answers: one a request, in order; the last one stays.
        requests: in order of arrival.
        arrived: set whenever a request has been read.
        gone: set whenever a client left before its answer was complete.
    """

    base_url: str = ""
    answers: deque[Answer] = field(default_factory=deque)
    requests: list[Seen] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    def script(self, *answers: Answer) -> None:
        """Replace what the next requests are answered with."""
        self.answers = deque(answers)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Note a request and answer it."""
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append(Seen(request.method, request.path, headers, body, id(request.protocol), request.raw_path))
        self.arrived.set()
        answer = self.answers.popleft() if len(self.answers) > 1 else self.answers[0]
        try:
            return await answer(request, self)
        except (asyncio.CancelledError, ConnectionError):
            self.gone.set()
            raise


@asynccontextmanager
async def wire_server() -> AsyncIterator[WireServer]:
    """Serve on a free port of 127.0.0.1."""
    server = WireServer()
    app = web.Application(client_max_size=64 * 2**20)
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        server.base_url = site.name if ":0" not in site.name else f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield server
    finally:
        await runner.cleanup()


def canned(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """Answer with a body; JSON unless the headers say otherwise."""

    async def answer(_: web.Request, __: WireServer) -> web.StreamResponse:
        return web.Response(status=status, body=body, headers={"Content-Type": "application/json", **(headers or {})})

    return answer


def dripped(body: bytes) -> Answer:
    """Answer with a body in pieces of 7 bytes."""

    async def answer(request: web.Request, _: WireServer) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        for at in range(0, len(body), 7):
            await response.write(body[at : at + 7])
            await asyncio.sleep(0)
        return response

    return answer


async def silence(_: web.Request, __: WireServer) -> web.StreamResponse:
    """Read the request and never answer."""
    await asyncio.Event().wait()
    raise AssertionError


async def half_an_answer(request: web.Request, _: WireServer) -> web.StreamResponse:
    """Send status, headers and the beginning of a body, and nothing more."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(b'{"')
    await asyncio.Event().wait()
    raise AssertionError


async def reset(request: web.Request, _: WireServer) -> web.StreamResponse:
    """Read the request and drop the connection."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def cut_off(request: web.Request, _: WireServer) -> web.StreamResponse:
    """Promise a longer body than is sent before the connection drops."""
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "5000"})
    await response.prepare(request)
    await response.write(b'{"half":')
    if request.transport is not None:
        request.transport.abort()
    return response


async def not_http(request: web.Request, _: WireServer) -> web.StreamResponse:
    """Answer with bytes that are no HTTP response."""
    if request.transport is not None:
        request.transport.write(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")
        request.transport.close()
    return web.Response()


def endless(status: int = 200, kind: str = "application/json", piece: bytes = b" ") -> Answer:
    """Answer with a body that does not end before the client leaves."""
    pieces = piece * (2**18 // len(piece))

    async def answer(request: web.Request, _: WireServer) -> web.StreamResponse:
        response = web.StreamResponse(status=status, headers={"Content-Type": kind})
        await response.prepare(request)
        while True:
            await response.write(pieces)

    return answer


@contextmanager
def unaccepting_port() -> Iterator[int]:
    """Give a port of 127.0.0.1 whose queue is full, so that a further connection is never established."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.settimeout(0)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
