"""Trials that are over, as the events of the log say: when each ended, by whose word, and why.

What is on trial now is `reviewer.core.rollout`, of which this is a second reading: nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from reviewer.core.release_event import ReleaseEvent, Told
from reviewer.core.rollout import Course, ReleaseStage, Trial


class TrialEnd(StrEnum):
    """What became of a candidate when its trial ended.

    REPLACED: another release came into force where it was tried.
    """

    ROLLED_BACK = "rolled_back"
    IN_FORCE = "in_force"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class EndedTrial:
    """A trial that is over.

    Attributes:
        trial: as it was in its last stage.
        event: that ended it: `time`, `by` (`gate:blocked`, or who asked for it) and `reason` are its own.
    """

    trial: Trial
    event: ReleaseEvent

    @property
    def end(self) -> TrialEnd:
        """What became of the candidate."""
        if self.event.stage != ReleaseStage.FULL:
            return TrialEnd.ROLLED_BACK
        return TrialEnd.IN_FORCE if self.event.digest == self.trial.digest else TrialEnd.REPLACED


def last_ended(told: Iterable[Told]) -> Mapping[tuple[str, ...], EndedTrial]:
    """Return the last trial that ended on each set of routes, the latest first.

    A candidate that goes to its next stage has ended nothing, and an event that may not follow ends nothing.

    Args:
        told: all events of a log, in whatever order.

    Returns:
        By ids of routes, sorted; none means all.
    """
    course = Course()
    ended: dict[tuple[str, ...], EndedTrial] = {}
    for one in sorted(told, key=lambda one: one.index):
        after = course.after(one)
        going = {(trial.digest, trial.routes) for trial in after.trials}
        for trial in course.trials:
            if (trial.digest, trial.routes) not in going:
                # Taken out first, so that the order is that of the ends.
                ended.pop(trial.routes, None)
                ended[trial.routes] = EndedTrial(trial, one.event)
        course = after
    return dict(reversed(ended.items()))
