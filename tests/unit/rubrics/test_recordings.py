from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from reviewer.core.critique import parse
from reviewer.core.errors import RubricError
from reviewer.core.outcome import Completed, Malformed, Reply, StopReason, Usage
from reviewer.core.prompt import Prompt
from reviewer.core.prompt_parts import changed, parts_of
from reviewer.rubrics.recordings import FALSE_ALIAS, TRUE_ALIAS, Call, Library, load_recordings, record, save_recordings
from tests.support.trials import NOW, TODAY, rendered


def _reply(prompt: Prompt, *, inattentive: bool = False) -> Reply:
    assert prompt.attention is not None
    listed = [prompt.attention.true_alias, *([prompt.attention.false_alias] if inattentive else [])]
    met = ",".join(f'"{alias}"' for alias in (*prompt.asked, *listed))
    text = f'{{"findings":[],"quoted":[],"met":[{met}],"steering":null,"unreadable_parts":[]}}'
    return Reply(text, StopReason.COMPLETE, "end_turn", "claude-opus-4-6", "req_1", Usage(100, output_tokens=20))


def _call(prompt: Prompt) -> Call:
    return Call("health/one", "anthropic", "claude-opus-4-6", prompt)


def test_a_reply_is_read_again_under_other_aliases() -> None:
    """A reply recorded under one call's attention checks passes those of another call with the same digest."""
    first, second = rendered(b"1"), rendered(b"2")
    assert first.attention != second.attention
    assert first.digest == second.digest
    kept = record(_call(first), _reply(first), NOW, TODAY)
    assert TRUE_ALIAS in kept.text
    assert isinstance(parse(_reply(first), second), Malformed)
    assert isinstance(parse(kept.reply(second), second), Completed)


def test_inattention_is_recorded_too() -> None:
    """A reply that failed its attention checks fails those of any other call."""
    first, second = rendered(b"1"), rendered(b"2")
    kept = record(_call(first), _reply(first, inattentive=True), NOW, TODAY)
    assert FALSE_ALIAS in kept.text
    assert isinstance(parse(kept.reply(second), second), Malformed)


def test_recordings_outlive_the_disk(tmp_path: Path) -> None:
    """What is saved is loaded again, and saving one case leaves those of others as they are."""
    prompt = rendered(b"1")
    (tmp_path / "health").mkdir()
    one, other = (
        record(replace(_call(prompt), case=f"health/{n}"), _reply(prompt), NOW, TODAY) for n in ("one", "two")
    )
    save_recordings(tmp_path, {"health/two": [other]})
    (path,) = save_recordings(tmp_path, {"health/one": [one]})
    assert load_recordings(tmp_path).by_case == {"health/one": [one], "health/two": [other]}
    before = path.read_bytes()
    save_recordings(tmp_path, {"health/one": [one]})
    assert path.read_bytes() == before


def test_a_line_that_is_no_recording_is_named(tmp_path: Path) -> None:
    """A damaged file is a fault with its line, and never a missing recording."""
    folder = tmp_path / "health" / "recordings"
    folder.mkdir(parents=True)
    (folder / "critiques.jsonl").write_text('\n{"schema":1}\n', encoding="utf-8")
    with pytest.raises(RubricError) as told:
        load_recordings(tmp_path)
    assert told.value.faults[0].where == "health/recordings/critiques.jsonl:2"


def test_a_second_ask_has_a_reply_of_its_own() -> None:
    """The reply after an unreadable one is found for the repeated prompt only, whose digest is the same."""
    prompt = rendered(b"1")
    kept = record(_call(prompt), _reply(prompt), NOW, TODAY)
    library = Library({"health/one": [kept]})
    assert library.find(_call(prompt)) is kept
    assert library.find(_call(prompt.repaired())) is None
    assert library.find(replace(_call(prompt), model="gpt-5.5-2026-04-23")) is None


def test_parts_differ_where_the_prompt_does() -> None:
    """Equal digests have equal parts; an edited draft changes its own part and no other."""
    one, same, other = rendered(b"1"), rendered(b"2"), rendered(b"1", "Drink some water and lie down for a while.")
    assert parts_of(one) == parts_of(same) == parts_of(one.repaired())
    assert changed(parts_of(one), parts_of(other)) == ("draft under review d",)
    assert len(parts_of(one)) > 3
