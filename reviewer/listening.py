"""Listening: what is made of a second model's findings while it still writes them.

Each finding is verified as it arrives, told to whoever watches the review, and may end the critique where the route
allows that. What it is worth in the end is said by `reviewer.core.verdict`, from the whole evidence; what is learned
here is never read twice as evidence.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from reviewer.core.arrival import Arrival
from reviewer.core.critique import stopped
from reviewer.core.finding import Finding
from reviewer.core.outcome import Answer, Stopped
from reviewer.core.prompt import Prompt
from reviewer.core.rulebook import Plan
from reviewer.core.segments import SegmentIndex
from reviewer.core.stopping import decides
from reviewer.core.verification import QuoteFinder, counts, verify


@dataclass(frozen=True, slots=True)
class Audience:
    """Everybody who hears the critiques of one draft.

    Attributes:
        tell: is told of each finding; None where nobody watches.
    """

    plan: Plan
    waived: frozenset[str]
    finder: QuoteFinder
    tell: Callable[[Finding], None] | None

    def ears(self, judge: str, prompts: Sequence[Prompt]) -> list[Ear]:
        """Return one ear a group of questions, for one critique by one judge."""
        room = _Room(self, judge)
        return [Ear(room, prompt) for prompt in prompts]


@dataclass(slots=True)
class _Room:
    """One critique, heard in groups.

    Attributes:
        decided: the criterion whose answer ended it; empty as long as none has.
        scopes: the calls of its groups that are under way.
    """

    audience: Audience
    judge: str
    decided: str = ""
    scopes: set[asyncio.Timeout] = field(default_factory=set)

    def weigh(self, answer: Answer, *, first: bool) -> bool:
        """Verify one answer, tell of it, and say whether it decides; one that contradicts an earlier one does not."""
        audience = self.audience
        if not counts(answer, audience.waived):
            return False
        finding = verify(answer, audience.plan.by_key[answer.criterion].criterion, self.judge, audience.finder)
        if audience.tell is not None:
            audience.tell(finding)
        return first and audience.plan.route.early_exit and decides(finding, audience.plan)

    def clear(self) -> None:
        """End the calls of all groups that are still under way."""
        now = asyncio.get_running_loop().time()
        for scope in self.scopes:
            when = scope.when()
            if when is None or when > now:
                scope.reschedule(now)


class Ear:
    """Hears the answers to one group of questions: a `Listener` of `reviewer.providers.interface`."""

    def __init__(self, room: _Room, prompt: Prompt) -> None:
        """Nothing is heard yet."""
        self._room = room
        self._asked = prompt.asked
        self._arrival = Arrival(prompt.asked)
        self._answers: list[Answer] = []
        self._answered: set[str] = set()

    def begin(self) -> Ear:
        """Forget what an earlier attempt said: its reply will never be whole."""
        self._arrival = Arrival(self._asked)
        self._answers = []
        self._answered = set()
        return self

    def heard(self, text: str) -> bool:
        """Take the next piece of a reply; True once the critique is decided, by this group or another one."""
        for answer in self._arrival.add(text):
            first = answer.criterion not in self._answered
            self._answers.append(answer)
            self._answered.add(answer.criterion)
            if self._room.weigh(answer, first=first):
                self._room.decided = answer.criterion
                return True
        return bool(self._room.decided)

    @property
    def stopped(self) -> Stopped | None:
        """What this group had said by the time the critique was ended; None as long as it was not."""
        return stopped(self._answers, self._room.decided) if self._room.decided else None

    @property
    def scopes(self) -> set[asyncio.Timeout]:
        """The calls of the critique that are under way."""
        return self._room.scopes

    def leave(self) -> None:
        """Say that this group's call is over; if it decided, so is that of all others."""
        if self._room.decided:
            self._room.clear()


def gather(
    plan: Plan, waived: frozenset[str], index: SegmentIndex, tell: Callable[[Finding], None] | None
) -> Audience | None:
    """Return the audience of one draft's critiques; None where nobody would hear them, so that calls stay plain."""
    if tell is None and not plan.route.early_exit:
        return None
    return Audience(plan, waived, QuoteFinder(index), tell)


@contextmanager
def attending(ear: Ear | None, scope: asyncio.Timeout) -> Iterator[None]:
    """Hold one group's call open to be ended by another group's answer, as a context."""
    if ear is None:
        yield
        return
    ear.scopes.add(scope)
    try:
        yield
    finally:
        ear.scopes.discard(scope)
        ear.leave()
