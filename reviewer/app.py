"""The composition root: opens everything in one place, in order, and closes it in reverse."""

from __future__ import annotations

import importlib.resources
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import grpc

from reviewer import moments
from reviewer.admission import Admission
from reviewer.budget import Budgets, require_prices
from reviewer.canary import Canaries
from reviewer.config import Settings
from reviewer.core.rulebook import Rulebook
from reviewer.critic import Critic
from reviewer.desk import Desk
from reviewer.ledger import stores
from reviewer.ledger.tree import TreeLedger
from reviewer.ledger.witnessing import Witnessing
from reviewer.log_home import means, serving_log
from reviewer.metrics import Metrics, RulesState
from reviewer.pipeline import Pipeline, World
from reviewer.provider_sections import ProviderSection
from reviewer.providers.breaker import BreakerPolicy
from reviewer.providers.interface import ReviewerProvider
from reviewer.receipts import Receipts
from reviewer.reuse import Memory
from reviewer.serving.faces import open_faces
from reviewer.serving.handoff_servicer import HANDOFF_SERVICE, HandoffServicer
from reviewer.serving.http_face import HttpFace
from reviewer.serving.log_servicer import LOG_SERVICE, VerdictLogServicer
from reviewer.serving.observing import Parts
from reviewer.serving.outcome_servicer import OUTCOME_SERVICE, OutcomeServicer
from reviewer.serving.rubric_servicer import RUBRIC_SERVICE, RubricServicer
from reviewer.serving.server import Server
from reviewer.serving.servicer import SERVICE, ReviewServicer
from reviewer.shadow import Shadows
from reviewer.standing import Place, Standing
from reviewer.telemetry import logger
from reviewer.trial_home import open_trials
from reviewer.trials import TrialWatch
from reviewer.vendors import (
    SimulatedEndpoints,
    Wrap,
    check_lines,
    check_model_ids,
    check_providers,
    configured,
    line_policy,
    open_providers,
)

_RECORD_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class App:
    """A running service.

    Attributes:
        faces: what is served over HTTP, by the address that was configured.
    """

    server: Server
    ledger: TreeLedger
    standing: Standing
    canaries: Canaries
    trials: TrialWatch
    shadows: Shadows
    faces: Mapping[str, HttpFace]

    @property
    def rulebook(self) -> Rulebook:
        """The rules in force."""
        return self.standing.rules.rulebook


@asynccontextmanager
async def open_app(
    settings: Settings, simulated: SimulatedEndpoints | None = None, wrap: Wrap | None = None
) -> AsyncIterator[App]:
    """Open log, rules, providers and server; serving begins when this yields.

    Args:
        wrap: given each provider before it is opened, returns what is to be used in its place.

    Raises:
        ConfigError: the server's address cannot be listened on, a key of the log is missing, a budget cannot be kept,
            a bound is for a model that nobody knows, or a provider's settings do not fit together.
        RubricError: a rubric, routing or model file is invalid.
        LedgerUnavailableError: there is no log where the settings say, or its server cannot be reached.
    """
    sections = configured(settings, simulated)
    async with AsyncExitStack() as stack:
        ledger, identity, sequencer = await stack.enter_async_context(serving_log(settings))
        standing = await stack.enter_async_context(Standing(ledger, _place(settings, sections)))
        providers = await stack.enter_async_context(open_providers(settings, sections, wrap))
        critic = _critic(settings, providers)
        admission = Admission(ledger, settings.limits.max_in_flight, settings.limits.retry_after_s)
        # Of the reserve, what is left after this goes to the reply.
        record_s = settings.deadline.reserve_s * _RECORD_SHARE
        receipts = Receipts(identity, timedelta(seconds=settings.signing.receipt_lifetime_s))
        budgets = Budgets(ledger, settings.budget, time.monotonic)
        world = World(moments.now, moments.new_id, os.urandom)
        lifetime = timedelta(seconds=settings.handoff.lifetime_s)
        pipeline = Pipeline(standing.of, admission, critic, ledger, receipts, budgets, world, record_s, lifetime)
        pipeline.keep(settings.replay.bytes_kept)
        canaries = await stack.enter_async_context(_watch(settings, standing, pipeline, critic))
        trials, shadows = await stack.enter_async_context(
            open_trials(settings, standing, pipeline, admission, critic, ledger, world)
        )
        witnessing = await stack.enter_async_context(Witnessing(ledger, settings.witness))
        metrics = _measure(settings, pipeline, canaries, trials, shadows)
        parts = Parts(admission, critic, ledger, sequencer, witnessing, lambda: _rules_state(standing))
        faces = await stack.enter_async_context(open_faces(settings, identity, parts, metrics))
        desk = await stack.enter_async_context(Desk(ledger, settings.handoff, means(), lambda: admission.draining))
        services = _services(settings, pipeline, admission, ledger, desk)
        services[RUBRIC_SERVICE] = RubricServicer(standing, settings.rules.admin_tenants, trials).handler()
        server = Server(services, admission, critic, sequencer, settings.server, settings.limits)
        await stack.enter_async_context(server)
        logger().info(
            "serving",
            address=server.address,
            rulebook=standing.status.rulebook,
            release=standing.status.release,
            providers=sorted(providers),
            simulated=simulated is not None,
            log=stores.name_of(settings.ledger),
            http=[face.address for face in faces.values()],
        )
        yield App(server, ledger, standing, canaries, trials, shadows, faces)


