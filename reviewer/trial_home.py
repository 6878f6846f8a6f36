"""Candidates on trial: the watch over them and their shadows, put together."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from reviewer import moments
from reviewer.admission import Admission
from reviewer.budget import Budgets
from reviewer.config import BudgetSettings, Settings
from reviewer.critic import Critic
from reviewer.ledger.interface import Ledger
from reviewer.pipeline import Pipeline, World
from reviewer.shadow import Bounds, Shadows
from reviewer.standing import Standing
from reviewer.trials import Means, TrialWatch


@asynccontextmanager
async def open_trials(  # noqa: PLR0913 - one a collaborator
    settings: Settings,
    standing: Standing,
    pipeline: Pipeline,
    admission: Admission,
    critic: Critic,
    ledger: Ledger,
    world: World,
) -> AsyncIterator[tuple[TrialWatch, Shadows]]:
    """Watch trials, and run the shadows of what the pipeline reviews, until left."""
    rollout, limits, deadline = settings.rollout, settings.limits, settings.deadline
    # An account of its own: what shadows cost is taken from nobody who calls.
    limit = round(rollout.shadow_max_usd_per_day * 1e6)
    money = BudgetSettings(tenant_daily_micro_usd=limit, reread_s=settings.budget.reread_s)
    budgets = Budgets(ledger, money, time.monotonic)
    busy = limits.max_in_flight * rollout.shadow_max_load_percent // 100
    bounds = Bounds(rollout, busy, deadline.default_s - deadline.reserve_s)
    means = Means(moments.now, moments.new_id, standing.tell)
    async with (
        TrialWatch(ledger, standing.stages, means, rollout) as trials,
        Shadows(pipeline, admission, critic, ledger, budgets, world, bounds) as shadows,
    ):
        shadows.look_on(lambda _: trials.nudge())
        yield trials, shadows
