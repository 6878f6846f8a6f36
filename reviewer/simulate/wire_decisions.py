"""The OpenAI Decisions format: `POST /v1/decisions`, as openai 3.52 reads it. It has no stream.

Source: the SDK's `types/decision.py` and `decision_create_params.py`. A request is told to the rest of the simulator as
a questionnaire of the same questions; its answer, in the findings schema, is turned into probabilities: what is met is
nearly certain, all else improbable. What no findings schema holds (prose, a cut) becomes a body without answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Final, Literal

import orjson
from pydantic import Field

from reviewer.core.outcome import StopReason
from reviewer.simulate import wire_openai
from reviewer.simulate.script import FaultKind, ProviderName
from reviewer.simulate.wire import Answered, Asked, Json, Turn, WireModel

MET: Final = 0.99
NOT_MET: Final = 0.2

_ATTENTION = re.compile(r"a\d+")
_MAX_QUESTIONS: Final = 400


class _Question(WireModel):
    type: Literal["predicate"]
    instructions: str
    name: str


class _Request(WireModel):
    model: str = Field(min_length=1)
    input: tuple[Turn, ...]
    questions: Annotated[tuple[_Question, ...], Field(min_length=1, max_length=_MAX_QUESTIONS)]
    prompt_cache_key: str | None = None


class OpenAIDecisions:
    """See `WireFormat`."""

    provider: ProviderName = "openai_decisions"
    request_id_header = wire_openai.REQUEST_ID_HEADER
    error_kinds = wire_openai.ERROR_KINDS

    def read(self, body: bytes) -> Asked:
        """Read a request; its questions stand in for those of a prefix, its attention checks for the reminder."""
        request = _Request.model_validate_json(body)
        trusted, shown = wire_openai.split(request.input)
        asked = [question for question in request.questions if not _ATTENTION.fullmatch(question.name)]
        checks = [f"{q.name}: {q.instructions}" for q in request.questions if _ATTENTION.fullmatch(q.name)]
        return Asked(
            request.model,
            stream=False,
            prefix="\n".join([_spelled(question) for question in asked]),
            blocks=(*trusted, *shown, *checks),
            caches=True,
            names=tuple([question.name for question in request.questions]),
        )

    def body(self, answered: Answered) -> Json:
        """Build a `Decision` with an answer a question, in order."""
        return {"model": answered.model, "answers": _answers(answered), "usage": wire_openai.usage(answered)}

    def events(self, answered: Answered) -> Iterator[tuple[str | None, Json | str]]:
        """Yield nothing: there is no stream."""
        del answered
        return iter(())

    def error(self, kind: FaultKind | None, request_id: str) -> tuple[int, Json]:
        """Build an error; the id stands in the header only."""
        del request_id
        return wire_openai.error(kind)


def _spelled(question: _Question) -> str:
    """Spell a question as the questionnaire would, as far as it is told: a predicate asks for no quote."""
    key = question.instructions.partition(":")[0]
    return f"## {question.name} {key} (quality, minor)\n"


def _answers(answered: Answered) -> list[Json]:
    if answered.stop is StopReason.REFUSED:
        return [{"type": "refusal", "name": name} for name in answered.names]
    try:
        reply = orjson.loads(answered.text)
    except orjson.JSONDecodeError:
        return []
    listed = {*reply["met"], *(row["c"] for row in reply["quoted"])}
    met = {*listed, *(row["c"] for row in reply["findings"] if row["outcome"] == "MET")}
    said = {*listed, *(row["c"] for row in reply["findings"])}
    # An attention check that does not hold is left out of a reply, and still has its probability.
    names = [name for name in answered.names if name in said or _ATTENTION.fullmatch(name)]
    unasked = [name for name in sorted(said) if name not in answered.names]
    return [
        {"type": "predicate", "name": name, "probability": MET if name in met else NOT_MET}
        for name in (*names, *unasked)
    ]
