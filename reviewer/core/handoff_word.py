"""What a person decided about a handoff, as the log tells it."""

from __future__ import annotations

from dataclasses import dataclass

import orjson


@dataclass(frozen=True, slots=True)
class Word:
    """A decision.

    Attributes:
        decision: `approve_as_is`, `approve_with_edit` or `reject`.
    """

    review_id: str
    decision: str


def read_word(record: bytes) -> Word | None:
    """Read a resolved handoff's record; None for any other, and for handoffs that expired without anybody's word."""
    if not record.startswith(b'{"action":"resolve"'):
        # Canonical JSON begins with this key where there is one: most records need not be read twice.
        return None
    try:
        told = orjson.loads(record)
        if told["schema"] != "handoff/1":
            return None
        reviews = [str(name) for name in told["subjects"] if str(name).startswith("reviews/")]
        return Word(reviews[0].removeprefix("reviews/"), str(told["details"]["decision"]))
    except (ValueError, TypeError, KeyError, IndexError):
        return None
