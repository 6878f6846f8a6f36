"""Releases of rule sets: what is told is read back, and nothing else is taken for one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reviewer.core.events import Action, EventKind, entry_of, read_event
from reviewer.core.rule_release import RuleRelease, read_release, release_event
from tests.support.builders import MOMENT, review_id

RELEASE = RuleRelease(
    Action.ACTIVATE, "a" * 64, "b" * 64, "canary", ("health",), 10, "ann", "fewer false alarms", ("ann", "key-1")
)


@pytest.mark.parametrize("action", [Action.ACTIVATE, Action.PROMOTE, Action.ROLLBACK])
def test_a_release_is_read_back(action: Action) -> None:
    """Every field of a release stands in its record."""
    told = replace(RELEASE, action=action)
    sealed = entry_of(release_event(told, str(review_id(1)), MOMENT))
    event = read_event(sealed.record)
    assert event is not None
    assert read_release(event) == told
    assert (sealed.kind, event.subjects) == ("release", (f"rulebooks/{'a' * 64}",))


def test_what_is_no_release() -> None:
    """Other events, and releases that a later version told otherwise, are none."""
    event = release_event(RELEASE, str(review_id(1)), MOMENT)
    assert read_release(replace(event, kind=EventKind.HOLD)) is None
    assert read_release(replace(event, action=Action.ADD)) is None
    assert read_release(replace(event, details={"percent": "all"})) is None
    assert read_release(replace(event, details={"percent": 5})) == RuleRelease(
        Action.ACTIVATE, "", "", "", (), 5, "ann", RELEASE.reason
    )
