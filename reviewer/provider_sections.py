"""The sections of the settings that are about providers, and what all sections are made of.

How they are read, and from where, is `reviewer.config`; what a provider makes of its own, `reviewer.providers`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

Seconds = Annotated[float, Field(gt=0, le=3600)]


class Section(BaseModel):
    """Base of sections: frozen, unknown keys are faults."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class ProviderSection(Section):
    """One second-model provider.

    Attributes:
        api_key: never shown; from the environment rather than the file, if you can.
        base_url: None takes the provider's public API.
        effort: reasoning effort in the provider's own word.
        simulated: marks every review that this provider touched as simulated.
    """

    api_key: SecretStr | None = None
    base_url: Annotated[str, Field(pattern=r"^https?://\S+$")] | None = None
    connect_timeout_s: Seconds = 5.0
    effort: str | None = None
    simulated: bool = False


ModelIds = dict[str, Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,255}$")]]
Label = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.:-]{0,62}$")]


class AnthropicSection(ProviderSection):
    """Claude.

    Attributes:
        platform: whose service is asked; on Bedrock and Vertex the platform's own tools give the credentials.
        region: Bedrock and Vertex only.
        project: Vertex only.
        model_ids: the platform's id for a model of the catalogue.
    """

    platform: Literal["direct", "bedrock", "vertex", "foundry"] = "direct"
    region: Label | None = None
    project: Label | None = None
    model_ids: ModelIds = {}


class OpenAISection(ProviderSection):
    """GPT.

    Attributes:
        platform: whose service is asked; for Azure `base_url` is the resource's endpoint.
        region: Bedrock only.
        api_version: Azure only.
        model_ids: Azure's deployment, or Bedrock's id, for a model of the catalogue.
    """

    platform: Literal["direct", "azure", "bedrock"] = "direct"
    region: Label | None = None
    api_version: Label | None = None
    model_ids: ModelIds = {}


class CompatibleSection(ProviderSection):
    """A gateway that speaks OpenAI's Chat Completions.

    Attributes:
        output_limit_field: what the gateway calls the bound on output tokens.
    """

    output_limit_field: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"


class DecisionsSection(ProviderSection):
    """OpenAI's Decisions, for screening.

    Attributes:
        met_threshold: probability from which a question counts as met; calibrate it on labelled cases of your own.
    """

    met_threshold: Annotated[float, Field(gt=0.5, le=1)] = 0.97


class ProvidersSettings(Section):
    """The providers; one without key and address is not opened."""

    anthropic: AnthropicSection = AnthropicSection()
    openai: OpenAISection = OpenAISection()
    openai_compatible: CompatibleSection = CompatibleSection()
    openai_decisions: DecisionsSection = DecisionsSection()
