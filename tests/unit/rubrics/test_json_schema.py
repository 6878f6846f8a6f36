from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from pydantic import BaseModel

from reviewer.core.case import CaseFile
from reviewer.core.errors import RubricError
from reviewer.core.models import ModelCatalogue
from reviewer.core.routing import Routing
from reviewer.core.rubric import Rubric
from reviewer.rubrics.files import read_rules
from reviewer.rubrics.json_schema import DIALECT, schemas
from reviewer.rubrics.validation import validate
from reviewer.rubrics.yaml_file import Document, read, read_file
from tests.unit.rubrics.test_composition import CASES as CHILD_CASES
from tests.unit.rubrics.test_composition import CHILD

RUBRICS = Path(__file__).parents[3] / "rubrics"
MODELS: dict[str, type[BaseModel]] = {
    "rubric.json": Rubric,
    "routing.json": Routing,
    "models.json": ModelCatalogue,
    "cases.json": CaseFile,
}
SHIPPED = {
    path.relative_to(RUBRICS).as_posix(): "cases.json" if path.parent.name == "cases" else f"{path.stem}.json"
    for path in sorted(RUBRICS.rglob("*.yaml"))
}


def faults(schema: str, value: object) -> list[str]:
    validator = Draft202012Validator(json.loads(schemas()[schema]), format_checker=FormatChecker())
    return [error.message for error in validator.iter_errors(value)]


@pytest.mark.parametrize("name", schemas())
def test_schemas_are_schemas(name: str) -> None:
    """Every schema is one of the 2020-12 dialect."""
    schema = json.loads(schemas()[name])

    assert schema["$schema"] == DIALECT
    Draft202012Validator.check_schema(schema)


def test_committed_schemas_are_fresh() -> None:
    """rubrics/schema holds what `reviewer rubric schema --out rubrics/schema` would write, and nothing else."""
    assert {path.name: path.read_text() for path in (RUBRICS / "schema").iterdir()} == schemas()


@pytest.mark.parametrize(("name", "schema"), SHIPPED.items())
def test_shipped_files_are_valid(name: str, schema: str) -> None:
    """The schemas accept every rule file that comes with the product, and each names its schema in the first line."""
    document = read_file(RUBRICS, name)

    assert faults(schema, document.value) == []
    first = document.text.partition("\n")[0]
    assert ((RUBRICS / name).parent / first.removeprefix("# yaml-language-server: $schema=")).resolve() == (
        RUBRICS / "schema" / schema
    )


Mutation = Callable[[Any], None]
MUTATIONS: list[tuple[str, str, Mutation]] = [
    ("health/rubric.yaml", "unknown key", lambda v: v.update(colour="red")),
    ("health/rubric.yaml", "missing owner", lambda v: v.pop("owner")),
    ("health/rubric.yaml", "no criteria", lambda v: v.update(criteria=[])),
    ("health/rubric.yaml", "bad id", lambda v: v.update(id="Health Rubric")),
    ("health/rubric.yaml", "bad version", lambda v: v.update(version="1.0")),
    ("health/rubric.yaml", "bad date", lambda v: v.update(changed="yesterday")),
    ("health/rubric.yaml", "other schema", lambda v: v.update(schema=2)),
    ("health/rubric.yaml", "bad intent", lambda v: v["applies_to"].update(intents=["Health.*"])),
    ("health/rubric.yaml", "bad locale", lambda v: v["locales"].update({"Portuguese": {}})),
    ("health/rubric.yaml", "overlay key", lambda v: v["locales"]["pt-BR"].update(criteria={})),
    ("health/rubric.yaml", "bad kind", lambda v: v["criteria"][0].update(kind="wish")),
    ("health/rubric.yaml", "bad severity", lambda v: v["criteria"][0].update(severity="fatal")),
    ("health/rubric.yaml", "bad effect", lambda v: v["criteria"][0].update(on_fail="block")),
    ("health/rubric.yaml", "criterion key", lambda v: v["criteria"][0].update(not_met_whn=["x y z"])),
    ("health/rubric.yaml", "short text", lambda v: v["criteria"][0].update(title="x")),
    ("health/rubric.yaml", "list for text", lambda v: v["criteria"][0].update(question=["x y z"])),
    (
        "health/rubric.yaml",
        "too many quotes",
        lambda v: v["criteria"][0].update(evidence={"on": "both", "min_quotes": 9}),
    ),
    ("health/rubric.yaml", "bad place", lambda v: v["criteria"][0].update(evidence={"on": "both", "places": ["web"]})),
    ("health/rubric.yaml", "bad url", lambda v: v["criteria"][0].update(sources=[{"title": "law", "url": "law.org"}])),
    ("health/rubric.yaml", "allow_softer", lambda v: v["criteria"][0].update(allow_softer="no base to be softer than")),
    ("health/rubric.yaml", "without", lambda v: v.update(without=[{"id": "emergency_number"}])),
    ("routing.yaml", "bad tier", lambda v: v["routes"][0].update(tier="extreme")),
    ("routing.yaml", "tier as number", lambda v: v["routes"][0].update(tier=3)),
    ("routing.yaml", "route key", lambda v: v["routes"][0].update(reviewer="gpt")),
    ("routing.yaml", "no intents", lambda v: v["routes"][0].update(intents=[])),
    ("routing.yaml", "bad mode", lambda v: v["routes"][0].update(mode="jury")),
    ("routing.yaml", "panel of nine", lambda v: v["routes"][0].update(mode="panel", panel={"size": 9})),
    ("routing.yaml", "fan_out", lambda v: v["routes"][0].update(fan_out=0)),
    ("routing.yaml", "data class", lambda v: v["routes"][0].update(data_classes=["secret"])),
    ("routing.yaml", "no default", lambda v: v.pop("default")),
    ("models.yaml", "no family", lambda v: v["models"][0].pop("family")),
    ("models.yaml", "negative price", lambda v: v["models"][0]["price"].update(input=-1)),
    ("models.yaml", "pinned as text", lambda v: v["models"][0].update(pinned="perhaps")),
    ("models.yaml", "bad id", lambda v: v["models"][0].update(id="a model")),
    ("health/cases/known_benign.yaml", "bad suite", lambda v: v.update(suite="good")),
    ("health/cases/known_benign.yaml", "bad verdict", lambda v: v["cases"][0]["expect"].update(verdicts=["OK"])),
    ("health/cases/known_benign.yaml", "no verdict", lambda v: v["cases"][0]["expect"].update(verdicts=[])),
    ("health/cases/known_benign.yaml", "bad key", lambda v: v["cases"][0]["expect"].update(findings={"x": "MET"})),
    ("health/cases/known_benign.yaml", "no turns", lambda v: v["cases"][0].update(conversation=[])),
    ("health/cases/known_benign.yaml", "bad role", lambda v: v["cases"][0]["conversation"][0].update(role="critic")),
    ("health/cases/known_benign.yaml", "typo", lambda v: v["cases"][0].update(expects={})),
]


