"""The composition root: opens everything in one place, in order, and closes it in reverse."""

from __future__ import annotations

import importlib.resources
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import grpc
from pydantic import SecretStr

from reviewer import discovery, sealing
from reviewer.admission import Admission
from reviewer.budget import Budgets, require_prices
from reviewer.canary import Canaries
from reviewer.config import Settings
from reviewer.core.canary import Canary, canaries_of
from reviewer.core.errors import ConfigError, Fault, LedgerUnavailableError
from reviewer.core.ids import uuid7
from reviewer.core.models import ModelCatalogue
from reviewer.core.rulebook import Rulebook
from reviewer.critic import Critic
from reviewer.ledger import stores
from reviewer.ledger.custody import Store
from reviewer.ledger.interface import Ledger
from reviewer.ledger.sealed import Means, SealedLedger
from reviewer.ledger.sequencer import Sequencer
from reviewer.ledger.tree import TreeLedger
from reviewer.pipeline import Pipeline, World
from reviewer.provider_sections import ProviderSection
from reviewer.providers.breaker import BreakerPolicy
from reviewer.providers.interface import ReviewerProvider
from reviewer.providers.line import LinePolicy
from reviewer.providers.settings import ProviderSettings
from reviewer.receipts import Receipts
from reviewer.reuse import Memory
from reviewer.rubrics.load import load_cases, load_rulebook
from reviewer.sealing import load_keyring
from reviewer.serving.log_servicer import LOG_SERVICE, VerdictLogServicer
from reviewer.serving.server import Server
from reviewer.serving.servicer import SERVICE, ReviewServicer
from reviewer.signing import Identity, create_key, load_identity
from reviewer.telemetry import logger

Wrap = Callable[[ReviewerProvider], ReviewerProvider]
_RECORD_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class App:
    """A running service."""

    server: Server
    ledger: Ledger
    rulebook: Rulebook
    canaries: Canaries


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
    now = datetime.now(UTC)
    rulebook, warnings = load_rulebook(rubric_directory(settings), today=now.date())
    for fault in warnings:
        logger().warning("rulebook_warning", where=fault.where, field=fault.field, message=fault.message)
    require_prices(settings.budget, rulebook)
    async with AsyncExitStack() as stack:
        ledger, identity, sequencer = await stack.enter_async_context(_open_log(settings))
        providers = await stack.enter_async_context(open_providers(settings, rulebook.catalogue, simulated, wrap))
        critic = Critic(
            providers,
            rulebook.catalogue,
            max_attempts=settings.critic.max_attempts,
            min_model_s=settings.deadline.min_model_s,
            breaker=BreakerPolicy(settings.critic.breaker_failures, settings.critic.breaker_open_s),
            entropy=os.urandom,
            lines=_line_policy(settings, rulebook),
            memory=Memory(settings.reuse.window_s, settings.reuse.max_entries),
        )
        admission = Admission(ledger, settings.limits.max_in_flight, settings.limits.retry_after_s)
        # Of the reserve, what is left after this goes to the reply.
        record_s = settings.deadline.reserve_s * _RECORD_SHARE
        receipts = Receipts(identity, timedelta(seconds=settings.signing.receipt_lifetime_s))
        budgets = Budgets(ledger, settings.budget, time.monotonic)
        world = World(_now, _new_id, os.urandom)
        pipeline = Pipeline(rulebook, admission, critic, ledger, receipts, budgets, world, record_s)
        pipeline.warm_up()
        canaries = await stack.enter_async_context(_watch(settings, rulebook, pipeline, critic))
        services = _services(settings, pipeline, admission, ledger)
        server = Server(services, admission, critic, sequencer, settings.server, settings.limits)
        await stack.enter_async_context(server)
        logger().info(
            "serving",
            address=server.address,
            rulebook=rulebook.digest,
            providers=sorted(providers),
            simulated=simulated is not None,
            log=stores.name_of(settings.ledger),
        )
        yield App(server, ledger, rulebook, canaries)


@asynccontextmanager
async def open_providers(
    settings: Settings,
    catalogue: ModelCatalogue,
    simulated: SimulatedEndpoints | None = None,
    wrap: Wrap | None = None,
) -> AsyncIterator[dict[str, ReviewerProvider]]:
    """Open the configured providers, by name; they are closed at the end, in reverse.

    Args:
        simulated, wrap: as for `open_app`.

    Raises:
        ConfigError: a provider's settings do not fit together.
    """
    async with AsyncExitStack() as stack:
        providers = {}
        for name, section in _configured(settings, simulated).items():
            _check_model_ids(name, section, catalogue)
            provider = open_provider(name, section, settings.limits.max_in_flight)
            providers[name] = await stack.enter_async_context(wrap(provider) if wrap else provider)
        yield providers


@asynccontextmanager
async def _open_log(settings: Settings) -> AsyncIterator[tuple[SealedLedger, Identity, Sequencer]]:
    """Open the log, its keys, and the sequencer that integrates once more before the log is closed."""
    async with open_ledger(settings) as ledger:
        identity = open_identity(settings)
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


def _services(
    settings: Settings, pipeline: Pipeline, admission: Admission, ledger: TreeLedger
) -> dict[str, grpc.GenericRpcHandler]:
    """Return what is served, by name."""
    return {
        SERVICE: ReviewServicer(pipeline, admission, settings.limits, settings.deadline).handler(),
        LOG_SERVICE: VerdictLogServicer(ledger, settings.audit).handler(),
    }


def _watch(settings: Settings, rulebook: Rulebook, pipeline: Pipeline, critic: Critic) -> Canaries:
    budget_s = settings.deadline.default_s - settings.deadline.reserve_s
    return Canaries(_canaries(settings, rulebook), pipeline, critic, settings.canary, budget_s, os.urandom)


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


def _canaries(settings: Settings, rulebook: Rulebook) -> tuple[Canary, ...]:
    """Load the canaries, unless none is to be shown; a rule set without any is warned of."""
    if not settings.canary.percent:
        return ()
    canaries = canaries_of([file for _, file in load_cases(rubric_directory(settings))], rulebook)
    if not canaries:
        logger().warning("no_canaries", rulebook=rulebook.digest)
    return canaries


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


def _line_policy(settings: Settings, rulebook: Rulebook) -> LinePolicy:
    """Read what holds for lines to models.

    Raises:
        ConfigError: a bound is for a model that is not in the catalogue, so that it would bind nobody.
    """
    critic = settings.critic
    unknown = sorted(name for name in critic.calls_per_model if rulebook.catalogue.find(name) is None)
    if unknown:
        raise ConfigError(tuple(Fault("critic.calls_per_model", name, "is not in models.yaml") for name in unknown))
    return LinePolicy(critic.max_calls_per_model, critic.calls_per_model, critic.hedge_percentile)


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
