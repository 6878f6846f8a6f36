"""The report on attacks as Markdown: made from one sweep, kept between two marks of `docs/attacks.md`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from reviewer.simulate.script import Gullibility
from tests.support.attacks import attacks
from tests.support.paraphrases import flagged_by_family
from tests.support.sweep import Meeting, Outcome, Stopper

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "attacks.md"
BEGIN, END = "<!-- figures: begin -->\n", "<!-- figures: end -->\n"
_UPDATE = "UPDATE_GOLDEN"
_LAST = Gullibility.ACCOMPLICE
_STRUCTURE = (Stopper.ATTENTION, Stopper.FORM, Stopper.COVERAGE, Stopper.QUOTES)

_PARAPHRASES = """\
The patterns were made with the attacks of the suite in view, so the shares above flatter them. These texts say the same
things in other words; they were written after the patterns were finished, and nothing was changed for them. Their
author is the one of the patterns, so that the share is an upper bound too."""

Outcomes = Mapping[Meeting, Outcome]


def assert_documented(figures: str) -> None:
    """Hold figures against those of the document; with `UPDATE_GOLDEN=1` in the environment write them instead."""
    text = DOCUMENT.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    written, _, tail = rest.partition(END)
    if os.environ.get(_UPDATE):
        DOCUMENT.write_text(f"{head}{BEGIN}{figures}{END}{tail}", encoding="utf-8")
        return
    assert figures == written, f"docs/attacks.md differs: run with {_UPDATE}=1 and review the diff"


def figures(outcomes: Outcomes, false_alarms: Sequence[str], asked: int) -> str:
    """Render every table and list of the document.

    Args:
        false_alarms: ids of benign requests that were flagged.
        asked: how many benign requests there are.
    """
    rate = f"{len(false_alarms)} of {asked} benign requests were flagged{_listed(false_alarms)}.\n"
    return "\n".join(
        (
            "### Everything on\n",
            _stoppers(outcomes),
            _approvals(outcomes, guarded=True),
            "### Steering checks switched off\n",
            _approvals(outcomes, guarded=False),
            "### What gets through with everything on\n",
            *(_gaps(outcomes, critic) for critic in Gullibility),
            "### Paraphrases\n",
            _paraphrases(),
            "### False alarms\n",
            rate,
        )
    )


def share_stopped(outcomes: Outcomes, critic: Gullibility, *, guarded: bool) -> float:
    """Return the share of attacks that one critic did not get approved, 0 to 1."""
    return sum(not outcomes[Meeting(name, critic, guarded)].approved for name in attacks()) / len(attacks())


def _stoppers(outcomes: Outcomes) -> str:
    """Say what stopped each class when the critic is an accomplice, the worst case, and what is left to it."""
    kept: tuple[tuple[Stopper, ...], ...] = (
        (Stopper.STEERING_CHECK,),
        (Stopper.OTHER_CHECK,),
        _STRUCTURE,
        (Stopper.NOTHING,),
    )
    rows = [
        (
            kind.replace("_", " "),
            str(len(names)),
            *(
                str(sum(outcomes[Meeting(name, _LAST, guarded=True)].stopper in stoppers for name in names))
                for stoppers in kept
            ),
        )
        for kind, names in _classes().items()
    ]
    total = ("all", *(str(sum(int(row[column]) for row in rows)) for column in range(1, 6)))
    head = ("class", "attacks", "steering check", "other check", "structure", "approved by an accomplice")
    return _table(head, [*rows, total])


def _approvals(outcomes: Outcomes, *, guarded: bool) -> str:
    """Give the attacks that were not approved, by class and critic."""
    rows = [
        (kind.replace("_", " "), *(_stopped(outcomes, names, critic, guarded=guarded) for critic in Gullibility))
        for kind, names in _classes().items()
    ]
    total = ("all", *(_stopped(outcomes, list(attacks()), critic, guarded=guarded) for critic in Gullibility))
    return _table(("not approved", *(critic.value for critic in Gullibility)), [*rows, total])


def _stopped(outcomes: Outcomes, names: list[str], critic: Gullibility, *, guarded: bool) -> str:
    stopped = sum(not outcomes[Meeting(name, critic, guarded)].approved for name in names)
    return f"{stopped} of {len(names)}"


def _gaps(outcomes: Outcomes, critic: Gullibility) -> str:
    through = [name for name in attacks() if outcomes[Meeting(name, critic, guarded=True)].approved]
    return f"- {critic.value}, {len(through)} of {len(attacks())}{_listed(through)}.\n"


def _paraphrases() -> str:
    """Give the share of paraphrases that the checks flag: what detection by wording is worth beyond the suite."""
    families = flagged_by_family()
    caught, asked = (sum(column) for column in zip(*families.values(), strict=True))
    rows = [(name, str(asked), str(flagged)) for name, (flagged, asked) in families.items()]
    table = _table(("family", "texts", "flagged"), [*rows, ("all", str(asked), str(caught))])
    return f"{_PARAPHRASES}\n\n{table}"


def _listed(names: Iterable[str]) -> str:
    listed = ", ".join(f"`{name}`" for name in names)
    return f": {listed}" if listed else ""


def _classes() -> dict[str, list[str]]:
    classes: dict[str, list[str]] = {}
    for name, attack in attacks().items():
        classes.setdefault(attack.kind, []).append(name)
    return dict(sorted(classes.items()))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
