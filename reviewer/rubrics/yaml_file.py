"""Reading one YAML file into plain values with a line and column for each, and nothing that YAML could do to surprise.

Accepted is the part of YAML that versions 1.1 and 1.2 read alike: mappings with string keys, sequences, text, whole
and decimal numbers, true and false, null. Dates stay text. Aliases, tags, merge keys, tabs, duplicate keys, several
documents and ambiguous plain words (`yes`, `010`, `1:30`) are faults, all of them reported at once. What the values
mean is `reviewer.rubrics.validation`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from reviewer.core.errors import Edit, Fault, RubricError
from reviewer.core.placement import FieldPath

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 32
# Beyond 2**53 languages differ on what a number is, and RFC 8785 has no form for it.
MAX_DIGITS = 15

# libyaml is some ten times faster; a PyYAML built without it reads the same files.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_TOO_LONG = f"number of more than {MAX_DIGITS} characters: write it in quotes"
_INT = re.compile(r"-?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]+")
# Numbers for YAML 1.2 and text for 1.1.
_ONLY_LATER = re.compile(r"0o[0-7]+|[-+]?[0-9]+(?:\.[0-9]*)?[eE][-+]?[0-9]+")
_CONSTANTS: dict[str, object] = {"true": True, "false": False, "null": None, "~": None, "": None}


@dataclass(frozen=True, slots=True)
class Document:
    """The content of one file.

    Attributes:
        name: path as faults show it, `health/rubric.yaml`.
        value: dicts, lists, str, int, float, bool and None.
        positions: line and column, from 1, of each key and list item.
        text: the file as it was read.
        others: the file of each key and item that was taken over from another one.
    """

    name: str
    value: object
    positions: Mapping[FieldPath, tuple[int, int]]
    text: str = field(default="", repr=False)
    others: Mapping[FieldPath, str] = field(default_factory=dict)

    def where(self, path: FieldPath) -> str:
        """Return `name:line:column` of a field, or of the nearest thing around it that the file has."""
        while path and path not in self.positions:
            path = path[:-1]
        line, column = self.positions.get(path, (1, 1))
        return f"{self.others.get(path, self.name)}:{line}:{column}"

    def at(self, path: FieldPath) -> object:
        """Return the value of a field, None where the file has none."""
        value = self.value
        for step in path:
            if isinstance(value, dict):
                value = value.get(step)
            elif isinstance(value, list) and isinstance(step, int) and step < len(value):
                value = value[step]
            else:
                return None
        return value

    def fault(self, path: FieldPath, message: str, code: str = "", edit: Edit | None = None) -> Fault:
        """Make a fault that names the file's line and the field."""
        return Fault(self.where(path), dotted(path), message, code, edit)


