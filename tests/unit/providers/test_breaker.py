"""The breaker: closed until failures in a row, open for a while, one try at a time after that."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reviewer.providers.breaker import Breaker, BreakerPolicy

POLICY = BreakerPolicy(failures=3, open_s=10.0)


def opened(at: float = 0.0) -> Breaker:
    breaker = Breaker(POLICY)
    for _ in range(POLICY.failures):
        assert breaker.admits(at)
        breaker.failed(at)
    return breaker


def test_failures_in_a_row_open_it() -> None:
    """As many failures as the policy says, and no fewer, keep calls away."""
    breaker = Breaker(POLICY)
    for _ in range(POLICY.failures - 1):
        breaker.failed(0.0)
    assert breaker.admits(0.0)
    breaker.failed(0.0)
    assert breaker.is_open
    assert not breaker.admits(9.9)


def test_a_success_between_failures_starts_the_count_anew() -> None:
    """Only failures in a row count."""
    breaker = Breaker(POLICY)
    for _ in range(5):
        breaker.failed(0.0)
        breaker.failed(0.0)
        breaker.succeeded()
    assert breaker.admits(0.0)


def test_one_try_at_a_time_after_the_wait() -> None:
    """When the time is over one call may try; others wait for how it ends."""
    breaker = opened()
    assert breaker.admits(10.0)
    assert not breaker.admits(10.0)
    breaker.succeeded()
    assert breaker.admits(10.0)
    assert breaker.admits(10.0)
    assert not breaker.is_open


def test_a_failed_try_opens_it_for_the_whole_time_again() -> None:
    """One failure is enough where the model has not recovered."""
    breaker = opened()
    assert breaker.admits(10.0)
    breaker.failed(10.0)
    assert not breaker.admits(19.9)
    assert breaker.admits(20.0)


def test_an_abandoned_try_leaves_the_way_to_the_next() -> None:
    """A caller that goes away in the middle of the try neither closes the breaker nor blocks it for ever."""
    breaker = opened()
    assert breaker.admits(10.0)
    breaker.abandoned()
    assert breaker.is_open
    assert breaker.admits(10.0)


def test_one_request_counts_once() -> None:
    """The same thing asked again and again does not open it, whatever lies between; other things do."""
    breaker = Breaker(POLICY)
    for _ in range(10):
        breaker.failed(0.0, "a")
        breaker.abandoned()
    breaker.failed(0.0, "b")
    breaker.failed(0.0, "a")
    assert breaker.admits(0.0)
    breaker.failed(0.0)
    assert breaker.is_open


def test_a_request_that_was_blamed_does_not_keep_it_open() -> None:
    """Coming as the try, it neither closes nor opens it, and the next one may try at once."""
    breaker = Breaker(POLICY)
    for request in "abc":
        breaker.failed(0.0, request)
    assert breaker.admits(10.0)
    breaker.failed(10.0, "a")
    assert breaker.admits(10.0)
    breaker.succeeded()
    breaker.failed(10.0, "a")
    breaker.failed(10.0)
    assert breaker.admits(10.0)
    breaker.failed(10.0)
    assert breaker.is_open


def test_blame_does_not_grow() -> None:
    """However many requests fail, only as many are remembered as would open it."""
    breaker = Breaker(POLICY)
    for number in range(100):
        breaker.failed(0.0, str(number))
    assert len(breaker._blamed) == POLICY.failures


def test_a_model_that_is_distrusted_gets_canaries_only() -> None:
    """Tripped, the breaker is open at once; when its time is over it lets one canary through and nothing else."""
    breaker = Breaker(POLICY)
    breaker.trip(0.0)
    assert breaker.distrusted
    assert not breaker.admits(9.9, canary=True)
    assert not breaker.may_try(9.9)
    assert not breaker.admits(10.0)
    assert breaker.may_try(10.0)
    assert breaker.admits(10.0, canary=True)
    assert not breaker.admits(10.0, canary=True)


def test_no_answer_restores_a_model_that_is_distrusted() -> None:
    """Answering is what a blind model does: only its being found to see closes the breaker."""
    breaker = Breaker(POLICY)
    breaker.trip(0.0)
    assert breaker.admits(10.0, canary=True)
    breaker.succeeded()
    assert breaker.is_open
    assert not breaker.admits(11.0)
    assert breaker.admits(11.0, canary=True)
    breaker.restore()
    assert not breaker.distrusted
    assert breaker.admits(11.0)
    assert not breaker.is_open


def test_another_miss_opens_it_for_the_whole_time_again() -> None:
    """A model that is still blind is left alone once more."""
    breaker = Breaker(POLICY)
    breaker.trip(0.0)
    assert breaker.admits(10.0, canary=True)
    breaker.trip(10.0)
    assert not breaker.admits(19.9, canary=True)
    assert breaker.admits(20.0, canary=True)


def test_a_canary_may_be_the_try_of_an_outage() -> None:
    """To a breaker that is open because of failures, a canary is a call like any other."""
    breaker = opened()
    assert not breaker.admits(9.9, canary=True)
    assert breaker.admits(10.0, canary=True)
    breaker.succeeded()
    assert not breaker.is_open


@given(st.lists(st.sampled_from(["succeeded", "failed", "abandoned"])), st.integers(1, 5))
def test_it_is_never_stuck(ends: list[str], failures: int) -> None:
    """Whatever happened to earlier calls, after the wait a call is admitted."""
    breaker = Breaker(BreakerPolicy(failures, 1.0))
    now = 0.0
    for end in ends:
        now += 1.0
        assert breaker.admits(now)
        breaker.failed(now) if end == "failed" else getattr(breaker, end)()
    assert breaker.admits(now + 1.0)


@given(st.lists(st.sampled_from(["succeeded", "failed", "abandoned", "trip"]), max_size=20))
def test_only_restoring_ends_distrust(ends: list[str]) -> None:
    """Whatever happened after a trip, no ordinary call is let through, a canary is after the wait."""
    breaker = Breaker(BreakerPolicy(1, 1.0))
    breaker.trip(0.0)
    now = 0.0
    for end in ends:
        now += 1.0
        assert not breaker.admits(now)
        assert breaker.admits(now, canary=True)
        breaker.failed(now) if end == "failed" else breaker.trip(now) if end == "trip" else getattr(breaker, end)()
    assert not breaker.admits(now + 1.0)
    breaker.restore()
    assert breaker.admits(now)
