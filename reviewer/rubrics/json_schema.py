"""JSON Schema (2020-12) of the rule files, made from the models that read them, for editors to complete and check by.

A schema knows one file. It is a little laxer than loading, which also compares fields and files, and never stricter
about what a file may say. `rubrics/schema` holds the schemas as they are committed; a test keeps them fresh.
"""

from __future__ import annotations

import inspect
import json
import re
from copy import deepcopy
from typing import Any

from pydantic import Field
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema
from pydantic_core.core_schema import ModelSchema

from reviewer import discovery
from reviewer.checks.patterns import PatternText
from reviewer.core.case import CaseFile
from reviewer.core.gates import GateFile
from reviewer.core.models import ModelCatalogue
from reviewer.core.routing import Routing
from reviewer.core.rubric import Frozen, LocaleOverlay, LocaleTag, Rubric, ShortText, Slug
from reviewer.rubrics.base_rubric import BaseRubric
from reviewer.rubrics.bounds import SuitesFile

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_VALIDATION: JsonSchemaMode = "validation"
_OWN = ["schema", "id", "version", "changed", "extends"]
_ATTRIBUTE = re.compile(r"^ {4}(\w+(?:, \w+)*): (.+?)(?=^ {4}\w|\Z)", re.MULTILINE | re.DOTALL)


class OverlayForm(LocaleOverlay):
    """What one locale adds, by criterion: nothing is taken away.

    Attributes:
        guidance: follows the criterion's own guidance.
        require: RE2 patterns that the check `required_text` accepts as well.
        when: RE2 patterns for which the check `required_text` is due as well.
    """

    require: dict[Slug, tuple[PatternText, ...]] = Field(default_factory=dict)
    when: dict[Slug, tuple[PatternText, ...]] = Field(default_factory=dict)


class RubricForm(Rubric):
    """A domain rubric."""

    locales: dict[LocaleTag, OverlayForm] = Field(default_factory=dict)  # type: ignore[assignment] # a dict is invariant


class BaseForm(BaseRubric):
    """What rubrics extend without its being one of them."""

    locales: dict[LocaleTag, OverlayForm] = Field(default_factory=dict)  # type: ignore[assignment] # a dict is invariant


class Removal(Frozen):
    """A criterion of the base that is left out.

    Attributes:
        allow_softer: why that is right.
    """

    id: Slug
    allow_softer: ShortText | None = None


class _Described(GenerateJsonSchema):
    """Takes descriptions from docstrings, those of fields from their `Attributes`, and leaves titles out."""

    def model_schema(self, schema: ModelSchema) -> dict[str, Any]:
        made = super().model_schema(schema)
        text = inspect.cleandoc(schema["cls"].__doc__ or "")
        summary, _, attributes = text.partition("Attributes:\n")
        made["description"] = " ".join(summary.split())
        for names, said in _ATTRIBUTE.findall(attributes):
            for name in names.split(", "):
                if name in made.get("properties", {}):
                    made["properties"][name].setdefault("description", " ".join(said.split()))
        return made


def schemas() -> dict[str, str]:
    """Return the text of every schema by its file name below `rubrics/schema`."""
    made = {
        "rubric.json": _composable(RubricForm),
        "base.json": _composable(BaseForm),
        "routing.json": _plain(Routing),
        "models.json": _plain(ModelCatalogue),
        "cases.json": _plain(CaseFile),
        "gates.json": _plain(GateFile),
        "suites.json": _plain(SuitesFile),
    }
    return {name: json.dumps(_tidied(schema), indent=1, ensure_ascii=False) + "\n" for name, schema in made.items()}


def _plain(model: type[Frozen]) -> dict[str, Any]:
    return {"$schema": DIALECT, **_with_definitions(model)[0]}


def _with_definitions(model: type[Frozen], *others: type[Frozen]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return a model's schema with all definitions, and references to the other models among them."""
    asked = [(each, _VALIDATION) for each in (model, *others)]
    references, schema = models_json_schema(asked, schema_generator=_Described)
    definitions: dict[str, Any] = schema["$defs"]
    name = references[model, _VALIDATION]["$ref"].removeprefix("#/$defs/")
    return {**definitions.pop(name), "$defs": definitions}, [references[other, _VALIDATION] for other in others]


def _composable(model: type[Frozen]) -> dict[str, Any]:
    """Return the schema of a file that stands alone, or with `extends` says only what differs from its base."""
    names = discovery.names("checks", "Args")
    arguments = [discovery.load("checks", name, "Args") for name in names]
    whole, (removal, *references) = _with_definitions(model, Removal, *arguments)
    definitions = whole.pop("$defs")
    definitions["CheckSpec"] = _check_spec(dict(zip(names, references, strict=True)), definitions)
    definitions["Override"] = _override(definitions["Criterion"])
    definitions["Whole"] = whole
    definitions["Extending"] = _extending(whole, removal, model is BaseForm)
    choice = {"if": {"required": ["extends"]}, "then": {"$ref": "#/$defs/Extending"}, "else": {"$ref": "#/$defs/Whole"}}
    return {"$schema": DIALECT, "description": whole["description"], "type": "object", **choice, "$defs": definitions}


def _check_spec(arguments: dict[str, dict[str, Any]], definitions: dict[str, Any]) -> dict[str, Any]:
    """One alternative a check: its id, and the arguments that it takes."""
    choices = []
    for name, reference in arguments.items():
        taken = definitions[reference["$ref"].removeprefix("#/$defs/")]
        needed = ["id", "args"] if taken.get("required") else ["id"]
        fields = {"id": {"const": name}, "args": reference}
        choices.append({"type": "object", "properties": fields, "required": needed, "additionalProperties": False})
    return {"description": definitions["CheckSpec"]["description"], "oneOf": choices}


def _override(criterion: dict[str, Any]) -> dict[str, Any]:
    """A criterion of which only the id has to be said: the rest is the base's, or a new criterion's own."""
    reason = {"type": "string", "minLength": 3, "maxLength": 600, "description": "Why less than the base is right."}
    made = deepcopy(criterion)
    made["properties"]["allow_softer"] = reason
    return {**made, "required": ["id"]}


def _extending(whole: dict[str, Any], removal: dict[str, Any], base: bool) -> dict[str, Any]:  # noqa: FBT001 # of ours
    made = deepcopy(whole)
    fields = made["properties"]
    fields["extends"] = {"type": "string", "description": "Id of the rubric, or of the base in _base, to take over."}
    fields["without"] = {"type": "array", "items": removal, "description": "Criteria of the base that are left out."}
    fields["criteria"] = {"type": "array", "items": {"$ref": "#/$defs/Override"}, "maxItems": 64}
    return {**made, "required": ["schema", "id", "extends"] if base else _OWN}


def _tidied(schema: Any) -> Any:
    """Leave out titles, which only repeat field names, and let no key through that a mapping's pattern does not know.

    A property that is called `title` is told from a title by its being a mapping.
    """
    if isinstance(schema, list):
        return [_tidied(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _tidied(value) for key, value in schema.items() if key != "title" or isinstance(value, dict)}
    return {**made, "additionalProperties": False} if "patternProperties" in made else made
