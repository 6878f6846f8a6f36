"""The simulated provider with windows: what arrived, who left, and a gate that holds answers back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from reviewer.simulate.script import Script
from reviewer.simulate.server import SimulatedProvider

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class WatchedProvider(SimulatedProvider):
    """A simulated provider that a test can look into.

    Attributes:
        bodies: of all requests, in order of arrival.
        gate: closed, it holds every answer back.
    """

    def __init__(self, script: Script) -> None:
        """Prepare with an open gate."""
        self.bodies: list[bytes] = []
        self.gate = asyncio.Event()
        self.gate.set()
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

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()
