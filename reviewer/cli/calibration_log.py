"""Answers of the service and labels of people out of the verdict log, for a calibration."""

from __future__ import annotations

import asyncio

from reviewer.cli.console import Exit, fail
from reviewer.cli.log_files import opened_log
from reviewer.cli.search import read_filter_or_exit
from reviewer.config import Settings
from reviewer.core.answering import Answering
from reviewer.core.labels import Judged, Label, judged_of_record, labels_of_record
from reviewer.core.search import All, Filter, Order, read_filter
from reviewer.ledger.interface import Found

_PAGE = 1_000
_MOST = 100_000
"""Records of a log: what they say is held in memory."""


def answers_of_log(settings: Settings, filter_: str, answering: Answering) -> tuple[Judged, ...]:
    """Read the answers of the reviews that a filter lets through; what made them is added to `answering`."""
    asked = All((read_filter("kind = review AND NOT canary = true"), read_filter_or_exit(filter_)))
    found: list[Judged] = []
    for one in asyncio.run(_records(settings, asked)):
        found.extend(judged_of_record(one.record))
        answering.add(one.record)
    return tuple(found)


def people_of_log(settings: Settings) -> tuple[Label, ...]:
    """Read what people said when they resolved handoffs, or found answers to be wrong."""
    found = asyncio.run(_records(settings, read_filter("kind = handoff OR kind = outcome")))
    return tuple([label for one in found for label in labels_of_record(one.record)])


async def _records(settings: Settings, asked: Filter) -> list[Found]:
    found: list[Found] = []
    after = None
    async with opened_log(settings) as (ledger, _):
        while page := await ledger.search(asked, Order.OLDEST, after, _PAGE):
            found += page
            if len(found) > _MOST:
                fail(f"more than {_MOST:,} records: narrow them down with --filter", Exit.USAGE)
            after = page[-1].position.index
    return found
