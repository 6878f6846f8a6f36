"""A circuit breaker for one second model: one that keeps failing is left alone for a while.

Closed, it lets every call through. After `failures` in a row it opens and lets none through for `open_s` seconds; then
one call at a time may try, and the first that succeeds closes it. What counts as a failure is said by the caller; one
that may lie in the request counts once a request, so that nobody can close a model to all others by asking the same
thing again and again.

Tripped because its model is not to be trusted, it opens as well, but no answer closes it: only canaries may try, and
whoever reads what they came to says when it is trusted again.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When a breaker opens and for how long.

    Attributes:
        failures: in a row, at least 1.
        open_s: seconds without a call.
    """

    failures: int
    open_s: float


class Breaker:
    """The state of one model's breaker. Belongs to one event loop; time comes in as an argument, in seconds."""

    def __init__(self, policy: BreakerPolicy) -> None:
        """Start closed."""
        self._policy = policy
        self._failures = 0
        self._open_until: float | None = None
        self._trying = False
        self._blamed: dict[str, None] = {}
        self._distrusted = False

    @property
    def distrusted(self) -> bool:
        """Whether the model answers and is not believed."""
        return self._distrusted

    @property
    def is_open(self) -> bool:
        """Whether calls are being kept away, but for one that tries."""
        return self._open_until is not None

    @property
    def state(self) -> str:
        """`closed`, `open` or `distrusted`, in one word."""
        return "distrusted" if self._distrusted else "open" if self.is_open else "closed"

    def admits(self, now: float, *, canary: bool = False) -> bool:
        """Whether a call may be made now. Where this opens the way for a try, its end must be told.

        Args:
            canary: the call is a canary's; no other one is let through to a model that is distrusted.
        """
        if self._open_until is None:
            return True
        if (self._distrusted and not canary) or not self.may_try(now):
            return False
        self._trying = True
        return True

    def may_try(self, now: float) -> bool:
        """Whether it is open and its time is over, so that one call may find out how the model is."""
        return self._open_until is not None and now >= self._open_until and not self._trying

    def trip(self, now: float) -> None:
        """Open for a model whose answers are not to be trusted, until `restore`."""
        self._distrusted = True
        self._trying = False
        self._open_until = now + self._policy.open_s

    def restore(self) -> None:
        """Trust the model again."""
        self._distrusted = False
        self.succeeded()

    def succeeded(self) -> None:
        """A call was answered; that alone is no reason to believe a model that is distrusted."""
        self._failures = 0
        self._trying = False
        if not self._distrusted:
            self._open_until = None
            self._blamed.clear()

    def failed(self, now: float, request: str = "") -> None:
        """A call failed in a way that speaks against the model.

        Args:
            request: what was asked, as a digest, where the failure may lie in it: the same one counts once in a row of
                failures, whatever lies between. Empty where it cannot.
        """
        if request in self._blamed:
            self.abandoned()
            return
        if request:
            self._blamed[request] = None
            if len(self._blamed) > self._policy.failures:
                # A model that never recovers must not fill the memory.
                del self._blamed[next(iter(self._blamed))]
        self._failures += 1
        self._trying = False
        if self._failures >= self._policy.failures or self._open_until is not None:
            self._open_until = now + self._policy.open_s

    def abandoned(self) -> None:
        """A call ended without saying anything about the model, because its caller went away, say."""
        self._trying = False