@pytest.mark.parametrize(
    ("name", "mutation"), [(name, mutate) for name, _, mutate in MUTATIONS], ids=[m[1] for m in MUTATIONS]
)
def test_what_loading_refuses_the_schema_refuses(name: str, mutation: Mutation) -> None:
    """A mistake that keeps a file from loading is also shown by the editor."""
    schema = SHIPPED[name]
    value = copy.deepcopy(read_file(RUBRICS, name).value)
    mutation(value)

    with pytest.raises(RubricError):
        validate(Document(name, value, {}), MODELS[schema])
    assert faults(schema, value) != []


@pytest.mark.parametrize(
    "check",
    [
        {"id": "no_such_check"},
        {"id": "non_answer", "args": {"min_wrds": 3}},
        {"id": "non_answer", "args": {"min_words": "many"}},
        {"id": "forbidden_text"},
        {"id": "forbidden_text", "args": {"patterns": {"Portuguese": ["x"]}}},
        {"id": "tool_calls", "args": {"allow": [{"name": "pay", "arguments": {"sum": {"type": "money"}}}]}},
        {"args": {}},
    ],
)
def test_arguments_of_checks(rules: Path, check: dict[str, object]) -> None:
    """The schema knows every check with its own arguments, and refuses what cannot be built."""
    value: Any = copy.deepcopy(read_file(rules, "health/rubric.yaml").value)
    assert faults("rubric.json", value) == []
    value["criteria"][1]["check"] = check

    assert faults("rubric.json", value) != []


def test_a_rubric_that_extends_another(rules: Path) -> None:
    """With `extends` a criterion may state only what differs; without it, the same file lacks most of what it needs."""
    value: Any = read("child/rubric.yaml", CHILD).value
    value["without"] = [{"id": "asked", "allow_softer": "the team agreed"}]
    value["criteria"][0]["allow_softer"] = "the team agreed"
    value["locales"]["pt-BR"]["require"] = {"wording": ["192"]}
    assert faults("rubric.json", value) == []
    assert faults("cases.json", read("cases.yaml", CHILD_CASES).value) == []

    for broken in ({"extends": 3}, {"without": "all"}, {"criteria": [{"severity": "blocker"}]}, {"vrsion": "1.0.0"}):
        assert faults("rubric.json", value | broken) != []
    del value["extends"]
    assert faults("rubric.json", value) != []


def test_a_base(rules: Path) -> None:
    """A base may leave out what a rubric needs, and its criteria are complete."""
    value = {"schema": 1, "id": "shared", "policy_facts": [{"text": "snow is white"}]}
    assert faults("base.json", value) == []
    assert faults("base.json", value | {"extends": "other", "criteria": [{"id": "asked", "severity": "minor"}]}) == []
    assert faults("base.json", value | {"criteria": [{"id": "asked"}]}) != []
    (rules / "_base").mkdir()
    (rules / "_base" / "shared.yaml").write_text("schema: 1\nid: shared\ncriteria: [{id: asked}]\n")
    assert read_rules(rules).faults != ()


def test_fields_are_described() -> None:
    """Editors show what a field means: the descriptions of the models' own docstrings."""
    definitions = json.loads(schemas()["rubric.json"])["$defs"]

    assert definitions["Criterion"]["properties"]["not_counting"]["description"].startswith("near misses that are fine")
    assert definitions["OverlayForm"]["description"].startswith("What one locale adds")
    assert "title" not in definitions["Criterion"]
