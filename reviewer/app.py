"""The composition root: opens everything in one place, in order, and closes it in reverse."""

from __future__ import annotations

import importlib.resources
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

import grpc
from pydantic import SecretStr

from reviewer import discovery, sealing
from reviewer.admission import Admission
from reviewer.budget import Budgets, require_prices
from reviewer.canary import Canaries
from reviewer.config import Settings
from reviewer.core.errors import ConfigError, Fault, LedgerUnavailableError
from reviewer.core.events import signing_key_change
from reviewer.core.ids import uuid7
from reviewer.core.models import ModelCatalogue
from reviewer.core.rulebook import Rulebook
from reviewer.critic import Critic
from reviewer.desk import Desk
from reviewer.ledger import stores
from reviewer.ledger.custody import Store
from reviewer.ledger.sealed import Means, SealedLedger
from reviewer.ledger.sequencer import Sequencer
from reviewer.ledger.tree import TreeLedger
from reviewer.ledger.witnessing import Witnessing
from reviewer.metrics import Metrics, RulesState
from reviewer.pipeline import Pipeline, World
from reviewer.provider_sections import ProviderSection
from reviewer.providers.breaker import BreakerPolicy
from reviewer.providers.interface import ReviewerProvider
from reviewer.providers.line import LinePolicy
from reviewer.providers.settings import ProviderSettings
from reviewer.receipts import Receipts
from reviewer.reuse import Memory
from reviewer.sealing import load_keyring
from reviewer.serving.faces import open_faces
from reviewer.serving.handoff_servicer import HANDOFF_SERVICE, HandoffServicer
from reviewer.serving.http_face import HttpFace
from reviewer.serving.log_servicer import LOG_SERVICE, VerdictLogServicer
from reviewer.serving.observing import Parts
from reviewer.serving.outcome_servicer import OUTCOME_SERVICE, OutcomeServicer
from reviewer.serving.rubric_servicer import RUBRIC_SERVICE, RubricServicer
from reviewer.serving.server import Server
from reviewer.serving.servicer import SERVICE, ReviewServicer
from reviewer.signing import Identity, create_key, load_identity
from reviewer.standing import Place, Standing
from reviewer.telemetry import logger

Wrap = Callable[[ReviewerProvider], ReviewerProvider]
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
    faces: Mapping[str, HttpFace]

    @property
    def rulebook(self) -> Rulebook:
        """The rules in force."""
        return self.standing.rules.rulebook


@dataclass(frozen=True, slots=True)
class SimulatedEndpoints:
    """Where the simulated provider listens; every configured provider is pointed there instead."""

    anthropic_url: str
    openai_url: str


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
    sections = _configured(settings, simulated)
    async with AsyncExitStack() as stack:
        ledger, identity, sequencer = await stack.enter_async_context(_open_log(settings))
        standing = await stack.enter_async_context(Standing(ledger, _place(settings, sections)))
        providers = {}
        for name, section in sections.items():
            provider = open_provider(name, section, settings.limits.max_in_flight)
            providers[name] = await stack.enter_async_context(wrap(provider) if wrap else provider)
        critic = Critic(
            providers,
            max_attempts=settings.critic.max_attempts,
            min_model_s=settings.deadline.min_model_s,
            breaker=BreakerPolicy(settings.critic.breaker_failures, settings.critic.breaker_open_s),
            entropy=os.urandom,
            lines=_line_policy(settings),
            memory=Memory(settings.reuse.window_s, settings.reuse.max_entries),
        )
        admission = Admission(ledger, settings.limits.max_in_flight, settings.limits.retry_after_s)
        # Of the reserve, what is left after this goes to the reply.
        record_s = settings.deadline.reserve_s * _RECORD_SHARE
        receipts = Receipts(identity, timedelta(seconds=settings.signing.receipt_lifetime_s))
        budgets = Budgets(ledger, settings.budget, time.monotonic)
        world = World(_now, _new_id, os.urandom)
        lifetime = timedelta(seconds=settings.handoff.lifetime_s)
        pipeline = Pipeline(standing.of, admission, critic, ledger, receipts, budgets, world, record_s, lifetime)
        canaries = await stack.enter_async_context(_watch(settings, standing, pipeline, critic))
        witnessing = await stack.enter_async_context(Witnessing(ledger, settings.witness))
        metrics = _measure(settings, pipeline, canaries)
        parts = Parts(admission, critic, ledger, sequencer, witnessing, lambda: _rules_state(standing))
        faces = await stack.enter_async_context(open_faces(settings, identity, parts, metrics))
        means = Means(_now, _new_id, os.urandom)
        desk = await stack.enter_async_context(Desk(ledger, settings.handoff, means, lambda: admission.draining))
        services = _services(settings, pipeline, admission, ledger, desk)
        services[RUBRIC_SERVICE] = RubricServicer(standing, settings.rules.admin_tenants).handler()
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
        yield App(server, ledger, standing, canaries, faces)


