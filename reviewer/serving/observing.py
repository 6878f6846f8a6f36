"""Metrics as a page: the counts of `reviewer.metrics` with what holds at the moment somebody asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from reviewer.admission import Admission
from reviewer.core.errors import LedgerError
from reviewer.critic import Critic
from reviewer.ledger.sequencer import Sequencer
from reviewer.ledger.tree import SignedHead, TreeLedger
from reviewer.ledger.witnessing import Witnessing
from reviewer.metrics import CONTENT_TYPE, Metrics, RulesState, State
from reviewer.serving.http_face import Page


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a service that are looked at."""

    admission: Admission
    critic: Critic
    ledger: TreeLedger
    sequencer: Sequencer
    witnessing: Witnessing
    rules: Callable[[], RulesState]


class Observing:
    """Finds the page of metrics."""

    def __init__(self, metrics: Metrics, parts: Parts) -> None:
        """Keep what is looked at."""
        self._metrics = metrics
        self._parts = parts
        self._entries = 0
        self._head: SignedHead | None = None

    async def page(self, _: str) -> Page:
        """Return all metrics, those of the log as they were last where it cannot be read: then most of all."""
        try:
            self._head = await self._parts.ledger.tree.head()
            self._entries = await self._parts.ledger.size()
        except LedgerError:
            return Page(self._metrics.rendered(self._state(readable=False)), CONTENT_TYPE)
        return Page(self._metrics.rendered(self._state(readable=True)), CONTENT_TYPE)

    def _state(self, *, readable: bool) -> State:
        head, entries = self._head, self._entries
        waits = head is not None and entries > head.size
        age_s = (datetime.now(UTC) - head.signed_at).total_seconds() if head is not None and waits else 0.0
        return State(
            in_flight=self._parts.admission.in_flight,
            breakers=self._parts.critic.breakers,
            entries=entries,
            signed=head.size if head else 0,
            head_age_s=max(age_s, 0.0),
            corrupt=self._parts.sequencer.stopped,
            cosigned=self._parts.witnessing.cosigned,
            rules=self._parts.rules(),
            readable=readable,
        )