def _critic(settings: Settings, providers: Mapping[str, ReviewerProvider]) -> Critic:
    return Critic(
        providers,
        max_attempts=settings.critic.max_attempts,
        min_model_s=settings.deadline.min_model_s,
        breaker=BreakerPolicy(settings.critic.breaker_failures, settings.critic.breaker_open_s),
        entropy=os.urandom,
        lines=line_policy(settings),
        memory=Memory(settings.reuse.window_s, settings.reuse.max_entries),
    )


def _measure(
    settings: Settings, pipeline: Pipeline, canaries: Canaries, trials: TrialWatch, shadows: Shadows
) -> Metrics | None:
    """Have reviews, canaries and trials counted where somebody may ask for metrics."""
    if not settings.monitor.metrics_address:
        return None
    metrics = Metrics()
    pipeline.look_on(metrics.reviewed)
    canaries.look_on(metrics.examined)
    trials.look_on(metrics.rolled_back)
    shadows.look_on(metrics.shadowed)
    return metrics


def _rules_state(standing: Standing) -> RulesState:
    now = standing.status
    return RulesState(
        now.rulebook, now.release, now.load_s, now.reloads_ok, now.reloads_failed, failing=bool(now.error)
    )


def _services(
    settings: Settings, pipeline: Pipeline, admission: Admission, ledger: TreeLedger, desk: Desk
) -> dict[str, grpc.GenericRpcHandler]:
    """Return what is served, by name."""
    return {
        SERVICE: ReviewServicer(pipeline, admission, settings.limits, settings.deadline).handler(),
        LOG_SERVICE: VerdictLogServicer(ledger, settings.audit).handler(),
        HANDOFF_SERVICE: HandoffServicer(desk, settings).handler(),
        OUTCOME_SERVICE: OutcomeServicer(desk).handler(),
    }


def _place(settings: Settings, sections: Mapping[str, ProviderSection]) -> Place:
    """Say where rules come from, and what they must fit."""

    def fits(rulebook: Rulebook, inforce: Rulebook | None) -> None:
        require_prices(settings.budget, rulebook)
        check_lines(settings, rulebook.catalogue)
        for name, section in sections.items():
            check_model_ids(name, section, rulebook.catalogue)
        if inforce is not None:
            check_providers(rulebook, inforce, frozenset(sections))

    directory, with_canaries = rubric_directory(settings), settings.canary.percent > 0
    return Place(directory, settings.rules, fits, moments.now, moments.new_id, with_canaries)


def _watch(settings: Settings, standing: Standing, pipeline: Pipeline, critic: Critic) -> Canaries:
    budget_s = settings.deadline.default_s - settings.deadline.reserve_s
    return Canaries(lambda: standing.rules, pipeline, critic, settings.canary, budget_s, os.urandom)


def rubric_directory(settings: Settings) -> Path:
    """Return where rubrics are: as configured, else beside the package's checkout, else in the installed package."""
    if settings.rubrics.directory is not None:
        return settings.rubrics.directory
    package = Path(str(importlib.resources.files("reviewer")))
    beside = package.parent / "rubrics"
    return beside if (beside / "routing.yaml").is_file() else package / "_rubrics"
