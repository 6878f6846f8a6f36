"""Running the service inside a command, with the simulated provider beside it where that is asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from reviewer.app import App, open_app, rubric_directory
from reviewer.config import Settings
from reviewer.vendors import SimulatedEndpoints, Wrap


@asynccontextmanager
async def running(
    settings: Settings, *, simulate: bool, outage_on: str = "", wrap: Wrap | None = None
) -> AsyncIterator[App]:
    """Run the service; with `simulate`, against a provider on loopback that answers from the rubrics' own cases.

    Args:
        outage_on: the simulated provider is overloaded for every draft that holds this text; empty for none.
        wrap: see `open_app`.

    Raises:
        ReviewerError: see `open_app`.
    """
    async with AsyncExitStack() as stack:
        endpoints = None
        if simulate:
            # The simulator's web server is no part of a service that runs against real models.
            from reviewer.simulate.loading import load_script
            from reviewer.simulate.script import Fault, FaultKind, Match, Rule
            from reviewer.simulate.server import SimulatedProvider

            script = load_script(cases_dir=rubric_directory(settings))
            if outage_on:
                outage = Rule(match=Match(contains=outage_on), fault=Fault(kind=FaultKind.OVERLOADED))
                script = replace(script, rules=(outage, *script.rules))
            provider = await stack.enter_async_context(SimulatedProvider(script))
            endpoints = SimulatedEndpoints(provider.base_url, provider.openai_base_url)
        yield await stack.enter_async_context(open_app(settings, endpoints, wrap))
