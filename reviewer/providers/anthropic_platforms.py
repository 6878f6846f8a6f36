"""Claude through Amazon Bedrock, Google Vertex AI and Azure AI Foundry, each by the official SDK's own client.

Bodies are those of Messages; Bedrock and Vertex name the model in the path and a version in the body. Source:
`anthropic.lib.bedrock`, `anthropic.lib.vertex` and `anthropic.lib.foundry` of anthropic 2.11.
"""

from __future__ import annotations

import anthropic
import httpx2

from reviewer.providers.platform import Platform
from reviewer.providers.settings import ProviderSettings

# Signed with the rest of the headers, so that they must be ours before the signature.
_OURS = {"accept-encoding": "identity"}
_VERSION = "2026-10-21"
_VERTEX_HOSTS = {
    "global": "aiplatform.googleapis.com",
    "us": "aiplatform.us.rep.googleapis.com",
    "eu": "aiplatform.eu.rep.googleapis.com",
}


def _key(settings: ProviderSettings) -> str | None:
    return settings.api_key.get_secret_value().strip() or None


def _bedrock(settings: ProviderSettings, http_client: httpx2.AsyncClient) -> anthropic.AsyncAnthropicBedrock:
    client = anthropic.AsyncAnthropicBedrock(
        aws_region=settings.region,
        api_key=_key(settings),
        base_url=settings.base_url or f"https://bedrock-runtime.{settings.region}.amazonaws.com",
        max_retries=0,
        open_telemetry=False,
        http_client=http_client,
    )
    # The SDK adds headers from ANTHROPIC_CUSTOM_HEADERS and has no argument against it; here and below.
    client._custom_headers = _OURS  # noqa: SLF001
    return client


def _vertex(settings: ProviderSettings, http_client: httpx2.AsyncClient) -> anthropic.AsyncAnthropicVertex:
    region = settings.region or ""
    host = _VERTEX_HOSTS.get(region, f"{region}-aiplatform.googleapis.com")
    client = anthropic.AsyncAnthropicVertex(
        region=region,
        project_id=settings.project or "",
        access_token=_key(settings),
        base_url=settings.base_url or f"https://{host}/v1",
        max_retries=0,
        open_telemetry=False,
        http_client=http_client,
    )
    client._custom_headers = _OURS  # noqa: SLF001
    return client


def _foundry(settings: ProviderSettings, http_client: httpx2.AsyncClient) -> anthropic.AsyncAnthropicFoundry:
    client = anthropic.AsyncAnthropicFoundry(
        base_url=settings.base_url or "",
        api_key=_key(settings),
        max_retries=0,
        open_telemetry=False,
        http_client=http_client,
    )
    client._custom_headers = _OURS  # noqa: SLF001
    return client


def _model_in_path(body: dict[str, object]) -> dict[str, object]:
    return {"anthropic_version": _VERSION, **{name: value for name, value in body.items() if name != "model"}}


_SDK = "anthropic:AnthropicError"
_LOG = "anthropic._base_client"
PLATFORMS = {
    "bedrock": Platform(
        make=_bedrock,
        path="/model/{model}/invoke",
        request_id_header="x-amzn-requestid",
        shape=_model_in_path,
        needs=("region",),
        package="boto3",
        extra="bedrock",
        talkative=(_LOG, "botocore.auth"),
        faults=(_SDK, "botocore.exceptions:BotoCoreError"),
    ),
    "vertex": Platform(
        make=_vertex,
        path="/projects/{project}/locations/{region}/publishers/anthropic/models/{model}:rawPredict",
        request_id_header="request-id",
        shape=_model_in_path,
        needs=("region", "project"),
        package="google.auth",
        extra="vertex",
        talkative=(_LOG,),
        faults=(_SDK, "google.auth.exceptions:GoogleAuthError"),
    ),
    "foundry": Platform(
        make=_foundry,
        path="/v1/messages",
        request_id_header="request-id",
        shape=dict,
        needs=("base_url", "api_key"),
        talkative=(_LOG,),
        faults=(_SDK,),
    ),
}
"""By the name that the settings use."""
