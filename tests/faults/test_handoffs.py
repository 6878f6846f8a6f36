"""Killed while a person holds a ticket: it comes back after its lease, and its old token decides nothing."""

from __future__ import annotations

import asyncio

import pytest

from reviewer.client import CallFailedError, HandoffClient, HandoffDecision, ReviewClient, TicketState
from reviewer.core.events import read_event
from tests.contract.ledger.test_ledger import check_log
from tests.support.places import Place
from tests.support.subjects import HANDED_OFF, case_subject

LEASE_S = 2
REJECT = HandoffDecision.HANDOFF_DECISION_REJECT


async def test_a_ticket_comes_back_after_its_lease(place: Place) -> None:
    """Of a service that is killed between claim and decision the claim stands until its lease ends, and no longer."""
    async with place.serving() as server:
        async with ReviewClient(server.address) as backend:
            name = (await backend.review(case_subject(HANDED_OFF))).handoff.name
        async with HandoffClient(server.address) as people:
            old = await people.claim(name, "ann", LEASE_S)
        server.kill()
    async with place.serving() as server, HandoffClient(server.address) as people:
        async with asyncio.timeout(30):
            while (await people.get(name)).state == TicketState.TICKET_STATE_CLAIMED:  # noqa: ASYNC110 - time passes
                await asyncio.sleep(0.05)
        new = await people.claim(name, "bob")
        assert (old.token, new.token) == (1, 2)
        with pytest.raises(CallFailedError, match="ABORTED"):
            await people.resolve(name, old.token, REJECT)
        assert (await people.resolve(name, new.token, REJECT)).holder == "bob"
    async with place.log() as log:
        assert await check_log(log) == 4
        events = [read_event(row.record) for row in (await log.page(0, 10))[1:]]
        assert [event.by for event in events if event is not None] == ["ann", "bob", "bob"]
