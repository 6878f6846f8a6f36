"""`reviewer rubric`: check rubrics, routing, models and cases before they bite. One command, one file beside this."""

from __future__ import annotations

import typer

from reviewer.cli import (
    rubric_calibrate,
    rubric_diff,
    rubric_lint,
    rubric_new,
    rubric_schema,
    rubric_show,
    rubric_status,
    rubric_test,
)

app = typer.Typer(help="Work on rubric files.", no_args_is_help=True)
app.command("test")(rubric_test.run_cases)


@app.callback()
def main() -> None:
    """Work on rubric files."""


app.command("new")(rubric_new.new)
app.command("lint")(rubric_lint.lint)
app.command("schema")(rubric_schema.schema)
app.command("show")(rubric_show.show)
app.command("diff")(rubric_diff.diff)
app.command("calibrate")(rubric_calibrate.calibrate)
app.command("status")(rubric_status.status)
app.command("reload")(rubric_status.reload)
