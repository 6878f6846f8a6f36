"""What every fault comes to in every mode, by hand: what trials are held against, and docs/faults.md shows.

Rows say what one failing reviewer does when it is alone. The other modes are told as differences from that: whose place
the fault takes, who answers besides, and which faults the mode survives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from reviewer.simulate.script import FaultKind
from tests.support.fault_modes import DECISIONS, Column, Mode
from tests.support.fault_trial import Cell
from tests.support.modes import ANTHROPIC

Rows = Mapping[FaultKind, Cell]

APPROVED, REVISED, HANDED_OFF = "APPROVE", "REVISE", "HUMAN_HANDOFF"


def _handoff(cause: str, *calls: str, notes: tuple[str, ...] = ()) -> Cell:
    return Cell(HANDED_OFF, (cause,), notes, calls or ("critique",))


def _tried(failure: str) -> Cell:
    return _handoff("reviewer_unavailable", *[f"critique {failure}"] * 3)


_FINE = Cell(APPROVED)
_UNREADABLE = _handoff("reviewer_unreadable", "critique", "repair")
_INATTENTIVE = _handoff("reviewer_unreadable")
_PARTIAL = _handoff("partial_coverage")
_TOO_LARGE = _handoff("partial_coverage", "critique too_large")
_LATE = _handoff("deadline", "critique late")
_NO_ANSWER = _handoff("reviewer_unavailable", "critique bad_envelope")

ALONE: Rows = {
    FaultKind.RATE_LIMITED: _tried("rate_limited"),
    FaultKind.SERVER_ERROR: _tried("server_error"),
    FaultKind.OVERLOADED: _tried("overloaded"),
    FaultKind.UNAUTHORIZED: _handoff("reviewer_unavailable", "critique rejected"),
    FaultKind.TOO_LARGE: _TOO_LARGE,
    FaultKind.HANG: _LATE,
    FaultKind.CONNECTION_RESET: _tried("connection"),
    FaultKind.EMPTY_BODY: _NO_ANSWER,
    FaultKind.REFUSAL: _handoff("reviewer_refused"),
    FaultKind.TRUNCATION: _PARTIAL,
    FaultKind.CONTEXT_EXCEEDED: _TOO_LARGE,
    FaultKind.PROSE: _UNREADABLE,
    FaultKind.INVALID_JSON: _UNREADABLE,
    FaultKind.FENCED_JSON: _UNREADABLE,
    FaultKind.MISSING_CRITERIA: _PARTIAL,
    FaultKind.UNKNOWN_CRITERIA: _FINE,
    FaultKind.DUPLICATE_FINDINGS: _handoff("criterion"),
    FaultKind.INVENTED_QUOTES: _handoff("evidence_unverified", notes=("criterion",)),
    FaultKind.RUBBER_STAMP: _INATTENTIVE,
    FaultKind.FAIL_ATTENTION: _INATTENTIVE,
    FaultKind.WRONG_MODEL: _handoff("served_model_mismatch"),
    FaultKind.SLOW_DRIP: _LATE,
    FaultKind.DELAY: _FINE,
}
"""One reviewer, three attempts, nobody beside it."""

_SPELT: Mapping[str, Rows] = {
    # Anthropic begins an answer and says that there was no room for its end.
    ANTHROPIC: {FaultKind.CONTEXT_EXCEEDED: _PARTIAL},
    # Decisions have a body without text: what is no answer to every question is no answer, and none is repaired.
    DECISIONS: dict.fromkeys(
        (
            FaultKind.TRUNCATION,
            FaultKind.PROSE,
            FaultKind.INVALID_JSON,
            FaultKind.FENCED_JSON,
            FaultKind.MISSING_CRITERIA,
            FaultKind.UNKNOWN_CRITERIA,
        ),
        _NO_ANSWER,
    ),
}
"""Where a provider says the same thing otherwise."""

OUTAGES = (
    FaultKind.RATE_LIMITED,
    FaultKind.SERVER_ERROR,
    FaultKind.OVERLOADED,
    FaultKind.UNAUTHORIZED,
    FaultKind.CONNECTION_RESET,
    FaultKind.EMPTY_BODY,
)
"""Faults that say nothing of the draft and leave time: another model may be asked instead."""
WHOLE = (
    FaultKind.MISSING_CRITERIA,
    FaultKind.UNKNOWN_CRITERIA,
    FaultKind.DUPLICATE_FINDINGS,
    FaultKind.INVENTED_QUOTES,
    FaultKind.WRONG_MODEL,
    FaultKind.DELAY,
)
"""Faults that leave an answer in the agreed form: it is heard, and what is amiss with it counts."""
DELIVERY = (FaultKind.CONNECTION_RESET, FaultKind.EMPTY_BODY, FaultKind.SLOW_DRIP)
"""Faults of a connection, which a call in a batch does not have; what it is late by, nobody notices."""


def expected(mode: Mode, column: Column) -> Rows:
    """Return what each fault comes to in one column of a mode."""
    rows = {**ALONE, **_SPELT.get(column.faulty[0], {})}
    if len(column.faulty) > 1:
        return _TOGETHER[mode.name](rows)
    return _BY_MODE[mode.name](rows, column)


def _alone(rows: Rows, column: Column) -> Rows:
    del column
    return rows


def _beside(rows: Rows, *others: str) -> Rows:
    """Add the calls of sound reviewers."""
    return {kind: replace(cell, others=others) for kind, cell in rows.items()}


def _survived(rows: Rows, kinds: Iterable[FaultKind], *others: str, noted: bool) -> Rows:
    """Let a mode get over some faults by the critiques of others, with a note of what was lost or without."""
    return {
        kind: replace(rows[kind], verdict=APPROVED, causes=(), notes=rows[kind].causes if noted else (), others=others)
        for kind in kinds
    }


def _spare(rows: Rows, column: Column) -> Rows:
    """An outage is the spare's turn; what a model said, or the time it took, is not given to another one."""
    del column
    return {**rows, **_survived(rows, OUTAGES, "critique", noted=False)}


