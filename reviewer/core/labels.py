"""What judges answered and what people say is right, item by item, and how several people's labels become one.

The *subject* of an answer is a criterion (`rubric/criterion`) or the verdict as a whole. Whoever answers about a
criterion says `MET`, `NOT_MET`, `UNCERTAIN` or `NOT_APPLICABLE`; about a verdict, `APPROVE`, `REVISE` or
`HUMAN_HANDOFF`. Files of both are read in `reviewer.rubrics.labels`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import orjson

from reviewer.core.errors import LedgerCorruptError
from reviewer.core.events import Action, EventKind, read_event
from reviewer.core.finding import Outcome
from reviewer.core.handoff import labels_of
from reviewer.core.outcome_report import Fate
from reviewer.core.ticket import Decision
from reviewer.core.verdict import Verdict

VERDICT = "verdict"
PASSES = frozenset({Outcome.MET.value, Verdict.APPROVE.name})
FAILS = frozenset({Outcome.NOT_MET.value, Verdict.REVISE.name, Verdict.HUMAN_HANDOFF.name})
CRITERION_OUTCOMES = tuple(outcome.value for outcome in Outcome)
VERDICT_OUTCOMES = tuple(verdict.name for verdict in Verdict)

_VERDICT_OF = {
    Decision.APPROVE_AS_IS.value: Verdict.APPROVE,
    Decision.APPROVE_WITH_EDIT.value: Verdict.REVISE,
    Decision.REJECT.value: Verdict.HUMAN_HANDOFF,
}

Key: TypeAlias = tuple[str, str]
"""Item and subject: what can be judged and labelled."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One answer of the service.

    Attributes:
        item: the review or case, `reviews/{id}` where it comes from a log.
        reviewer: model or check that answered; empty for a verdict, which is the code's.
        drafter: the model that wrote the draft.
        cluster: items of one conversation are alike, and are resampled together; empty where an item stands alone.
        probability: that the criterion is met, from a source that gives one; None elsewhere.
    """

    item: str
    subject: str
    outcome: str
    reviewer: str = ""
    drafter: str = ""
    locale: str = ""
    intent: str = ""
    suite: str = ""
    cluster: str = ""
    probability: float | None = None

    @property
    def key(self) -> Key:
        """What was judged."""
        return self.item, self.subject


@dataclass(frozen=True, slots=True)
class Label:
    """What one person says is right.

    Attributes:
        adjudicated: the last word after others disagreed.
    """

    item: str
    subject: str
    rater: str
    outcome: str
    adjudicated: bool = False

    @property
    def key(self) -> Key:
        """What was labelled."""
        return self.item, self.subject


class LabelSource(Protocol):
    """Where labels come from: a file, or resolutions of handoffs in the log."""

    def labels(self) -> Iterable[Label]:
        """Yield every label; of one rater and key the last one counts."""
        ...


@dataclass(frozen=True, slots=True)
class Matched:
    """An answer beside what people say.

    Attributes:
        human: what is right; None where nobody said, or people do not agree.
        raters: what each person said.
    """

    judged: Judged
    human: str | None
    raters: Mapping[Hashable, str]


def outcomes_of(subject: str) -> tuple[str, ...]:
    """Return what can be answered about a subject."""
    return VERDICT_OUTCOMES if subject == VERDICT else CRITERION_OUTCOMES


def match(judged: Iterable[Judged], labels: Iterable[Label]) -> tuple[Matched, ...]:
    """Put what people say beside every answer, in the order of the answers; answers without a label stay."""
    by_key: defaultdict[Key, list[Label]] = defaultdict(list)
    for label in labels:
        by_key[label.key].append(label)
    settled = {key: (reference(own), _by_rater(own)) for key, own in by_key.items()}
    nobody: tuple[str | None, Mapping[Hashable, str]] = (None, {})
    return tuple(Matched(one, *settled.get(one.key, nobody)) for one in judged)


def reference(labels: Sequence[Label]) -> str | None:
    """Return what is right by the labels of one key: the last adjudication, else what more than half of people say."""
    if adjudicated := [label.outcome for label in labels if label.adjudicated]:
        return adjudicated[-1]
    said = Counter(_by_rater(labels).values())
    for outcome, count in said.most_common(1):
        if 2 * count > said.total():
            return outcome
    return None


def judged_of_record(record: bytes) -> Iterator[Judged]:
    """Read the answers out of a review's record in the log: its verdict, and each criterion by whoever answered it.

    A record that had to be shortened gives its verdict alone: its findings stand in its content.

    Raises:
        LedgerCorruptError: the bytes are no record of a review.
    """
    try:
        told = orjson.loads(record)
        item = f"reviews/{told['review']}"
        cluster = told["labels"].get("conversation") or (told["revision"] or {}).get("of") or item
        common = {"locale": told["locale"], "intent": told["intent"], "drafter": told["drafter"]["model"]}
        yield Judged(item, VERDICT, told["verdict"], cluster=cluster, **common)
        if isinstance(told["findings"], list):
            for found in told["findings"]:
                yield Judged(item, found["criterion"], found["outcome"], found["by"], cluster=cluster, **common)
        if isinstance(told["met"], list):
            for _, judge, criteria in told["met"]:
                for criterion in criteria:
                    yield Judged(item, criterion, Outcome.MET.value, judge, cluster=cluster, **common)
    except (KeyError, TypeError, AttributeError, ValueError) as exc:
        raise LedgerCorruptError("stored record is not a review's") from exc


def labels_of_record(record: bytes) -> Iterator[Label]:
    """Read what a person said out of a record: who resolved a handoff, or found an answer to be wrong.

    A resolution says what the verdict should have been (approved as it was, approved after an edit, rejected) and
    holds that person's own answers to criteria; a report that an answer was confirmed wrong says that it should have
    gone to a person. Other records say nothing.
    """
    event = read_event(record)
    if event is None or not event.reviews:
        return
    item = f"reviews/{event.reviews[0]}"
    if event.kind is EventKind.HANDOFF and event.action is Action.RESOLVE:
        verdict = _VERDICT_OF.get(str(event.details.get("decision")))
        if verdict is not None:
            yield Label(item, VERDICT, event.by, verdict.name)
        for criterion, outcome in labels_of(event).items():
            yield Label(item, criterion, event.by, outcome.value)
    elif event.kind is EventKind.OUTCOME and event.details.get("outcome") == Fate.CONFIRMED_WRONG:
        yield Label(item, VERDICT, event.by, Verdict.HUMAN_HANDOFF.name)


def _by_rater(labels: Iterable[Label]) -> dict[Hashable, str]:
    """Return each person's last word, adjudications apart: they settle a case, and are no second opinion on it."""
    return {label.rater: label.outcome for label in labels if not label.adjudicated}
