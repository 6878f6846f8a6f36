"""Trials that are over: which event ended which of them, and what became of the candidate."""

from __future__ import annotations

from dataclasses import replace

from reviewer.core.release_event import ReleaseEvent, ReleaseSource, Told
from reviewer.core.trial_ends import TrialEnd, last_ended
from tests.unit.core.test_rollout import A, B, C, ended, event


def ends(*events: ReleaseEvent) -> list[tuple[tuple[str, ...], str, str, TrialEnd, ReleaseEvent]]:
    found = last_ended([Told(at, one) for at, one in enumerate(events)])
    return [(routes, one.trial.digest, one.trial.stage.value, one.end, one.event) for routes, one in found.items()]


def test_a_rollback_is_told_with_its_stage_and_word() -> None:
    """The last stage, the event that ended it, and that it was rolled back; going on to the canary ended nothing."""
    stop = replace(ended(B), by="gate:blocked", reason="blocked: 9 of 10")
    on_trial = event(A), event(B, "shadow"), event(B, "canary")
    assert ends(*on_trial) == []
    assert ends(*on_trial, stop) == [((), B, "canary", TrialEnd.ROLLED_BACK, stop)]


def test_a_second_word_about_a_trial_that_is_over_changes_nothing() -> None:
    """Of two who end one trial the first one counts."""
    first = replace(ended(B), by="gate:blocked")
    assert ends(event(A), event(B, "shadow"), first, replace(first, by="dee"))[0][-1] == first


def test_a_release_in_force_ends_trials() -> None:
    """What came into force is told as such; what was tried beside it, as replaced, by a folder or an activation too."""
    trial = event(A), event(B, "canary")
    assert ends(*trial, event(B))[0][3] is TrialEnd.IN_FORCE
    assert ends(*trial, event(C))[0][3] is TrialEnd.REPLACED
    assert ends(*trial, event(C, action="activate"))[0][3] is TrialEnd.REPLACED
    base, changed = (replace(event(one, action="activate"), source=ReleaseSource.DIRECTORY) for one in (A, C))
    assert ends(base, trial[1], changed)[0][3] is TrialEnd.REPLACED
    assert ends(event(C), *trial, event(A, action="rollback", previous=C))[0][3] is TrialEnd.REPLACED


def test_each_set_of_routes_keeps_its_last_end_the_latest_first() -> None:
    """A later trial on the same routes takes the place of the earlier one; others stay."""
    found = ends(
        event(A),
        event(B, "shadow", "health"),
        event(B, "shadow", "legal"),
        ended(B, "legal"),
        ended(B, "health"),
        event(C, "shadow", "legal"),
        ended(C, "legal"),
    )
    assert [(routes, digest) for routes, digest, *_ in found] == [(("legal",), C), (("health",), B)]


def test_a_trial_on_some_routes_goes_on_where_others_settle() -> None:
    """Full on one route ends only trials on it."""
    found = ends(event(A), event(B, "shadow", "health"), event(C, "shadow", "legal"), event(C, "full", "legal"))
    assert [(routes, digest, end) for routes, digest, _, end, _ in found] == [(("legal",), C, TrialEnd.IN_FORCE)]