def _spare_fails_too(rows: Rows) -> Rows:
    return {**rows, **{kind: replace(rows[kind], calls=rows[kind].calls * 2) for kind in OUTAGES}}


def _panel(rows: Rows, column: Column) -> Rows:
    """A lost seat is noted; one that answered is heard, and no quorum outvotes what is amiss with it."""
    del column
    lost = [kind for kind in rows if kind not in WHOLE]
    others = ("critique", "critique")
    return {**_beside(rows, *others), **_survived(rows, lost, *others, noted=True)}


def _panel_fails(rows: Rows) -> Rows:
    """Everybody fails alike, each in his own provider's words."""
    other = ALONE
    return {
        kind: replace(cell, calls=tuple(sorted((*cell.calls, *other[kind].calls * 2)))) for kind, cell in rows.items()
    }


def _screen(rows: Rows, column: Column) -> Rows:
    """The reviewer behind the screen decides: of the screen only its objections count, and its loss is noted."""
    screened = {
        kind: replace(cell, calls=tuple(sorted(call.replace("critique", "screen") for call in cell.calls)))
        for kind, cell in rows.items()
    }
    lost = [kind for kind, cell in screened.items() if kind not in WHOLE or "screen bad_envelope" in cell.calls]
    unheard = (FaultKind.MISSING_CRITERIA, FaultKind.INVENTED_QUOTES)
    told = {
        **_beside(screened, "critique"),
        **_survived(screened, unheard, "critique", noted=False),
        **_survived(screened, lost, "critique", noted=True),
        FaultKind.WRONG_MODEL: replace(screened[FaultKind.WRONG_MODEL], others=("critique",)),
    }
    if DECISIONS in column.faulty:
        # A probability contradicts nothing, and an improbable answer is a doubt: the reviewer behind is asked.
        doubted = _survived(screened, [FaultKind.DUPLICATE_FINDINGS], "critique", noted=False)
        return {**told, **doubted}
    # What a screen finds not met, if only in one of two answers, asks for a person whatever the other one says.
    contradicted = Cell(HANDED_OFF, ("criterion",), ("partial_coverage",), ("screen",))
    return {**told, FaultKind.DUPLICATE_FINDINGS: contradicted}


def _clearing_screen(rows: Rows, column: Column) -> Rows:
    """As in tier high, but that a clean screen is enough, and another model than the one asked is only noted."""
    told = dict(_screen(rows, column))
    mismatch = replace(told[FaultKind.WRONG_MODEL], verdict=APPROVED, causes=(), notes=("served_model_mismatch",))
    if DECISIONS in column.faulty:
        # Quotes are due, which a probability cannot give.
        return {**told, FaultKind.WRONG_MODEL: mismatch}
    cleared = Cell(APPROVED, calls=("screen",))
    return {
        **told,
        FaultKind.UNKNOWN_CRITERIA: cleared,
        FaultKind.DELAY: cleared,
        FaultKind.WRONG_MODEL: replace(mismatch, others=()),
        FaultKind.DUPLICATE_FINDINGS: Cell(REVISED, ("criterion",), (), ("screen",), ("critique",)),
    }


def _strong(rows: Rows, column: Column) -> Rows:
    """A clean screen stands in for nobody."""
    del column
    return _beside(rows, "screen")


def _fan_out(rows: Rows, column: Column) -> Rows:
    """Three good groups do not make up for a bad one."""
    del column
    split = {kind: replace(cell, calls=tuple(sorted((*cell.calls, *["critique"] * 3)))) for kind, cell in rows.items()}
    # The first question of the group asks for a revision where it is doubted; that of the whole, for a person.
    doubted = replace(split[FaultKind.DUPLICATE_FINDINGS], verdict=REVISED)
    return {**split, FaultKind.DUPLICATE_FINDINGS: doubted}


def _hedged(rows: Rows, column: Column) -> Rows:
    """The second request answers for one that is late; an unreadable answer has its repair; nothing else is asked."""
    del column
    once = {kind: replace(cell, calls=cell.calls[:1]) for kind, cell in rows.items()}
    late = (FaultKind.HANG, FaultKind.SLOW_DRIP, FaultKind.DELAY)
    unreadable = (FaultKind.PROSE, FaultKind.INVALID_JSON, FaultKind.FENCED_JSON)
    return {
        **once,
        **dict.fromkeys(late, Cell(APPROVED, calls=("critique superseded", "hedge"))),
        **dict.fromkeys(unreadable, Cell(APPROVED, calls=("critique", "repair"))),
    }


def _batched(rows: Rows, column: Column) -> Rows:
    """A call is made once, and one that hangs is given up by the provider, not by a deadline."""
    del column
    once = {
        kind: replace(cell, calls=cell.calls[:1] if len(set(cell.calls)) == 1 else cell.calls)
        for kind, cell in rows.items()
    }
    expired = _handoff("reviewer_unavailable", "critique late")
    return {**once, **dict.fromkeys(DELIVERY, _FINE), FaultKind.HANG: expired}


_BY_MODE = {
    "single": _alone,
    "platforms": _alone,
    "spare": _spare,
    "panel": _panel,
    "screen": _screen,
    "clearing_screen": _clearing_screen,
    "strong": _strong,
    "fan_out": _fan_out,
    "streamed": _alone,
    "early_exit": _alone,
    "hedged": _hedged,
    "batched": _batched,
}
_TOGETHER = {"spare": _spare_fails_too, "panel": _panel_fails}
