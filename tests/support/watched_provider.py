"""The simulated provider with windows: what arrived, who left, and a gate that holds answers back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from reviewer.simulate.script import Script
from reviewer.simulate.server import SimulatedProvider

_LAST_WORDS = (b'"stop_reason":"end_turn"', b'"type":"response.output_text.done"', b'"finish_reason":"stop"')
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class WatchedProvider(SimulatedProvider):
    """A simulated provider that a test can look into.

    Attributes:
        bodies: of all requests, in order of arrival.
        gate: closed, it holds every answer back.
        last_word: closed, it holds a stream back when all text is out, before the event that says why it stopped.
    """

    def __init__(self, script: Script) -> None:
        """Prepare with an open gate."""
        self.bodies: list[bytes] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.last_word = asyncio.Event()
        self.last_word.set()
        self._left = 0
        self._changed = asyncio.Condition()
        super().__init__(script)

    async def arrived(self, count: int = 1) -> None:
        """Wait until that many requests have been read, counted from the start."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.bodies) >= count)

    async def left(self, count: int = 1) -> None:
        """Wait until that many clients have gone away without an answer."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._left >= count)

    def _application(self) -> web.Application:
        @web.middleware
        async def watch(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._watch(request, handler)

        app = super()._application()
        app.middlewares.append(watch)
        return app

    async def _watch(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.bodies.append(await request.read())
        try:
            await self._tell()
            await self.gate.wait()
            return await handler(request)
        except asyncio.CancelledError:
            self._left += 1
            await self._tell()
            raise

    async def _write(self, event: bytes, seconds: float) -> None:
        if any(mark in event for mark in _LAST_WORDS):
            await self.last_word.wait()
        await super()._write(event, seconds)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()