def dotted(path: FieldPath) -> str:
    """Write a path as `criteria[3].on_fail`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def read_file(directory: Path, name: str) -> Document:
    """Read `directory / name`.

    Raises:
        RubricError: the file is missing, larger than 1 MiB, not UTF-8, or not the YAML that is accepted here.
    """
    try:
        with (directory / name).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as exc:
        raise RubricError((Fault(name, "", f"cannot be read: {exc.strerror}", "RUB001"),)) from exc
    if len(data) > MAX_BYTES:
        raise RubricError((Fault(name, "", f"file has more than {MAX_BYTES:,} bytes", "RUB001"),))
    try:
        text = data.decode()
    except UnicodeDecodeError as exc:
        where = _at(name, data[: exc.start].decode(), exc.start)
        raise RubricError((Fault(where, "", "not valid UTF-8", "RUB001"),)) from exc
    return read(name, text)


def read(name: str, text: str) -> Document:
    """Read the text of one file.

    Raises:
        RubricError: with every fault, each placed as `name:line:column`; a syntax error ends the reading.
    """
    if tabs := [_at(name, text, match.start()) for match in re.finditer("\t", text)]:
        message = "tab: use spaces, or \\t in double quotes"
        raise RubricError(tuple(Fault(where, "", message, "RUB002") for where in tabs))
    reader = _Reader(name, yaml.parse(text, Loader=_LOADER))
    try:
        value = reader.document()
    except yaml.YAMLError as exc:
        reader.faults.append(_syntax_fault(name, text, exc))
    if reader.faults:
        raise RubricError(tuple(reader.faults))
    return Document(name, value, reader.positions, text)


def _syntax_fault(name: str, text: str, error: yaml.YAMLError) -> Fault:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        where = f"{name}:{mark.line + 1}:{mark.column + 1}"
        return Fault(where, "", f"not valid YAML: {error.problem}", "RUB002")
    position = getattr(error, "position", 0)
    reason = getattr(error, "reason", "cannot be read")
    return Fault(_at(name, text, position), "", f"not valid YAML: {reason}", "RUB002")


def _at(name: str, text: str, position: int) -> str:
    before = text[:position]
    return f"{name}:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"


class _TooDeepError(yaml.YAMLError):
    """Ends the reading of a file: what is nested this deep is not worth following."""

    reason = f"nested deeper than {MAX_DEPTH} levels"


class _Reader:
    """Turns the parser's events into values, collecting positions and faults on the way.

    Events rather than nodes: composing nodes recurses in C and crashes the process on deep nesting.
    """

    def __init__(self, name: str, events: Iterator[Event]) -> None:
        self.name = name
        self.positions: dict[FieldPath, tuple[int, int]] = {}
        self.faults: list[Fault] = []
        self._events = events

    def document(self) -> object:
        """Read the only document of the stream."""
        next(self._events)
        if not isinstance(next(self._events), DocumentStartEvent):
            self.faults.append(Fault(f"{self.name}:1:1", "", "file is empty", "RUB002"))
            return None
        value = self._value(next(self._events), ())
        next(self._events)
        after = next(self._events)
        if isinstance(after, DocumentStartEvent):
            self.faults.append(Fault(self._mark(after), "", "second document: one file holds one", "RUB002"))
        return value

    def _value(self, event: Event, path: FieldPath) -> object:
        """Read the value that an event begins; what cannot be accepted becomes None and a fault."""
        if len(path) > MAX_DEPTH:
            raise _TooDeepError
        if isinstance(event, AliasEvent):
            return self._refuse(path, "alias: write the value out where it is used")
        if getattr(event, "tag", None) is not None:
            self._refuse(path, "tag: only plain mappings, lists and values are read")
        if isinstance(event, MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, SequenceStartEvent):
            return self._sequence(path)
        assert isinstance(event, ScalarEvent), "the parser gives a value where one must stand"
        return self._scalar(event, path)

    def _sequence(self, path: FieldPath) -> list[object]:
        found: list[object] = []
        while not isinstance(event := next(self._events), SequenceEndEvent):
            inner = (*path, len(found))
            self._place(event, inner)
            found.append(self._value(event, inner))
        return found

    def _mapping(self, path: FieldPath) -> dict[str, object]:
        found: dict[str, object] = {}
        while not isinstance(event := next(self._events), MappingEndEvent):
            if not isinstance(event, ScalarEvent):
                self.faults.append(Fault(self._mark(event), dotted(path), "key is not text", "RUB002"))
                self._value(event, (*path, "?"))
                self._value(next(self._events), (*path, "?"))
                continue
            if _kind(event) != "str":
                message = f"key {event.value[:40]!r} is not text in every YAML version: write it in quotes"
                self.faults.append(Fault(self._mark(event), dotted(path), message, "RUB003", _quoting(event)))
            inner = (*path, event.value)
            if event.value in found:
                message = f"key stands twice, first in line {self.positions[inner][0]}"
                self.faults.append(Fault(self._mark(event), dotted(inner), message, "RUB004"))
            else:
                self._place(event, inner)
            found[event.value] = self._value(next(self._events), inner)
        return found

    def _scalar(self, event: ScalarEvent, path: FieldPath) -> object:
        text: str = event.value
        match _kind(event):
            case "str" | "timestamp":
                return text
            case "bool" | "null" if text in _CONSTANTS:
                return _CONSTANTS[text]
            case "int" if _INT.fullmatch(text):
                return int(text) if len(text) <= MAX_DIGITS else self._refuse(path, _TOO_LONG, event)
            case "float" if _FLOAT.fullmatch(text):
                return float(text) if len(text) <= MAX_DIGITS else self._refuse(path, _TOO_LONG, event)
            case _:
                message = f"{text[:40]!r} is read differently by YAML versions: write it in quotes"
                return self._refuse(path, message, event)

    def _place(self, event: Event, path: FieldPath) -> None:
        self.positions[path] = _position(event)

    def _mark(self, event: Event) -> str:
        line, column = _position(event)
        return f"{self.name}:{line}:{column}"

    def _refuse(self, path: FieldPath, message: str, plain: ScalarEvent | None = None) -> object:
        """Note what is not accepted; `plain` is a scalar that is, once it stands in quotes."""
        document = Document(self.name, None, self.positions)
        edit = None if plain is None else _quoting(plain)
        self.faults.append(document.fault(path, message, "RUB002" if plain is None else "RUB003", edit))
        return None


def _position(event: Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)


def _quoting(event: ScalarEvent) -> Edit | None:
    """Return the edit that puts a plain scalar of one line into quotes."""
    begin, end = event.start_mark, event.end_mark
    if begin is None or end is None or begin.line != end.line or not event.value:
        return None
    return Edit(begin.line + 1, begin.column + 1, event.value, f'"{event.value}"')


def _kind(event: ScalarEvent) -> str:
    """Return what YAML takes a scalar for: `str` where it is quoted or nothing else fits."""
    if not event.style:
        for tag, pattern in yaml.SafeLoader.yaml_implicit_resolvers.get(event.value[:1], ()):
            if pattern.match(event.value):
                return str(tag).removeprefix(_TAG)
        if _ONLY_LATER.fullmatch(event.value):
            return "float"
    return "str"
