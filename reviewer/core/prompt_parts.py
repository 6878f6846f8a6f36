"""A prompt taken apart: one digest for each part that may change by itself, so that a change can be named."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from reviewer.core.prompt import Prompt

QUESTIONS = "instructions and questions"
HEADER = "header"
GROUP = "group of questions"
_TITLE = re.compile(r"<< begin (.*?)>>\n")


def parts_of(prompt: Prompt) -> dict[str, str]:
    """Return a digest for each part of a prompt.

    Boundary and attention checks, which differ with each call, are left out, as in the prompt's own digest.

    Returns:
        SHA-256 in hex by name: `instructions and questions`, `header`, and each fenced part by its title
        (`source s1`, `draft under review d`); images as `image 1`. Two prompts with equal digests have equal parts.
    """
    first, *fenced, _ = prompt.blocks if len(prompt.blocks) > 1 else (*prompt.blocks, "")
    header = first.rpartition("\n")[0]
    parts = {QUESTIONS: prompt.questionnaire.prefix_digest, HEADER: _digest(header)}
    for block in fenced:
        body = block.replace(f"<<{prompt.boundary} ", "<< ")
        title = _TITLE.match(body)
        if title is not None:
            parts[title.group(1)] = _digest(body)
    for number, image in enumerate(prompt.images, 1):
        parts[f"image {number}"] = hashlib.sha256(image.media_type.encode() + b"\x00" + image.data).hexdigest()
    if prompt.group is not None:
        parts[GROUP] = _digest("\x00".join(prompt.group))
    return parts


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the parts that differ, were added or are gone, in the order of the later prompt."""
    names = dict.fromkeys((*after, *before))
    return tuple(name for name in names if before.get(name) != after.get(name))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
