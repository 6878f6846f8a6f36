"""The command line: one file a group of commands, put together here.

Exit status: 0 done or approved, 10 revise, 20 human handoff, 1 the command failed, 2 wrong usage or settings,
4 no answer from the service.
"""

from __future__ import annotations

import typer

from reviewer.cli import (
    demo,
    handoff,
    log,
    receipt,
    release,
    replay,
    review,
    review_batch,
    rubric,
    serve,
    settings,
    simulate,
)

app = typer.Typer(
    help="Has a second, more conservative model review high-risk draft answers before they are sent.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("serve")(serve.serve)
app.command("review")(review.review)
app.command("review-batch")(review_batch.review_batch)
app.command("replay")(replay.replay)
app.command("health")(review.health)
app.command("demo")(demo.demo)
app.command("simulate-provider")(simulate.simulate_provider)
app.add_typer(log.app, name="log")
app.add_typer(handoff.app, name="handoff")
app.add_typer(handoff.outcome, name="outcome")
app.add_typer(receipt.app, name="receipt")
app.add_typer(release.app, name="release")
app.add_typer(rubric.app, name="rubric")
app.add_typer(settings.app, name="config")
