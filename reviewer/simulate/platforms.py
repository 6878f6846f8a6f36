"""The addresses at which platforms serve the same formats, as far as the official SDKs' clients call them.

Nothing is authenticated: signatures and keys are as little looked at as those of the vendors. Streams, which platforms
frame in ways of their own, are not served here.
"""

from __future__ import annotations

from typing import Final

import orjson

from reviewer.simulate.wire import WireFormat
from reviewer.simulate.wire_anthropic import AnthropicMessages
from reviewer.simulate.wire_responses import OpenAIResponses

_AWS: Final = "x-amzn-requestid"
PLATFORMS: Final[dict[str, WireFormat]] = {
    "/model/{model}/invoke": AnthropicMessages(_AWS),
    "/v1/projects/{project}/locations/{region}/publishers/anthropic/models/{model}:rawPredict": AnthropicMessages(),
    "/anthropic/v1/messages": AnthropicMessages(),
    "/openai/responses": OpenAIResponses("apim-request-id"),
    "/openai/v1/responses": OpenAIResponses(_AWS),
}
"""By path; where the path names a model, the body does not."""


def with_model(body: bytes, model: str) -> bytes:
    """Put the model of the path where the vendor's own format has it; what is no object is left for its reader."""
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body
    return orjson.dumps({**fields, "model": model}) if isinstance(fields, dict) else body
