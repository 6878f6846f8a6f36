"""GPT through Azure OpenAI and Amazon Bedrock, each by the official SDK's own client; bodies are those of Responses.

Source: `openai.lib.azure` and `openai.lib.bedrock` of openai 3.52.
"""

from __future__ import annotations

from typing import TypeVar

import httpx2
import openai

from reviewer.providers.platform import Platform
from reviewer.providers.settings import ProviderSettings

# Signed with the rest of the headers, so that they must be ours before the signature.
_OURS = {"accept-encoding": "identity"}
_Client = TypeVar("_Client", bound=openai.AsyncOpenAI)


def _key(settings: ProviderSettings) -> str | None:
    return settings.api_key.get_secret_value().strip() or None


def _azure(settings: ProviderSettings, http_client: httpx2.AsyncClient) -> openai.AsyncAzureOpenAI:
    client = openai.AsyncAzureOpenAI(
        azure_endpoint=settings.base_url or "",
        api_version=settings.api_version,
        api_key=_key(settings),
        max_retries=0,
        http_client=http_client,
    )
    return _cleared(client)


def _bedrock(settings: ProviderSettings, http_client: httpx2.AsyncClient) -> openai.AsyncBedrockOpenAI:
    client = openai.AsyncBedrockOpenAI(
        aws_region=settings.region,
        api_key=_key(settings),
        base_url=settings.base_url or f"https://bedrock-mantle.{settings.region}.api.aws/openai/v1",
        max_retries=0,
        http_client=http_client,
    )
    return _cleared(client)


def _cleared(client: _Client) -> _Client:
    """Take out what the SDK read from the environment and has no argument against, as `openai_client.py` does."""
    client.organization = None
    client.project = None
    client._custom_headers = _OURS  # noqa: SLF001
    return client


_SDK = "openai:OpenAIError"
PLATFORMS = {
    "azure": Platform(
        make=_azure,
        path="/responses",
        request_id_header="apim-request-id",
        shape=dict,
        needs=("base_url", "api_version", "api_key"),
        faults=(_SDK,),
    ),
    "bedrock": Platform(
        make=_bedrock,
        path="/responses",
        request_id_header="x-amzn-requestid",
        shape=dict,
        needs=("region",),
        package="botocore",
        extra="bedrock",
        talkative=("botocore.auth",),
        faults=(_SDK, "botocore.exceptions:BotoCoreError"),
    ),
}
"""By the name that the settings use."""
