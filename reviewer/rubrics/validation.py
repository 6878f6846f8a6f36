"""From a read document to a model: every broken rule becomes a fault with file, line, field, and what was expected.

Values are shown only where they are short single lines, so that no draft of a case file ends up in a message.
"""

from __future__ import annotations

import difflib
import types
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from reviewer.core.errors import Edit, Fault, RubricError
from reviewer.core.placement import FieldPath, PlacedError
from reviewer.rubrics.yaml_file import Document

M = TypeVar("M", bound=BaseModel)

_SHOWN_CHARACTERS = 40
_CODES = {"extra_forbidden": "RUB005", "missing": "RUB006", "value_error": "RUB008"}
# Below this likeness a suggestion is for a person to judge.
_SURE = 0.8


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
            faults.extend(document.fault((*path, *inner), message, "RUB008") for inner, message in cause.faults)
        else:
            close = _closest(details["loc"], model) if details["type"] == "extra_forbidden" else None
            edit = _renaming(document, path, close) if close else None
            code = _CODES.get(details["type"], "RUB007")
            faults.append(document.fault(path, _message(details, model), code, edit))
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
    known = _known(loc, model)
    if not known:
        return ""
    close = _closest(loc, model)
    return f"; did you mean {close}?" if close else f"; known: {', '.join(known)}"


def _known(loc: FieldPath, model: type[BaseModel]) -> list[str]:
    owner = _model_at(model, loc[:-1])
    return [] if owner is None else [field.alias or name for name, field in owner.model_fields.items()]


def _closest(loc: FieldPath, model: type[BaseModel]) -> str | None:
    return next(iter(difflib.get_close_matches(str(loc[-1]), _known(loc, model), n=1)), None)


def _renaming(document: Document, path: FieldPath, close: str) -> Edit | None:
    """Return the edit that gives a key the name it is most like; None where that name is taken or not like enough."""
    key = str(path[-1])
    around = document.at(path[:-1])
    if not isinstance(around, dict) or close in around or path not in document.positions:
        return None
    if difflib.SequenceMatcher(None, key, close).ratio() < _SURE:
        return None
    return Edit(*document.positions[path], key, close)


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
