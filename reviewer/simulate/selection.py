"""Selection: which rule or case a prompt meets, and how often a rule has fired. State of one running server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reviewer.core.case import ScriptedFinding
from reviewer.core.rubric import Place
from reviewer.simulate.cases import case_key
from reviewer.simulate.reading import ReadPart, ReadPrompt, bare
from reviewer.simulate.script import Fault, Match, ProviderName, Rule, Script

_SHOWN = (Place.DRAFT, Place.CONVERSATION)


@dataclass(frozen=True, slots=True)
class Scene:
    """What one request is to meet.

    Attributes:
        answers: by criterion, those not named are MET; None where the script knows nothing of the draft.
        steering_segment: segment id that the steering report names, None where there is nothing to name.
    """

    answers: Mapping[str, ScriptedFinding] | None
    fault: Fault | None = None
    steering: bool = False
    steering_segment: str | None = None


class Selector:
    """Picks scenes from one script. Not shared between servers: it counts."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._needles = [bare(rule.match.contains or "") for rule in script.rules]
        self._left = [rule.match.times for rule in script.rules]

    def select(self, prompt: ReadPrompt, provider: ProviderName, model: str) -> Scene:
        """Take the first rule that matches and has not been used up, else the case, else nothing.

        Firing is counted for the first rule only, also where its answers come from a later one.
        """
        matching = self._matching(prompt, provider, model)
        if not matching:
            return Scene(self._unruled(prompt))
        first = matching[0]
        left = self._left[first]
        if left is not None:
            self._left[first] = left - 1
        rules = [self._script.rules[index] for index in matching]
        speaker = next((n for n, rule in enumerate(rules) if rule.critique is not None), None)
        if speaker is None:
            return Scene(self._unruled(prompt), rules[0].fault)
        return self._scripted(rules[speaker], rules[0].fault, self._needles[matching[speaker]], prompt)

    def _matching(self, prompt: ReadPrompt, provider: ProviderName, model: str) -> list[int]:
        if not self._needles:
            return []
        # A line feed between parts: no needle has one, so none can match across two parts.
        text = "\n".join([part.bared() for part in prompt.parts if part.place in _SHOWN]) if any(self._needles) else ""
        return [
            index
            for index, rule in enumerate(self._script.rules)
            if self._left[index] != 0
            and _addressed(rule.match, provider, model)
            and (not self._needles[index] or self._needles[index] in text)
        ]

    def _unruled(self, prompt: ReadPrompt) -> Mapping[str, ScriptedFinding] | None:
        answers = self._script.cases.get(case_key(prompt.parts)) if self._script.cases else None
        return {} if answers is None and self._script.always_met else answers

    def _scripted(self, rule: Rule, fault: Fault | None, needle: str, prompt: ReadPrompt) -> Scene:
        segment_id = None
        if rule.steering and needle:
            parts = [part for part in prompt.parts if part.place in _SHOWN]
            segment_id = next((found for part in parts if (found := find_segment(part, needle))), None)
        return Scene(rule.critique, fault, rule.steering, segment_id)


def _addressed(match: Match, provider: ProviderName, model: str) -> bool:
    return match.provider in {None, provider} and match.model in {None, model}


def find_segment(part: ReadPart, needle: str) -> str | None:
    """Return the id of the segment in which a bare text begins, None where the part lacks it."""
    at = part.bared().find(needle)
    if at < 0:
        return None
    end = 0
    for name, text in part.segments:
        end += len(bare(text))
        if at < end:
            return name
    return None
