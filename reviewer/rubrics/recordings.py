"""Recorded critiques: replies of second models to the prompts of cases, kept to be read again offline.

One JSON object a line in `<domain>/recordings/*.jsonl`. A recording belongs to a case, a model and a prompt's digest,
which leaves out boundary and attention checks; how the aliases of the latter are kept is decision 0020. Only the
reply is kept: it is parsed, verified and decided on anew each time.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationError

from reviewer.core.errors import Fault, RubricError
from reviewer.core.outcome import Reply, StopReason, Usage
from reviewer.core.prompt import REPAIR_NOTE, AttentionChecks, Prompt
from reviewer.core.prompt_parts import parts_of
from reviewer.core.rubric import Frozen

FOLDER = "recordings"
TRUE_ALIAS = "@attention_true"
FALSE_ALIAS = "@attention_false"
"""Stand in a recorded reply for the aliases of its call's attention checks; no alias of ours begins like them."""

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Tokens = Annotated[int, Field(ge=0)]


class RecordedUsage(Frozen):
    """Tokens of the recorded call; see `reviewer.core.outcome.Usage`."""

    input_tokens: Tokens = 0
    cached_input_tokens: Tokens = 0
    cache_write_tokens: Tokens = 0
    output_tokens: Tokens = 0
    reasoning_tokens: Tokens = 0


class Recording(Frozen):
    """One reply of a second model to one prompt of a case.

    Attributes:
        case: `domain/case`, or `domain/case.variant`.
        today: the day that the prompt names; the case is examined as on that day when the reply is read again.
        model: as requested.
        digest: of the prompt, without boundary and attention checks.
        parts: digests of the prompt's parts, to say what changed once the recording is stale.
        repair: the reply is to the second ask, after an unreadable one.
        text: the reply, with `@attention_true` and `@attention_false` in place of that call's aliases.
        simulated: a simulated model gave it: worth something for tests of the machinery, nothing for the rubric.
    """

    schema_version: Literal[1] = Field(alias="schema")
    case: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    today: date
    provider: str
    model: str
    digest: Digest
    parts: dict[str, Digest]
    repair: bool = False
    text: str
    stop: StopReason
    provider_stop: str
    served_model: str
    request_id: str = ""
    usage: RecordedUsage = RecordedUsage()
    simulated: bool = False
    recorded_at: datetime

    def reply(self, prompt: Prompt) -> Reply:
        """Return the reply as if it had been given to a prompt of the same digest."""
        return Reply(
            text=_with_aliases(self.text, prompt.attention),
            stop=self.stop,
            provider_stop=self.provider_stop,
            served_model=self.served_model,
            request_id=self.request_id,
            usage=Usage(**self.usage.model_dump()),
            simulated=self.simulated,
        )


@dataclass(frozen=True, slots=True)
class Call:
    """Who was asked what, as far as a recording needs it."""

    case: str
    provider: str
    model: str
    prompt: Prompt


def record(call: Call, reply: Reply, moment: datetime, today: date) -> Recording:
    """Make a recording of a reply.

    Args:
        moment: UTC time of the reply.
        today: the day that the prompt names.
    """
    usage = reply.usage
    return Recording(
        schema=1,
        case=call.case,
        today=today,
        provider=call.provider,
        model=call.model,
        digest=call.prompt.digest,
        parts=parts_of(call.prompt),
        repair=is_repair(call.prompt),
        text=_without_aliases(reply.text, call.prompt.attention),
        stop=reply.stop,
        provider_stop=reply.provider_stop,
        served_model=reply.served_model,
        request_id=reply.request_id,
        usage=RecordedUsage(
            input_tokens=usage.input_tokens,
            cached_input_tokens=usage.cached_input_tokens,
            cache_write_tokens=usage.cache_write_tokens,
            output_tokens=usage.output_tokens,
            reasoning_tokens=usage.reasoning_tokens,
        ),
        simulated=reply.simulated,
        recorded_at=moment,
    )


