"""The walk: a replay over the reviews of a log that a filter lets through, one by one, the newest first.

Nothing is written to the log, and no verdict that is found here is answered to anyone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from reviewer.core.errors import LedgerCorruptError
from reviewer.core.record import read_content
from reviewer.core.search import All, Filter, Order, read_filter
from reviewer.core.verdict import Decision
from reviewer.ledger.interface import Found, Ledger
from reviewer.replay.asking import Asker, Estimate, Stationery
from reviewer.replay.comparison import Rules
from reviewer.replay.rejudge import Asks, Told, rejudge
from reviewer.replay.tally import Fate, Row, told

_PAGE = 200
_REVIEWS = read_filter("kind = review AND NOT canary = true")


@dataclass(frozen=True, slots=True)
class Walk:
    """One replay.

    Attributes:
        asked: which reviews; canaries are left out whatever it says.
        limit: how many of them; None for all.
        tell: is told of each row, in no particular order where several are under way.
        estimate: what asking would take is added to it.
        asker: answers what is open; None leaves it open.
        at_once: reviews under way, which only an asker makes more than one useful.
    """

    ledger: Ledger
    rules: Rules
    asked: Filter
    limit: int | None
    tell: Callable[[Row], None]
    stationery: Stationery
    estimate: Estimate
    asker: Asker | None = None
    at_once: int = 1

    async def run(self) -> None:
        """Replay every review; memory does not grow with their number.

        Raises:
            LedgerUnavailableError: the log cannot be read.
        """
        source = self._reviews()
        turn = asyncio.Lock()
        async with asyncio.TaskGroup() as workers:
            for _ in range(self.at_once if self.asker else 1):
                workers.create_task(self._serve(source, turn))

    async def _serve(self, source: AsyncIterator[Found], turn: asyncio.Lock) -> None:
        while True:
            async with turn:
                found = await anext(source, None)
            if found is None:
                return
            self.tell(await self._row(found))

    async def _reviews(self) -> AsyncIterator[Found]:
        after: int | None = None
        left = self.limit
        asked = All((self.asked, _REVIEWS))
        while left is None or left > 0:
            page = await self.ledger.search(asked, Order.NEWEST, after, min(_PAGE, left or _PAGE))
            for found in page:
                yield found
            if not page:
                return
            after = page[-1].position.index
            left = None if left is None else left - len(page)

    async def _row(self, found: Found) -> Row:
        stored = await self.ledger.find_review(found.tenant, found.review_id)
        if stored is None or stored.content is None:
            return Row(Fate.ERASED, found.review, "", "", None)
        try:
            review = read_content(stored.content)
            answer = rejudge(review, self.rules)
        except LedgerCorruptError as exc:
            return Row(Fate.CANNOT_TELL, found.review, "", "", None, why=str(exc))
        if isinstance(answer, Told):
            return told(review, answer.decision, answer.open_questions)
        fate, why = Fate.CANNOT_TELL, ""
        if isinstance(answer, Asks):
            self.stationery.add(self.estimate, review, answer)
            if self.asker is None:
                fate = Fate.NEEDS_MODEL
            else:
                said = await self.asker.ask(review, answer)
                if isinstance(said, Decision):
                    return told(review, said)
                why = said.why
        else:
            why = answer.why
        return Row(fate, review.name, review.route.id, review.locale, review.verdict, why=why)
