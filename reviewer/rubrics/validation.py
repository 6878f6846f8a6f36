"""From a read document to a model: every broken rule becomes a fault with file, line, field, and what was expected.

Values are shown only where they are short single lines, so that no draft of a case file ends up in a message.
"""

from __future__ import annotations

import difflib
import types
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from reviewer.core.errors import Fault, RubricError
from reviewer.core.placement import FieldPath, PlacedError
from reviewer.rubrics.yaml_file import Document

M = TypeVar("M", bound=BaseModel)

_SHOWN_CHARACTERS = 40


def validate(document: Document, model: type[M]) -> M:
    """Validate a document's value.

    Raises:
        RubricError: with one fault for each broken rule, in the order of the file's fields.
    """
    try:
        return model.model_validate(document.value)
    except ValidationError as exc:
        raise RubricError(faults_of(document, exc, (), model)) from exc


def faults_of(document: Document, error: ValidationError, base: FieldPath, model: type[BaseModel]) -> tuple[Fault, ...]:
    """Place the errors of a value that stands at `base` in a document.

    Args:
        model: the model that refused the value; its field names are what an unknown key is compared with.
    """
    faults: list[Fault] = []
    for details in error.errors(include_url=False):
        if _echo(details):
            continue
        path = (*base, *(step for step in details["loc"] if step != "[key]"))
        cause = details.get("ctx", {}).get("error")
        if isinstance(cause, PlacedError):
            faults.extend(document.fault((*path, *inner), message) for inner, message in cause.faults)
        else:
            faults.append(document.fault(path, _message(details, model)))
    return tuple(faults)


def _echo(details: ErrorDetails) -> bool:
    """Whether a list is only called too short because its items, which have errors of their own, do not count."""
    value = details["input"]
    return details["type"] == "too_short" and isinstance(value, list) and len(value) >= details["ctx"]["min_length"]


def _message(details: ErrorDetails, model: type[BaseModel]) -> str:
    match details["type"]:
        case "missing":
            return "required key is missing"
        case "extra_forbidden":
            return "unknown key" + _suggestion(details["loc"], model)
        case "value_error":
            return details["msg"].removeprefix("Value error, ")
        case _:
            message = details["msg"].removeprefix("Input ").removeprefix("should be ")
            return f"expected {message[0].lower()}{message[1:]}; got {_shown(details['input'])}"


def _shown(value: object) -> str:
    """Say briefly what was got, without repeating text that may be a draft's."""
    match value:
        case str() if len(value) > _SHOWN_CHARACTERS or "\n" in value:
            return f"a text of {len(value):,} characters"
        case dict():
            return f"a mapping of {len(value)} keys"
        case list():
            return f"a list of {len(value)} items"
        case _:
            return repr(value)


def _suggestion(loc: FieldPath, model: type[BaseModel]) -> str:
    *parents, key = loc
    owner = _model_at(model, tuple(parents))
    if owner is None:
        return ""
    known = [field.alias or name for name, field in owner.model_fields.items()]
    close = difflib.get_close_matches(str(key), known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; known: {', '.join(known)}"


def _model_at(model: type[BaseModel], path: FieldPath) -> type[BaseModel] | None:
    """Follow a path of keys and indexes through the annotations; None where it leaves the models."""
    current: Any = model
    for step in path:
        fields = {field.alias or name: field for name, field in _fields(current).items()}
        if isinstance(step, str) and step in fields:
            current = _bare(fields[step].annotation)
        elif arguments := get_args(current):
            current = _bare(arguments[1] if get_origin(current) is dict else arguments[0])
        else:
            return None
    return current if _fields(current) else None


def _fields(kind: Any) -> dict[str, Any]:
    return dict(kind.model_fields) if isinstance(kind, type) and issubclass(kind, BaseModel) else {}


def _bare(annotation: Any) -> Any:
    """Take `Annotated` and `| None` off a type."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif get_origin(annotation) in {Union, types.UnionType}:
            annotation = next(part for part in get_args(annotation) if part is not type(None))
        else:
            return annotation
