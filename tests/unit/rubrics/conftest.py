"""A small valid set of rule files on disk, and a hand to change it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

ROUTING = """\
schema: 1
version: "1.0.0"
reviewers:
  - id: critic
    provider: anthropic
    model: claude-opus-4-6
  - id: other
    provider: openai
    model: gpt-5.5-2026-04-23
default:
  id: unknown
  intents: ["*"]
  domain: quality
  tier: high
  rubrics: [quality]
  reviewers: [critic, other]
routes:
  - id: health
    intents: ["health.*"]
    domain: health
    tier: high
    rubrics: [health]
    reviewers: [critic, other]
"""
MODELS = """\
schema: 1
version: "1.0.0"
models:
  - id: claude-opus-4-6
    provider: anthropic
    family: claude
    pinned: true
    context_tokens: 1000000
    max_output_tokens: 128000
    source: made up for the test
  - id: gpt-5.5-2026-04-23
    provider: openai
    family: gpt
    pinned: true
    aliases: [gpt-5.5]
    context_tokens: 1000000
    max_output_tokens: 128000
    source: made up for the test
"""
RUBRIC = """\
schema: 1
id: {name}
version: "1.0.0"
domain: {name}
owner: tests
changed: 2026-11-21
purpose: a rubric for tests
applies_to:
  intents: ["{intents}"]
policy_facts:
  - text: water is wet
    source: everybody
locales:
  pt-BR:
    guidance:
      asked: em português
criteria:
  - id: asked
    title: asked
    question: Is the answer there?
    kind: presence
    severity: blocker
    met_when: [it is there]
    not_met_when: [it is not]
    examples:
      - {{draft: "Yes, it is.", outcome: MET, why: it is there}}
      - {{draft: "Well now.", outcome: NOT_MET, why: it is not}}
  - id: checked
    title: checked
    question: Does the draft answer at all?
    kind: absence
    severity: major
    judge: check
    check:
      id: non_answer
      args:
        min_words: 3
"""
CASES = """\
schema: 1
rubric: {name}
suite: known_sensitive
cases:
  - id: {name}_silent
    intent: health.dose
    locale: pt-BR
    conversation:
      - {{role: user, text: "Quanto posso tomar?"}}
    sources:
      - {{id: leaflet, title: Leaflet, text: "At most three tablets a day."}}
    draft:
      text: "You should ask somebody who knows."
      tool_calls:
        - {{name: look_up, arguments: {{drug: dipyrone, strength: 500}}}}
    critique:
      {name}/asked:
        outcome: NOT_MET
        why: no amount is given
        quotes:
          - {{place: draft, text: "ask somebody who knows"}}
          - {{place: source, text: "three tablets"}}
          - {{place: tool_call, text: '"drug": "dipyrone"'}}
    expect:
      verdicts: [HUMAN_HANDOFF]
      findings:
        {name}/asked: NOT_MET
        {name}/checked: UNCERTAIN
        baseline/answers_something: MET
"""

Edit = Callable[[str, str, str], int]


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """Write the set: two rubrics with one case each, routing and models."""
    (tmp_path / "routing.yaml").write_text(ROUTING)
    (tmp_path / "models.yaml").write_text(MODELS)
    for name, intents in (("health", "health.*"), ("quality", "*")):
        (tmp_path / name / "cases").mkdir(parents=True)
        (tmp_path / name / "rubric.yaml").write_text(RUBRIC.format(name=name, intents=intents))
        (tmp_path / name / "cases" / "known_sensitive.yaml").write_text(CASES.format(name=name))
    return tmp_path


@pytest.fixture
def edit(rules: Path) -> Edit:
    """Replace the first occurrence of a text in a file; gives the number of the line in which it stood."""

    def replace(name: str, old: str, new: str) -> int:
        text = (rules / name).read_text()
        assert old in text
        (rules / name).write_text(text.replace(old, new, 1))
        return text[: text.index(old)].count("\n") + 1

    return replace
