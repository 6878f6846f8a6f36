"""Budgets over the whole service: when the money is used up nobody is asked, nothing is approved, and callers know."""

from __future__ import annotations

import asyncio
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
from structlog.testing import capture_logs

from reviewer.client import ReviewClient
from reviewer.core.errors import ConfigError
from reviewer.v1.review_pb2 import Review
from tests.e2e.conftest import Serve
from tests.support.service import Service, causes, rules, running, verdicts
from tests.support.subjects import RUBRICS, subject

AT_ONCE = 50
SLACK = 1000
"""Micro-USD by which estimates of one subject differ: the attention checks name another word in each call."""


async def estimate(serve: Serve) -> int:
    """Return what the service sets aside for one review of the usual subject, at most, by its own event."""
    service = await serve(budget={"tenants": {"probe": 0}})
    with capture_logs() as events:
        async with ReviewClient(service.app.server.address, tenant="probe") as client:
            assert causes(await client.review(subject())) == {"budget_exhausted"}
    (amount,) = [event["estimate_micro_usd"] for event in events if event["event"] == "budget_exhausted"]
    assert isinstance(amount, int)
    assert amount > 10 * SLACK
    return amount + SLACK


async def spent(service: Service, tenant: str = "default") -> int:
    """Return what the log says that a tenant has spent today."""
    return (await service.app.ledger.spending(tenant, datetime.now(UTC).date())).micro_usd


async def test_many_at_once_cannot_overspend(serve: Serve) -> None:
    """With a budget for three, of fifty reviews at once three are made and the others wait for a person."""
    one = await estimate(serve)
    service = await serve(budget={"tenant_daily_micro_usd": one * 3 + one // 2})
    service.provider.gate.clear()
    asked = [asyncio.create_task(service.review(subject())) for _ in range(AT_ONCE)]
    handed_off: list[Review] = []
    for done in asyncio.as_completed(asked):
        handed_off.append(await done)
        if len(handed_off) == AT_ONCE - 3:
            break
    service.provider.gate.set()
    reviews = await asyncio.gather(*asked)

    assert len(service.provider.bodies) == 3
    assert sorted(verdicts(reviews)) == ["APPROVE"] * 3 + ["HUMAN_HANDOFF"] * (AT_ONCE - 3)
    for review in handed_off:
        assert causes(review) == {"budget_exhausted"}
        assert (len(review.model_calls), review.handoff.name[:9]) == (0, "handoffs/")
    known = [call.cost_micro_usd for review in reviews for call in review.model_calls]
    assert await spent(service) == sum(known) <= one * 3


async def test_a_budget_outlives_the_process(serve: Serve, tmp_path: Path) -> None:
    """What is used up stays so for the next process on the same log; other tenants have their own."""
    one = await estimate(serve)
    budget = {"tenant_daily_micro_usd": one}
    service = await serve(budget=budget)
    assert verdicts([await service.review(subject())]) == ["APPROVE"]
    cost = await spent(service)
    assert 0 < cost <= one
    assert causes(await service.review(subject())) == {"budget_exhausted"}
    async with running(tmp_path, budget=budget) as later:
        assert causes(await later.review(subject())) == {"budget_exhausted"}
        assert later.provider.bodies == []
        async with ReviewClient(later.app.server.address, tenant="globex") as globex:
            assert verdicts([await globex.review(subject())]) == ["APPROVE"]
        assert await spent(later) == cost
        assert abs(await spent(later, "globex") - cost) < SLACK


async def test_replays_cost_nothing(serve: Serve) -> None:
    """A stored review is answered again whatever is left of the budget, and costs nothing."""
    one = await estimate(serve)
    service = await serve(budget={"tenant_daily_micro_usd": one})
    first = await service.review(subject(request_id="r-1"))
    cost = await spent(service)
    for _ in range(3):
        assert (await service.review(subject(request_id="r-1"))).name == first.name
    assert await spent(service) == cost
    assert len(service.provider.bodies) == 1


async def test_refusing(serve: Serve) -> None:
    """Told to refuse, the service fails the call until midnight, records nothing, and asks nobody."""
    service = await serve(budget={"tenant_daily_micro_usd": 0, "on_exhausted": "refuse"})
    refused = await service.refusal(subject())

    assert (refused.code, refused.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "BUDGET_EXHAUSTED")
    assert refused.retry_s is not None
    assert 0 <= refused.retry_s <= 24 * 3600
    assert (await service.entries(), service.provider.bodies) == ((), [])


@pytest.mark.parametrize("on_exhausted", ["handoff", "refuse"])
async def test_what_asks_nobody_needs_no_money(serve: Serve, on_exhausted: str) -> None:
    """A low-tier review that no model is asked for is made as ever."""
    service = await serve(budget={"tenant_daily_micro_usd": 0, "on_exhausted": on_exhausted})
    texts = [f"You can change that in the settings, under profile, page {number}." for number in range(20)]
    made = []
    for text in texts:
        asked = subject(text, asked="where do i change my picture?", intent="support.general")
        try:
            made.append(await service.review(asked))
        except grpc.aio.AioRpcError:
            continue
    unasked = [review for review in made if not review.route.full_review]

    assert len(unasked) > 10
    assert not any("budget_exhausted" in causes(review) for review in unasked)
    assert "APPROVE" in verdicts(unasked)
    assert "APPROVE" not in verdicts([review for review in made if review.route.full_review])


async def test_a_caller_who_leaves_pays_all_the_same(serve: Serve) -> None:
    """The model was asked for a caller who went away: the budget does not pay for as many as hang up in time."""
    one = await estimate(serve)
    service = await serve(budget={"tenant_daily_micro_usd": 3 * one + one // 2})
    service.provider.gate.clear()
    for number in range(1, 4):
        left = asyncio.create_task(service.review(subject()))
        await service.provider.arrived(number)
        left.cancel()
        await service.provider.left(number)
    service.provider.gate.set()

    review = await service.review(subject())
    assert (verdicts([review]), causes(review)) == (["HUMAN_HANDOFF"], {"budget_exhausted"})
    assert not review.model_calls


@pytest.mark.parametrize(
    "budget", [{"tenant_daily_micro_usd": 1}, {"tenants": {"acme": 0}}], ids=["every tenant", "one tenant"]
)
async def test_a_model_without_a_price_has_no_budget(tmp_path: Path, budget: dict[str, Any]) -> None:
    """With any budget set the service does not start over a model of unknown price, and names route and model."""
    directory = tmp_path / "rubrics"
    shutil.copytree(RUBRICS, directory)
    routing = directory / "routing.yaml"
    routing.write_text(routing.read_text("utf-8").replace("gpt-5.5-2026-04-23", "gpt-4.1-2025-04-14"), "utf-8")
    rubrics = {"directory": directory}
    with pytest.raises(ConfigError) as refused:
        async with running(tmp_path, rules(), rubrics=rubrics, budget=budget):
            pass
    said = str(refused.value)
    assert {fault.where for fault in refused.value.faults} == {"budget"}
    assert "route health asks gpt-4.1-2025-04-14" in said
    assert "route unknown_intent asks gpt-4.1-2025-04-14" in said
    assert "claude" not in said
    async with running(tmp_path, rules(), rubrics=rubrics) as service:
        assert verdicts([await service.review(subject())]) == ["APPROVE"]
