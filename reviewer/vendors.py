"""The providers of a service: which are configured, how they are opened, and what their settings must fit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from pydantic import SecretStr

from reviewer import discovery
from reviewer.config import Settings
from reviewer.core.errors import ConfigError, Fault
from reviewer.core.models import ModelCatalogue
from reviewer.core.rulebook import Rulebook
from reviewer.provider_sections import ProviderSection
from reviewer.providers.interface import ReviewerProvider
from reviewer.providers.line import LinePolicy
from reviewer.providers.settings import ProviderSettings

Wrap = Callable[[ReviewerProvider], ReviewerProvider]


@dataclass(frozen=True, slots=True)
class SimulatedEndpoints:
    """Where the simulated provider listens; every configured provider is pointed there instead."""

    anthropic_url: str
    openai_url: str


@asynccontextmanager
async def open_providers(
    settings: Settings, sections: Mapping[str, ProviderSection], wrap: Wrap | None = None
) -> AsyncIterator[dict[str, ReviewerProvider]]:
    """Open providers, by name.

    Args:
        sections: see `configured`.
        wrap: given each provider before it is opened, returns what is to be used in its place.

    Raises:
        ConfigError: a provider's settings do not fit together.
    """
    async with AsyncExitStack() as stack:
        providers = {}
        for name, section in sections.items():
            provider = open_provider(name, section, settings.limits.max_in_flight)
            providers[name] = await stack.enter_async_context(wrap(provider) if wrap else provider)
        yield providers


@asynccontextmanager
async def open_configured(
    settings: Settings, catalogue: ModelCatalogue, wrap: Wrap | None = None
) -> AsyncIterator[dict[str, ReviewerProvider]]:
    """Open the real providers that are configured, for a command.

    Raises:
        ConfigError: a provider's settings do not fit together, or name a model that nobody knows.
    """
    sections = configured(settings, None)
    for name, section in sections.items():
        check_model_ids(name, section, catalogue)
    async with open_providers(settings, sections, wrap) as providers:
        yield providers


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


def configured(settings: Settings, simulated: SimulatedEndpoints | None) -> dict[str, ProviderSection]:
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


def line_policy(settings: Settings) -> LinePolicy:
    """Read what holds for lines to models."""
    critic = settings.critic
    return LinePolicy(critic.max_calls_per_model, critic.calls_per_model, critic.hedge_percentile)


def check_lines(settings: Settings, catalogue: ModelCatalogue) -> None:
    """Refuse a bound for a model that is not in the catalogue: it would bind nobody."""
    unknown = sorted(name for name in settings.critic.calls_per_model if catalogue.find(name) is None)
    if unknown:
        raise ConfigError(tuple(Fault("critic.calls_per_model", name, "is not in models.yaml") for name in unknown))


def check_providers(rulebook: Rulebook, inforce: Rulebook, opened: frozenset[str]) -> None:
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


def check_model_ids(name: str, section: ProviderSection, catalogue: ModelCatalogue) -> None:
    """Refuse a mapping of a model that nobody knows: the one that was meant would be asked for under a wrong id."""
    unknown = [model for model in getattr(section, "model_ids", {}) if catalogue.find(model) is None]
    if unknown:
        key = f"providers.{name}.model_ids"
        raise ConfigError(tuple([Fault(key, "", f"{model} is no model of models.yaml") for model in unknown]))


def _on_a_platform(section: ProviderSection) -> bool:
    """Whether credentials come from elsewhere, so that a provider without a key is configured all the same."""
    return getattr(section, "platform", "direct") != "direct"