def is_repair(prompt: Prompt) -> bool:
    """Whether a prompt is the second ask after an unreadable reply, whose digest is that of the first."""
    return prompt.blocks[-1] == REPAIR_NOTE


def _without_aliases(text: str, attention: AttentionChecks | None) -> str:
    if attention is None:
        return text
    return text.replace(attention.true_alias, TRUE_ALIAS).replace(attention.false_alias, FALSE_ALIAS)


def _with_aliases(text: str, attention: AttentionChecks | None) -> str:
    if attention is None:
        return text
    return text.replace(TRUE_ALIAS, attention.true_alias).replace(FALSE_ALIAS, attention.false_alias)


@dataclass(slots=True)
class Library:
    """All recordings of a rule set, by case and model.

    Attributes:
        by_case: recordings of each case, in the order of their files.
    """

    by_case: dict[str, list[Recording]] = field(default_factory=dict)

    def of(self, case: str, model: str) -> tuple[Recording, ...]:
        """Return what a model said to any prompt of a case."""
        return tuple(kept for kept in self.by_case.get(case, ()) if kept.model == model)

    def find(self, call: Call) -> Recording | None:
        """Return the reply to this very prompt, or None; the latest, should there be several."""
        repair = is_repair(call.prompt)
        kept = [r for r in self.of(call.case, call.model) if r.digest == call.prompt.digest and r.repair == repair]
        return kept[-1] if kept else None

    def providers(self, case: str) -> frozenset[str]:
        """Return the providers whose models answered when a case was recorded."""
        return frozenset(kept.provider for kept in self.by_case.get(case, ()))

    def today(self, case: str) -> date | None:
        """Return the day on which a case was recorded, the latest if there are several, or None."""
        return max((kept.today for kept in self.by_case.get(case, ())), default=None)


def load_recordings(directory: Path) -> Library:
    """Read every `<domain>/recordings/*.jsonl` below a folder of rule files.

    Raises:
        RubricError: with every line of every file that is no recording.
    """
    library, faults = Library(), []
    for path in sorted(directory.glob(f"*/{FOLDER}/*.jsonl")):
        name = path.relative_to(directory).as_posix()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if not line.strip():
                continue
            try:
                kept = Recording.model_validate_json(line)
            except ValidationError as exc:
                first = exc.errors(include_url=False, include_input=False, include_context=False)[0]
                faults.append(Fault(f"{name}:{number}", ".".join(map(str, first["loc"])), first["msg"]))
                continue
            library.by_case.setdefault(kept.case, []).append(kept)
    if faults:
        raise RubricError(tuple(faults))
    return library


def save_recordings(directory: Path, made: Mapping[str, Iterable[Recording]]) -> tuple[Path, ...]:
    """Write recordings beside their rubrics, in place of what is there of the same cases; others stay as they are.

    Args:
        made: by case; a file `<domain>/recordings/critiques.jsonl` is replaced as a whole, or not at all.

    Returns:
        The files written.
    """
    written = []
    for domain in sorted({case.partition("/")[0] for case in made}):
        path = directory / domain / FOLDER / "critiques.jsonl"
        path.parent.mkdir(exist_ok=True)
        kept = _kept(path)
        for case, recordings in made.items():
            if case.startswith(f"{domain}/"):
                kept[case] = [recording.model_dump_json(by_alias=True) for recording in recordings]
        part = path.with_suffix(".part")
        part.write_text("".join(f"{line}\n" for case in sorted(kept) for line in kept[case]), encoding="utf-8")
        os.replace(part, path)  # noqa: PTH105 - the one call that replaces a file at once
        written.append(path)
    return tuple(written)


def _kept(path: Path) -> dict[str, list[str]]:
    kept: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        if line.strip():
            kept.setdefault(Recording.model_validate_json(line).case, []).append(line)
    return kept
