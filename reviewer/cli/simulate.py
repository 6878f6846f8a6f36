"""`reviewer simulate-provider`: the simulated second model as a server of its own."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from reviewer.cli.console import errors_end_the_command, fail, out


def simulate_provider(
    script: Annotated[Path | None, typer.Option(help="YAML file of rules and faults.", show_default=False)] = None,
    cases: Annotated[Path | None, typer.Option(help="Folder of rubrics with cases.", show_default=False)] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.", min=0, max=65_535)] = 8099,
    always_met: Annotated[
        bool, typer.Option("--always-met", help="Answer MET where nothing else is scripted.")
    ] = False,
) -> None:
    """Serve scripted critiques in the wire formats of Anthropic and OpenAI, marked as simulated, until stopped."""
    from reviewer.simulate.server import run_simulated_provider

    def ready(url: str) -> None:
        out.print(f"simulated provider at {url} (Anthropic) and {url}/v1 (OpenAI)", markup=False)

    with errors_end_the_command(), suppress(KeyboardInterrupt):
        try:
            asyncio.run(run_simulated_provider(script, cases, host, port, always_met=always_met, on_ready=ready))
        except OSError as exc:
            fail(f"cannot listen on {host}:{port}: {exc.strerror or type(exc).__name__}")
