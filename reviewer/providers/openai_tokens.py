"""Tokens as OpenAI bills them: the same object in the answers of Responses and of Decisions."""

from __future__ import annotations

from pydantic import BaseModel, NonNegativeInt

from reviewer.core.outcome import Usage


class _InputDetails(BaseModel):
    cached_tokens: NonNegativeInt = 0
    cache_write_tokens: NonNegativeInt = 0


class _OutputDetails(BaseModel):
    reasoning_tokens: NonNegativeInt = 0


class BilledTokens(BaseModel):
    """The `usage` of an answer; cached and written tokens are parts of the input, reasoning is part of the output."""

    input_tokens: NonNegativeInt
    output_tokens: NonNegativeInt
    input_tokens_details: _InputDetails = _InputDetails()
    output_tokens_details: _OutputDetails = _OutputDetails()


def used(usage: BilledTokens | None) -> Usage:
    """Return what an answer says it used, nothing where it does not say."""
    if usage is None:
        return Usage()
    return Usage(
        input_tokens=usage.input_tokens,
        cached_input_tokens=usage.input_tokens_details.cached_tokens,
        cache_write_tokens=usage.input_tokens_details.cache_write_tokens,
        output_tokens=usage.output_tokens,
        reasoning_tokens=usage.output_tokens_details.reasoning_tokens,
    )