@asynccontextmanager
async def _open_log(settings: Settings) -> AsyncIterator[tuple[SealedLedger, Identity, Sequencer]]:
    """Open the log, its keys, and the sequencer that integrates once more before the log is closed."""
    async with open_ledger(settings) as ledger:
        identity = open_identity(settings)
        now = _now()
        change = partial(signing_key_change, identity.key.public.key_id, str(_new_id(now)), now)
        await ledger.note_signing_key(identity.key.public.key_id, change)
        async with Sequencer(ledger, identity, settings.ledger.checkpoint_interval_s, _now) as sequencer:
            yield ledger, identity, sequencer


def open_ledger(settings: Settings) -> SealedLedger:
    """Build the log with its contents readable; nothing is opened before it is entered.

    Raises:
        LedgerUnavailableError: there is no log at the configured path, which is told before that its keys are missing.
        ConfigError: a key-encryption key is missing or invalid.
    """
    if settings.ledger.store == "sqlite" and not settings.ledger.path.exists():
        raise LedgerUnavailableError(f"{settings.ledger.path.name}: there is no log; `reviewer log init` makes one")
    encryption = settings.encryption
    key = encryption.key.get_secret_value()
    keyring = load_keyring(_kek_file(settings), encryption.former_key_files, key)
    return SealedLedger(open_records(settings), keyring, Means(_now, _new_id, os.urandom), encryption.rotate_days)


def open_records(settings: Settings) -> Store:
    """Build the log without its keys: records can be read, contents cannot."""
    return stores.open_log(settings.ledger)


def _measure(settings: Settings, pipeline: Pipeline, canaries: Canaries) -> Metrics | None:
    """Have reviews and canaries counted where somebody may ask for metrics."""
    if not settings.monitor.metrics_address:
        return None
    metrics = Metrics()
    pipeline.look_on(metrics.reviewed)
    canaries.look_on(metrics.examined)
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
        _check_lines(settings, rulebook.catalogue)
        for name, section in sections.items():
            _check_model_ids(name, section, rulebook.catalogue)
        if inforce is not None:
            _check_providers(rulebook, inforce, frozenset(sections))

    directory, with_canaries = rubric_directory(settings), settings.canary.percent > 0
    return Place(directory, settings.rules, fits, _now, _new_id, with_canaries)


def _watch(settings: Settings, standing: Standing, pipeline: Pipeline, critic: Critic) -> Canaries:
    budget_s = settings.deadline.default_s - settings.deadline.reserve_s
    return Canaries(lambda: standing.rules, pipeline, critic, settings.canary, budget_s, os.urandom)


def create_log(settings: Settings) -> None:
    """Create an empty log, and keys for it where there are none yet.

    Raises:
        LedgerUnavailableError: a log is there already, or cannot be created.
        ConfigError: a key cannot be created.
    """
    stores.create(settings.ledger)
    _make_keys(settings)


def upgrade_log(settings: Settings) -> int:
    """Bring an older log up to date, and make keys for it where there are none yet; return the number of steps taken.

    Raises:
        LedgerUnavailableError: there is no log, or none that can be brought up to date.
        ConfigError: a key cannot be created.
    """
    steps = stores.upgrade(settings.ledger)
    _make_keys(settings)
    return steps


def _make_keys(settings: Settings) -> None:
    if not _key_file(settings).exists():
        create_key(_key_file(settings))
    if not settings.encryption.key.get_secret_value() and not _kek_file(settings).exists():
        sealing.create_key(_kek_file(settings))


def open_identity(settings: Settings) -> Identity:
    """Read the log's name and keys.

    Raises:
        ConfigError: a key is missing or invalid.
    """
    return load_identity(settings.signing.origin, _key_file(settings), settings.signing.former_keys)


def _key_file(settings: Settings) -> Path:
    path = settings.ledger.path
    return settings.signing.key_file or path.with_name(f"{path.name}.key")


def _kek_file(settings: Settings) -> Path:
    path = settings.ledger.path
    return settings.encryption.key_file or path.with_name(f"{path.name}.kek")


