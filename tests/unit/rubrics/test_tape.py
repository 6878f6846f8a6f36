from __future__ import annotations

import pytest

from reviewer.core.outcome import FailureKind, StopReason
from reviewer.core.prompt import Prompt
from reviewer.providers.interface import ProviderError
from reviewer.rubrics.recordings import Library
from reviewer.rubrics.tape import RecordedProvider, RecordingProvider, Tape
from reviewer.simulate.scripted import ScriptedReviewer
from tests.support.trials import NOW, TODAY, case, rendered, written

MODEL = "claude-opus-4-6"


class _Ear:
    """Hears a reply and may have had enough."""

    def __init__(self, *, enough: bool) -> None:
        self.enough = enough
        self.text = ""

    def heard(self, text: str) -> bool:
        self.text += text
        return self.enough


async def _recorded(prompt: Prompt) -> tuple[RecordedProvider, Tape]:
    made, tape = Tape(), Tape()
    inner = ScriptedReviewer("anthropic", case(written()))
    await RecordingProvider(inner, "health/benign", made, lambda: NOW, TODAY).complete(MODEL, prompt)
    return RecordedProvider("anthropic", "health/benign", tape, Library({"health/benign": made.made})), tape


async def test_a_listener_hears_a_recording() -> None:
    """Where replies are heard as they are written, a recorded one is heard too, and ends early where it is enough."""
    provider, tape = await _recorded(rendered(b"1"))
    patient, hasty = _Ear(enough=False), _Ear(enough=True)
    whole = await provider.complete(MODEL, rendered(b"2"), patient)
    cut = await provider.complete(MODEL, rendered(b"2"), hasty)
    assert (whole.stop, cut.stop) == (StopReason.COMPLETE, StopReason.ENDED_EARLY)
    assert patient.text == whole.text
    assert whole.simulated
    assert (tape.missing, tape.stale) == ([], [])


async def test_nothing_is_made_up() -> None:
    """A prompt or a model that was not recorded gets no reply, and the tape knows which of both it is."""
    provider, tape = await _recorded(rendered(b"1"))
    with pytest.raises(ProviderError) as other_model:
        await provider.complete("gpt-5.5-2026-04-23", rendered(b"2"))
    with pytest.raises(ProviderError):
        await provider.complete(MODEL, rendered(b"2", "Another draft that was never shown to anybody."))
    with pytest.raises(ProviderError):
        await provider.complete(MODEL, rendered(b"2").repaired())
    assert other_model.value.kind is FailureKind.REJECTED
    assert tape.missing == ["gpt-5.5-2026-04-23", MODEL]
    assert len(tape.stale) == 1
