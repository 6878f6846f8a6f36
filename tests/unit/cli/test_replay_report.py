from __future__ import annotations

from io import StringIO

from rich.console import Console

from reviewer.cli.replay_report import page, tables
from reviewer.core.rubric import Effect, Severity
from reviewer.core.verdict import Cause, Reason, Verdict
from reviewer.replay.tally import Fate, Row, Tally
from tests.support.builders import quote
from tests.support.golden import assert_golden


def _tally() -> Tally:
    """Count a change each way, one that stayed, and one of each that was not told."""
    strict = Reason(Cause.CRITERION, Effect.HANDOFF, "health/doses", Severity.MAJOR, "No <source>.", (quote("a dose"),))
    mild = Reason(Cause.CRITERION, Effect.REVISE, "health/doses", Severity.MAJOR, "No <source>.", (quote("a dose"),))
    approve, revise, handoff = Verdict
    tally = Tally()
    for number in range(2):
        name = f"reviews/{number}"
        tally.add(Row(Fate.CHANGED, name, "health", "en-US", revise, handoff, "health/doses", (mild,), (strict,)))
    tally.add(Row(Fate.CHANGED, "reviews/2", "health", "pt-BR", revise, approve, "health/doses", (mild,)))
    tally.add(Row(Fate.UNCHANGED, "reviews/3", "finance", "", approve, approve))
    tally.add(Row(Fate.NEEDS_MODEL, "reviews/4", "health", "en-US", approve))
    tally.add(Row(Fate.CANNOT_TELL, "reviews/5", "health", "en-US", approve, why="its images were not kept"))
    tally.add(Row(Fate.ERASED, "reviews/6", "", "", None))
    return tally


def test_the_terminal_shows_what_is_agreed() -> None:
    """Counts, groups with both sides, and shares stand as the golden file has them."""
    shown = StringIO()
    console = Console(file=shown, width=120, highlight=False)
    for part in tables(_tally()):
        console.print(part)
    text = "\n".join(line.rstrip() for line in shown.getvalue().splitlines()) + "\n"
    assert_golden("replay_report.txt", text.encode())


def test_the_page_shows_what_is_agreed() -> None:
    """The page is as the golden file has it: self-contained, and nothing of a request is markup in it."""
    text = page(_tally(), "Replay", "no call is needed")
    assert "<source>" not in text
    assert_golden("replay_report.html", text.encode())
