"""How many tokens a prompt is, without a tokenizer: bounds that hold for any of them, and a cautious guess between.

The vocabularies of second models are not ours to have. Most prompts fit by the upper bound and need no exact number;
only for one that is nearly as long as a context need anybody ask its provider, which `reviewer.providers.counting`
does. Nothing here cuts anything: a prompt is sent whole or not at all.
"""

from __future__ import annotations

import json
import re
from enum import Enum

from reviewer.core.prompt import REPAIR_NOTE, Prompt
from reviewer.core.questionnaire import FINDINGS_SCHEMA

LONGEST_TOKEN_BYTES = 128
"""Of both public vocabularies of OpenAI (cl100k_base and o200k_base); a run of spaces has it."""
IMAGE_AT_MOST = 36_000
"""Tokens of one image, at the most that any provider is known to charge.

Claude cuts an image into squares of 28 pixels after shrinking it (platform.claude.com/docs/en/build-with-claude/vision)
and stays under 5,000. GPT counts squares of 32 pixels by 1.2, up to 10,000 of them (developers.openai.com/api/docs,
images and vision), and with its latest models was seen to shrink nothing up to about 30 megapixels, which is 36,000.
"""
IMAGE_GUESS = 5_000
"""Tokens of one image where nobody counts: what all but the latest GPT charge at their most."""

# What providers put around the schema, the system turn and the user turn of a call is a few hundred tokens.
_AROUND_CALL = len(json.dumps(FINDINGS_SCHEMA)) + len(REPAIR_NOTE) + 600
_AROUND_BLOCK = 16
# Keys, digests, base64 and JSON without spaces: runs of 33 and more that no prose has.
_DATA = re.compile(r"[!-~]{33,}")


class Fit(Enum):
    """Whether a prompt and its reply fit into a context."""

    SURE = "sure"
    OPEN = "open"
    NEVER = "never"


def fit(prompt: Prompt, context_tokens: int) -> Fit:
    """Say whether a prompt and the longest reply to it fit into a context, as far as can be said without counting.

    Args:
        context_tokens: input and output together.
    """
    room = context_tokens - prompt.max_output_tokens
    if at_most(prompt) <= room:
        return Fit.SURE
    return Fit.NEVER if at_least(prompt) > room else Fit.OPEN


def at_most(prompt: Prompt) -> int:
    """Return a number of tokens that a prompt's input does not exceed, its repair note included.

    Byte-level BPE starts from one token a byte and only ever merges (Sennrich et al. 2016, section 3.2; Radford et al.
    2019, section 2.2), and SentencePiece falls back to bytes for what it does not know: neither gives more tokens than
    there are bytes of UTF-8. Measured closest: 1.00 bytes a token, for letters of rare scripts. A tokenizer that
    first rewrites compatibility characters (NFKC) could exceed it by a text made of nothing else; its provider then
    refuses the call.
    """
    around = _AROUND_CALL + _AROUND_BLOCK * (len(prompt.blocks) + 2 * len(prompt.images))
    return _bytes(prompt) + around + IMAGE_AT_MOST * len(prompt.images)


def at_least(prompt: Prompt) -> int:
    """Return a number of tokens that a prompt's input reaches, so that one for which it is too much cannot fit."""
    return _bytes(prompt) // LONGEST_TOKEN_BYTES


def guess(prompt: Prompt) -> int:
    """Return a cautious guess of a prompt's input tokens, for a provider that does not count: rather too many.

    One token for every two bytes, and one a byte in long runs without a space. Bytes a token, as measured with
    o200k_base and cl100k_base (the fewer of the two): English 3.7, Python 3.8, Portuguese 3.7, Spanish 3.9, Russian
    4.2, Chinese 2.6, Japanese 2.8, Korean 2.6, Hindi 2.5, compact JSON 2.9, hex 1.7, base64 1.4. Below two and not
    seen as data are only emoji (1.4), rows of punctuation with spaces (1.5) and rare scripts (Amharic 1.1).
    """
    data = sum([len(run) for text in _texts(prompt) for run in _DATA.findall(text)])
    around = _AROUND_CALL + _AROUND_BLOCK * (len(prompt.blocks) + 2 * len(prompt.images))
    return data + (_bytes(prompt) - data + 1) // 2 + around + IMAGE_GUESS * len(prompt.images)


def _texts(prompt: Prompt) -> tuple[str, ...]:
    return (prompt.questionnaire.prefix, *prompt.blocks)


def _bytes(prompt: Prompt) -> int:
    # Whether a text is ASCII is known without looking at it; most are, and then their length is their bytes.
    return sum([len(text) if text.isascii() else len(text.encode()) for text in _texts(prompt)])
