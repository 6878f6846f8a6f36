"""The OpenAI SDK's client as both OpenAI formats use it: explicit key and address, nothing from the environment."""

from __future__ import annotations

import openai

from reviewer.providers.settings import ProviderSettings
from reviewer.providers.wire import Vendor

PUBLIC_URL = "https://api.openai.com/v1"
# Gateways without authentication ignore the header, but the SDK will not be made without a key.
_NO_KEY = "none"


def _make(settings: ProviderSettings, base_url: str) -> openai.AsyncOpenAI:
    client = openai.AsyncOpenAI(
        api_key=settings.api_key.get_secret_value() or _NO_KEY, base_url=base_url, max_retries=0
    )
    # Read from OPENAI_ORG_ID and OPENAI_PROJECT_ID where no argument is given, and an empty argument would be sent.
    client.organization = None
    client.project = None
    # The SDK adds headers from OPENAI_CUSTOM_HEADERS and has no argument against it.
    client._custom_headers = {}  # noqa: SLF001
    return client


VENDOR = Vendor(make=_make, request_id_header="x-request-id")
