"""A service put together by hand, for parts that the composition root has no way to exchange."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, date, datetime, timedelta

import grpc
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

from reviewer.admission import Admission
from reviewer.budget import Budgets
from reviewer.config import BudgetSettings, DeadlineSettings, LimitSettings, ServerSettings
from reviewer.core.ids import uuid7
from reviewer.core.rulebook import Rulebook
from reviewer.core.ruling import RuleSet, always
from reviewer.critic import Critic
from reviewer.ledger.interface import Ledger
from reviewer.pipeline import Pipeline, World
from reviewer.provider_sections import ProviderSection
from reviewer.providers.breaker import BreakerPolicy
from reviewer.receipts import Receipts
from reviewer.rubrics.load import load_rulebook
from reviewer.serving.server import Server
from reviewer.serving.servicer import SERVICE, ReviewServicer
from reviewer.signing import Identity, SigningKey
from reviewer.simulate.script import Script
from reviewer.v1 import review_service_pb2_grpc as pb_grpc
from reviewer.vendors import open_provider
from tests.support.service import rules
from tests.support.subjects import RUBRICS
from tests.support.watched_provider import WatchedProvider


def shipped_rulebook() -> Rulebook:
    """Load the shipped rubrics."""
    rulebook, _ = load_rulebook(RUBRICS, today=date(2026, 11, 21))
    return rulebook


RECEIPTS = Receipts(Identity("example.com/log", SigningKey(Ed25519PrivateKey.generate())), timedelta(hours=1))


@asynccontextmanager
async def assembled(
    ledger: Ledger, rulebook: Rulebook, script: Script | None = None, *, breaker_failures: int = 5
) -> AsyncIterator[pb_grpc.ReviewServiceAsyncStub]:
    """Serve with this log and these rules, and give a stub to it; what no script answers is met throughout."""
    limits = LimitSettings()
    world = World(lambda: datetime.now(UTC), lambda moment: uuid7(moment, os.urandom(10)), os.urandom)
    async with AsyncExitStack() as stack:
        simulated = await stack.enter_async_context(WatchedProvider(script or rules()))
        section = ProviderSection(api_key=SecretStr("simulated"), base_url=simulated.base_url, simulated=True)
        provider = await stack.enter_async_context(open_provider("anthropic", section, 10))
        critic = Critic(
            {"anthropic": provider},
            max_attempts=1,
            min_model_s=0.5,
            breaker=BreakerPolicy(breaker_failures, 15),
            entropy=os.urandom,
        )
        admission = Admission(ledger, limits.max_in_flight, limits.retry_after_s)
        budgets = Budgets(ledger, BudgetSettings(), time.monotonic)
        pipeline = Pipeline(
            always(RuleSet(rulebook)), admission, critic, ledger, RECEIPTS, budgets, world, record_s=0.2
        )
        servicer = ReviewServicer(pipeline, admission, limits, DeadlineSettings())
        settings = ServerSettings(address="127.0.0.1:0", probe_interval_s=3600)
        server = await stack.enter_async_context(
            Server({SERVICE: servicer.handler()}, admission, critic, ledger, settings, limits)
        )
        options = [("grpc.enable_retries", 0)]
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(server.address, options=options))
        yield pb_grpc.ReviewServiceStub(channel)
