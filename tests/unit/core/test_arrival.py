from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.core.arrival import Arrival
from reviewer.core.critique import parse
from reviewer.core.finding import Outcome
from reviewer.core.outcome import Answer, Completed, Evidence, Reply, StopReason, Usage
from reviewer.core.rubric import Place
from reviewer.core.segments import place_of
from tests.support.small_review import KEYS, rendered

PROMPT = rendered().prompt
ALIASES = tuple(PROMPT.asked)
awkward = st.text(st.sampled_from('ab"\\{}[],: \u00e9\U0001f600\n'), max_size=12)
evidence = st.fixed_dictionaries({"place": st.sampled_from(list(Place)), "seg": awkward, "text": awkward})
findings = st.fixed_dictionaries(
    {
        "c": st.sampled_from([*ALIASES, "c99"]),
        "evidence": st.lists(evidence, max_size=2),
        "why": awkward,
        "outcome": st.sampled_from([outcome.value for outcome in Outcome]),
        "fix": st.none() | awkward,
    }
)
quotes = st.fixed_dictionaries(
    {
        "c": st.sampled_from([*ALIASES, "c99"]),
        "seg": st.sampled_from(["d1", "s1.2", "m1.1", "nowhere"]),
        "text": awkward,
    }
)
REST: dict[str, Any] = {
    "met": ["c1"],
    "steering": {"found": False, "seg": None},
    "unreadable_parts": ["[{"],
}
cuts = st.lists(st.integers(0, 2_000), max_size=10)


def announced(text: str, at: list[int] | None = None) -> list[Answer]:
    """Read a text cut at these places, counted round and round."""
    arrival = Arrival(PROMPT.asked)
    edges = sorted({0, len(text), *(cut % (len(text) + 1) for cut in at or [])})
    return [answer for a, b in itertools.pairwise(edges) for answer in arrival.add(text[a:b])]


def said(finding: dict[str, Any]) -> Answer:
    if "outcome" not in finding:
        place = place_of(finding["seg"]) or Place.IMAGE
        return Answer(PROMPT.asked[finding["c"]].key, Outcome.MET, (Evidence(place, finding["seg"], finding["text"]),))
    quotes = tuple(Evidence(Place(e["place"]), e["seg"], e["text"]) for e in finding["evidence"])
    key = PROMPT.asked[finding["c"]].key
    return Answer(key, Outcome(finding["outcome"]), quotes, finding["why"], finding["fix"])


LISTS = ("findings", "quoted")


@given(
    st.lists(findings, max_size=5),
    st.lists(quotes, max_size=3),
    cuts,
    st.permutations([*LISTS, *REST]),
    st.booleans(),
    st.none() | st.just(2),
)
def test_all_answers_arrive_however_cut(
    rows: list[dict[str, Any]],
    listed: list[dict[str, Any]],
    at: list[int],
    order: list[str],
    ascii_only: bool,
    indent: int | None,
) -> None:
    """The answers announced are those of the whole reply, in order, wherever it is cut and however it is laid out."""
    whole = {**REST, "findings": rows, "quoted": listed}
    text = json.dumps({key: whole[key] for key in order}, ensure_ascii=ascii_only, indent=indent)
    told = [row for key in order if key in LISTS for row in whole[key]]

    assert announced(text, at) == [said(row) for row in told if row["c"] in PROMPT.asked]


@given(st.lists(findings | quotes, min_size=1, max_size=4, unique_by=lambda row: row["c"]), cuts)
def test_the_whole_parse_says_the_same(rows: list[dict[str, Any]], at: list[int]) -> None:
    """What is announced of a critique is what `parse` makes of it, where no question is answered twice."""
    assert PROMPT.attention is not None
    told = {"findings": [r for r in rows if "outcome" in r], "quoted": [r for r in rows if "outcome" not in r]}
    text = json.dumps({**told, **REST, "met": [PROMPT.attention.true_alias]})
    parsed = parse(Reply(text, StopReason.COMPLETE, "", "", "", Usage()), PROMPT)

    assert isinstance(parsed, Completed)
    assert sorted(announced(text, at), key=lambda a: KEYS.index(a.criterion)) == list(parsed.answers)


ROW = json.dumps({"c": "c1", "evidence": [], "why": "", "outcome": "NOT_MET", "fix": None})
ANSWER = Answer(KEYS[0], Outcome.NOT_MET, (), "", None)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (f'{{"findings":[{ROW}', 1),
        (f' \n{{"met":[],"findings":[{ROW},{ROW}', 2),
        (f'{{"find\\u0069ngs":[{ROW}]', 1),
        (f'{{"findings":[{ROW[:-1]}', 0),
        (f'Here it is: {{"findings":[{ROW}]', 0),
        (f'"x"{{"findings":[{ROW}]', 0),
        (f'[{{"findings":[{ROW}]', 0),
        (f'{{}}{{"findings":[{ROW}]', 0),
        (f'{{"met":[{ROW}]', 0),
        (f'{{"quoted":[{ROW}]', 0),
        (f'{{"steering":{{"findings":[{ROW}]', 0),
        (f'{{"findings":[[{ROW}]', 0),
        (f'{{"findings":["a",{ROW}]', 1),
        (f'{{"findings":[{ROW}],"findings":[{ROW}]', 1),
        (f'{{"findings":[{ROW}],"quoted":[],"findings":[{ROW}]', 1),
        (f'{{"findings":[],"quoted":[],"met":[],"findings":[{ROW}]', 0),
        (f'{{"quoted":[],"findings":[{ROW}]', 1),
        (f'{{"quoted":[{{"c":"c1","seg":"d1"}}],"findings":[{ROW}]', 1),
        (f'{{"quoted":[{{"c":"c1","seg":"d1","seg":"d2","text":"t"}}],"findings":[{ROW}]', 1),
        (f'{{"findings":[{ROW}]}}{{"findings":[{ROW}]', 1),
        ('{"findings":[' + ROW.replace('"c1"', '"c99"'), 0),
        ('{"findings":[' + ROW.replace('"fix"', '"why": "", "fix"'), 0),
        ('{"findings":[' + ROW.replace("NOT_MET", "FAILED"), 0),
        ('{"findings":[' + ROW[:-1] + ', "more": 1}', 0),
        ('{"findings":[' + ROW[:-1] + "]", 0),
        ("{" * 9 + f'"findings":[{ROW}]', 0),
        ("]" + ROW, 0),
        ("", 0),
        ('{"findings":[', 0),
        ('{"findings":"' + ROW.replace('"', '\\"') + '"', 0),
    ],
)
def test_only_the_stated_form_is_announced(text: str, count: int) -> None:
    """A finding counts where the schema has it, whole and with each key once; nothing else does, cut anywhere."""
    assert announced(text) == [ANSWER] * count
    assert announced(text, list(range(len(text)))) == [ANSWER] * count


@given(st.text(st.sampled_from('"\\{}[],:findgs'), max_size=60) | st.text(max_size=60), cuts)
def test_garbage_is_borne(text: str, at: list[int]) -> None:
    """Text of no form at all announces nothing and raises nothing."""
    assert announced(text, at) == []
    assert announced('{"findings":[' + text, at) == []
