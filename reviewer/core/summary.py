"""What a list of entries shows of one, from its record alone: so it is listed after its content was erased, and unread.

A kind or a version that is not known is listed as what it calls itself, with whatever id and time it states.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from reviewer.core.record import RECORD_SCHEMA

_WITH_ACTION = ("handoff", "outcome", "release")


@dataclass(frozen=True, slots=True)
class Summary:
    """One entry of a list.

    Attributes:
        kind: of the record, with its version where that is not known.
        id: of the review or event; empty where the record states none.
        time: as the record states it, RFC 3339; empty where it states none.
        verdict: by name; empty for what is no review.
        causes: of the reasons, in order, each once; a shortened record does not tell them.
        marks: `simulated`, `canary`; of a handoff, an outcome or a release what was done.
    """

    kind: str
    id: str = ""
    time: str = ""
    intent: str = ""
    verdict: str = ""
    causes: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()


def summary_of(record: bytes) -> Summary:
    """Sum a record up; what cannot be read is told as that."""
    try:
        told = orjson.loads(record)
        schema = str(told["schema"])
        time = str(told.get("time", ""))
        if schema != RECORD_SCHEMA:
            kind, _, version = schema.partition("/")
            done = (str(told["action"]),) if version == "1" and kind in _WITH_ACTION and told.get("action") else ()
            return Summary(kind if version == "1" else schema, str(told.get("id", "")), time, marks=done)
        reasons = told["reasons"]
        causes = sorted({str(reason["cause"]) for reason in reasons}) if isinstance(reasons, list) else []
        marks = [mark for mark in ("simulated", "canary") if told.get(mark)]
        return Summary(
            "review", str(told["review"]), time, str(told["intent"]), str(told["verdict"]), tuple(causes), tuple(marks)
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return Summary("unreadable")
