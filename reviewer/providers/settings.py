"""What an adapter must know to reach its provider: plain values, read from the configuration by somebody else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import SecretStr


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """One configured provider.

    Attributes:
        name: the name by which routes and records call it; two gateways of one kind have two names.
        base_url: root of the API, `/v1` included where the provider has it; None for the provider's public one.
        api_key: sent as a bearer token and shown nowhere; may be empty for `openai_compatible`, and on platforms that
            have credentials of their own.
        max_connections: as many calls may be in flight, further ones wait for a connection.
        connect_timeout_s: seconds for the TCP and TLS handshake; the rest of a call is bounded by its caller.
        simulated: every answer of this provider is to be marked as simulated, whatever its headers say.
        effort: the provider's own word for reasoning effort, sent as it is; None sends none.
        platform: whose service is asked: `direct` is the vendor's own, others see `anthropic_platforms.py` and
            `openai_platforms.py`.
        region, project, api_version: what the platform needs of them.
        model_ids: the platform's id for an id of the catalogue; one that is not named is sent as it is.
        met_threshold: `openai_decisions` only: probability from which a question counts as met.
        output_limit_field: `openai_compatible` only: gateways before 2025 know the older name.
    """

    name: str
    base_url: str | None
    api_key: SecretStr
    max_connections: int = 512
    connect_timeout_s: float = 5.0
    simulated: bool = False
    effort: str | None = None
    platform: str = "direct"
    region: str | None = None
    project: str | None = None
    api_version: str | None = None
    model_ids: Mapping[str, str] = field(default_factory=dict)
    met_threshold: float = 0.97
    output_limit_field: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