def rubric_directory(settings: Settings) -> Path:
    """Return where rubrics are: as configured, else beside the package's checkout, else in the installed package."""
    if settings.rubrics.directory is not None:
        return settings.rubrics.directory
    package = Path(str(importlib.resources.files("reviewer")))
    beside = package.parent / "rubrics"
    return beside if (beside / "routing.yaml").is_file() else package / "_rubrics"


def open_provider(name: str, section: ProviderSection, max_connections: int) -> ReviewerProvider:
    """Build a provider's adapter; nothing connects yet. The SDK is imported here, and only if it is needed."""
    settings = ProviderSettings(
        name=name,
        api_key=section.api_key or SecretStr(""),
        max_connections=max_connections,
        # What only some sections have keeps its default for the others.
        **section.model_dump(exclude={"api_key"}),
    )
    provider: ReviewerProvider = discovery.load("providers", name, "PROVIDER")(settings)
    return provider


def _configured(settings: Settings, simulated: SimulatedEndpoints | None) -> dict[str, ProviderSection]:
    """The providers to open: those with a key or, for a gateway, an address; all of them where simulated."""
    sections: dict[str, ProviderSection] = {
        "anthropic": settings.providers.anthropic,
        "openai": settings.providers.openai,
        "openai_compatible": settings.providers.openai_compatible,
        "openai_decisions": settings.providers.openai_decisions,
    }
    if simulated is None:
        return {
            name: section
            for name, section in sections.items()
            if section.api_key or (name == "openai_compatible" and section.base_url) or _on_a_platform(section)
        }
    # No key of the real provider may reach the simulated one, which is no platform.
    return {
        name: section.model_copy(
            update={
                "api_key": SecretStr("simulated"),
                "base_url": simulated.anthropic_url if name == "anthropic" else simulated.openai_url,
                "simulated": True,
                **({"platform": "direct", "model_ids": {}} if _on_a_platform(section) else {}),
            }
        )
        for name, section in sections.items()
    }


def _line_policy(settings: Settings) -> LinePolicy:
    """Read what holds for lines to models."""
    critic = settings.critic
    return LinePolicy(critic.max_calls_per_model, critic.calls_per_model, critic.hedge_percentile)


def _check_lines(settings: Settings, catalogue: ModelCatalogue) -> None:
    """Refuse a bound for a model that is not in the catalogue: it would bind nobody."""
    unknown = sorted(name for name in settings.critic.calls_per_model if catalogue.find(name) is None)
    if unknown:
        raise ConfigError(tuple(Fault("critic.calls_per_model", name, "is not in models.yaml") for name in unknown))


def _check_providers(rulebook: Rulebook, inforce: Rulebook, opened: frozenset[str]) -> None:
    """Refuse rules by which a route would lose its last reviewer that this service can ask.

    A service that was started so, without a key say, hands off and goes on doing so: that is its operator's decision.
    """
    before, after = _unserved(inforce, opened), _unserved(rulebook, opened)
    lost = {route: names for route, names in after.items() if route not in before}
    if lost:
        message = "of its providers, none is configured here: {}"
        raise ConfigError(tuple(Fault(f"route {route}", "", message.format(lost[route])) for route in sorted(lost)))


def _unserved(rulebook: Rulebook, opened: frozenset[str]) -> dict[str, str]:
    """Return the routes whose reviewers are all at providers that are not opened, with those providers' names."""
    routing = rulebook.routing
    asked = {route.id: {routing.reviewer(name).provider for name in route.reviewers} for route in routing.all_routes}
    return {route: ", ".join(sorted(names)) for route, names in asked.items() if names and not names & opened}


def _check_model_ids(name: str, section: ProviderSection, catalogue: ModelCatalogue) -> None:
    """Refuse a mapping of a model that nobody knows: the one that was meant would be asked for under a wrong id."""
    unknown = [model for model in getattr(section, "model_ids", {}) if catalogue.find(model) is None]
    if unknown:
        key = f"providers.{name}.model_ids"
        raise ConfigError(tuple([Fault(key, "", f"{model} is no model of models.yaml") for model in unknown]))


def _on_a_platform(section: ProviderSection) -> bool:
    """Whether credentials come from elsewhere, so that a provider without a key is configured all the same."""
    return getattr(section, "platform", "direct") != "direct"


def _now() -> datetime:
    return datetime.now(UTC)


def _new_id(moment: datetime) -> UUID:
    return uuid7(moment, os.urandom(10))
