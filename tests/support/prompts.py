"""Prompts for tests of what carries them: any text will do, the questionnaire asks nothing."""

from __future__ import annotations

import hashlib

from reviewer.core.draft import ImagePart
from reviewer.core.prompt import Prompt
from reviewer.core.questionnaire import Questionnaire

PREFIX = 'Answer the numbered questions.\n## c1 health/red_flag "quoted" \\ caf\u00e9 \u2028 \U0001f600'
SECRET_TEXT = "the patient takes 4,000 mg of paracetamol a day"


def prompt_of(
    *blocks: str, prefix: str = PREFIX, images: tuple[ImagePart, ...] = (), max_output_tokens: int = 2048
) -> Prompt:
    """Make a prompt of a prefix and blocks, as `core.prompt.render` would."""
    digest = hashlib.sha256(prefix.encode()).hexdigest()
    shown = blocks or (f"<<ab begin draft d>>\nd1| {SECRET_TEXT}\n<<ab end draft d>>", "Now answer c1.")
    return Prompt(Questionnaire(prefix, digest, {}), shown, images, None, "ab", "0" * 64, max_output_tokens)
