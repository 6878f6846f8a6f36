"""How far releases have come: what may follow what, what counts where two people act at once, and who is in a share."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from reviewer.core.release_event import (
    ReleaseAction,
    ReleaseEvent,
    ReleaseSource,
    Told,
    entry_of_release,
    read_release_event,
)
from reviewer.core.rollout import Course, ReleaseStage, Trial, course_of, out_of_order, refusal

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
A, B, C = "a" * 64, "b" * 64, "c" * 64


def event(
    digest: str, stage: str = "full", *routes: str, percent: int = 10, action: str = "promote", previous: str = ""
) -> ReleaseEvent:
    return ReleaseEvent(
        ReleaseAction(action),
        f"{digest[:1]}-{stage}-{percent}-{'-'.join(routes)}",
        NOW,
        digest,
        previous,
        "dee",
        "tried",
        stage=stage,
        routes=routes,
        percent=percent,
    )


def ended(digest: str, *routes: str) -> ReleaseEvent:
    return event(A, "canary", *routes, action="rollback", previous=digest)


def after(*events: ReleaseEvent) -> Course:
    return course_of(Told(at, one) for at, one in enumerate(events))


def trials(course: Course) -> list[tuple[str, str, int]]:
    return [(one.digest, one.stage.value, one.percent) for one in course.trials]


def test_a_release_goes_from_shadow_over_canary_to_full() -> None:
    """Each stage takes the place of the one before, and full ends the trial."""
    course = after(event(A), event(B, "shadow"))
    assert trials(course) == [(B, "shadow", 10)]
    assert course.in_force("health") == A
    course = after(event(A), event(B, "shadow"), event(B, "canary"))
    assert trials(course) == [(B, "canary", 10)]
    assert course.trials[0].since == 2
    course = after(event(A), event(B, "shadow"), event(B, "canary"), event(B))
    assert (trials(course), course.in_force("health")) == ([], B)


def test_another_share_of_the_same_stage_keeps_what_was_seen() -> None:
    """Widening a canary does not begin its evidence anew; stepping back to the shadow does."""
    course = after(event(A), event(B, "canary"), event(B, "canary", percent=50), event(B, "canary", percent=20))
    assert [(one.since, one.percent) for one in course.trials] == [(1, 20)]
    assert after(event(A), event(B, "canary"), event(B, "shadow")).trials[0].since == 2


def test_a_route_takes_one_candidate() -> None:
    """A second candidate on a route is refused by name, and changes nothing if it is in the log all the same."""
    course = after(event(A), event(B, "shadow", "health"))
    assert "is on trial on health" in refusal(course, event(C, "shadow"))
    assert "is on trial on health" in refusal(course, event(C, "canary", "health"))
    assert refusal(course, event(C, "shadow", "legal")) == ""
    both = after(event(A), event(B, "shadow", "health"), event(C, "shadow"), event(C, "shadow", "legal"))
    assert trials(both) == [(B, "shadow", 10), (C, "shadow", 10)]
    found = both.trial_on("health"), both.trial_on("legal"), both.trial_on("finance")
    assert [one.digest if one else "" for one in found] == [B, C, ""]


def test_a_folder_gives_way_to_what_was_activated() -> None:
    """A folder that a service saw change just before a release was activated takes nothing back."""
    folder = replace(event(C, action="activate"), source=ReleaseSource.DIRECTORY)
    assert after(folder).in_force("health") == C
    assert after(folder, event(A)).in_force("health") == A
    course = after(event(A), event(B, "canary"), folder)
    assert (course.in_force("health"), trials(course)) == (A, [(B, "canary", 10)])
    assert "gives way" in refusal(course, folder)


def test_a_rollback_ends_its_trial_only() -> None:
    """A rollback of what is not on trial there is refused; another candidate goes on."""
    course = after(event(A), event(B, "canary", "health"), event(C, "shadow", "legal"), ended(B, "health"))
    assert trials(course) == [(C, "shadow", 10)]
    assert "is not on trial there" in refusal(course, ended(B, "health"))
    assert "is not on trial there" in refusal(course, ended(C))
    assert course.base is not None
    assert course.base.index == 0


def test_single_routes_have_releases_of_their_own() -> None:
    """A release in force on one route leaves the others, and the next one for all takes everything back."""
    course = after(event(A), event(B, "full", "health"), event(C, "shadow"))
    assert (course.in_force("health"), course.in_force("legal")) == (B, A)
    assert trials(course) == []
    assert "differs between" in refusal(course, event(C, "shadow"))
    assert refusal(course, event(C, "shadow", "legal")) == ""
    assert "is in force there" in refusal(course, event(B, "canary", "health"))
    assert after(event(A), event(B, "full", "health"), event(C)).in_force("health") == C


def test_another_baseline_ends_what_was_compared_with_it() -> None:
    """Activating something else, for all or for a route of the trial, ends the trial; elsewhere it does not."""
    assert after(event(A), event(B, "shadow", "health"), event(C, action="activate")).trials == ()
    assert after(event(A), event(B, "shadow", "health"), event(C, "full", "health")).trials == ()
    kept = after(event(A), event(B, "shadow", "health"), event(C, "full", "legal"))
    assert trials(kept) == [(B, "shadow", 10)]
    assert after(event(A), event(B, "canary", "health"), event(B, "full", "health")).trials == ()


def test_what_makes_no_sense_is_refused() -> None:
    """Unknown stages, shares without a rest, and trials that nobody promoted are refused."""
    assert "no stage" in refusal(Course(), event(B, "half"))
    assert "canary takes 1 to 99" in refusal(Course(), event(B, "canary", percent=100))
    assert "shadow takes 1 to 100" in refusal(Course(), event(B, "shadow", percent=0))
    assert refusal(Course(), event(B, "shadow", percent=100)) == ""
    assert "no way to begin" in refusal(Course(), event(B, "shadow", action="activate"))
    assert after(event(A), event(B, "half")).in_force("x") == A


def test_stages_come_in_order_where_that_is_asked_for() -> None:
    """Shadow before canary, canary before full; what stands in the log already is not held to it."""
    course = after(event(A), event(B, "shadow"))
    assert out_of_order(course, event(B, "canary")) == ""
    assert "canary comes before full" in out_of_order(course, event(B))
    assert "shadow comes before canary" in out_of_order(course, event(C, "canary"))
    assert out_of_order(course, event(C, "shadow")) == ""
    assert out_of_order(course, event(C, action="activate")) == ""
    assert out_of_order(after(event(A), event(B, "canary")), event(B)) == ""


@given(st.permutations(range(6)))
def test_the_order_of_the_log_alone_decides(order: list[int]) -> None:
    """Events read in any order, or twice, come to the same."""
    events = [event(A), event(B, "shadow"), event(C, "shadow"), event(B, "canary"), ended(B), event(C, "shadow")]
    told = [Told(at, one) for at, one in enumerate(events)]
    course = course_of([told[at] for at in order])
    assert course == course_of(told)
    assert course.after(told[3]) == course
    assert trials(course) == [(C, "shadow", 10)]


def trial(percent: int, digest: str = B) -> Trial:
    return Trial("t", digest, A, ReleaseStage.CANARY, percent, (), 0, NOW, "dee")


@given(st.text(max_size=64), st.integers(1, 99), st.integers(1, 99))
def test_a_request_stays_on_its_side(key: str, less: int, more: int) -> None:
    """The same key falls to the same side, and a greater share only adds."""
    less, more = sorted((less, more))
    assert trial(less).takes(key) == trial(less).takes(key)
    assert not trial(less).takes(key) or trial(more).takes(key)


def test_shares_are_what_they_say_and_drawn_anew_for_each_release() -> None:
    """Of 20,000 keys a share holds its part within five standard deviations; two releases' shares are independent."""
    n = 20_000
    for percent in (1, 5, 50):
        p = percent / 100
        hits = sum(trial(percent).takes(f"{key:x}") for key in range(n))
        assert abs(hits - n * p) < 5 * (n * p * (1 - p)) ** 0.5
    both = sum(trial(10).takes(f"{key:x}") and trial(10, C).takes(f"{key:x}") for key in range(n))
    assert abs(both - n * 0.01) < 5 * (n * 0.01 * 0.99) ** 0.5


def test_an_event_of_a_stage_survives_its_record() -> None:
    """Stage, routes and share are read back as they were written, and the request id stays outside the record."""
    told = event(B, "canary", "health", "legal", percent=7, previous=A)
    entry = entry_of_release(told, "rollback 1")
    assert read_release_event(entry.record) == told
    assert entry.request_id == "rollback 1"
