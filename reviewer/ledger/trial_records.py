"""The records of a log that a trial is judged by, read once each, in the order of the log."""

from __future__ import annotations

import asyncio

from reviewer.core.facets import KIND_REVIEW
from reviewer.core.rollout import ReleaseStage
from reviewer.core.search import All, Filter, Match, Operator, Order, Some
from reviewer.core.shadowing import SHADOW_KIND
from reviewer.core.trial_figures import Progress
from reviewer.ledger.interface import Found, Ledger

STRETCH = 2_000
"""Entries that are looked through at a time: so many records are held at once at the most."""
_WORDS = "handoff"


async def read_into(progress: Progress, ledger: Ledger) -> None:
    """Have a trial take in what the log has come to hold since it last did.

    Raises:
        LedgerUnavailableError: the log cannot be read.
    """
    size = await ledger.size()
    while progress.index + 1 < size:
        first = progress.index + 1
        end = min(first + STRETCH, size)
        found = await ledger.search(_asked(progress, first, end), Order.OLDEST, None, STRETCH)
        # Beside the loop: after a restart in the middle of a long trial it is a lot.
        await asyncio.to_thread(_take, progress, found)
        progress.drop(end - 1)


def _asked(progress: Progress, first: int, end: int) -> Filter:
    own = SHADOW_KIND if progress.trial.stage is ReleaseStage.SHADOW else KIND_REVIEW
    kinds = Some((Match("kind", Operator.EQUAL, own), Match("kind", Operator.EQUAL, _WORDS)))
    return All((kinds, Match("index", Operator.AT_LEAST, first), Match("index", Operator.LESS, end)))


def _take(progress: Progress, found: tuple[Found, ...]) -> None:
    for one in sorted(found, key=lambda one: one.position.index):
        progress.add(one.position.index, one.record)
