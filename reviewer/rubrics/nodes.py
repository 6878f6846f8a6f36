"""A document as a tree whose every value knows the file and place it came from, so that files can be put together.

`Document` keeps places beside the value, by path; a path changes when lists are merged, a node does not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

from reviewer.core.placement import FieldPath
from reviewer.rubrics.yaml_file import Document

Scalar: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Node:
    """One value of a file.

    Attributes:
        value: a mapping of nodes, a list of nodes, or a scalar.
        place: line and column of the key or list item, from 1.
    """

    value: dict[str, Node] | list[Node] | Scalar
    file: str
    place: tuple[int, int]

    @property
    def fields(self) -> dict[str, Node]:
        """The fields of a mapping; none of anything else."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def items(self) -> list[Node]:
        """The items of a list; none of anything else."""
        return self.value if isinstance(self.value, list) else []

    @property
    def text(self) -> str:
        """The text of a scalar that is text; empty for anything else."""
        return self.value if isinstance(self.value, str) else ""

    @property
    def where(self) -> str:
        """`file:line:column`."""
        return f"{self.file}:{self.place[0]}:{self.place[1]}"

    def having(self, value: dict[str, Node] | list[Node] | Scalar) -> Node:
        """Return the node with another value."""
        return replace(self, value=value)


def tree_of(document: Document) -> Node:
    """Return a document as a tree."""

    def grown(value: object, path: FieldPath) -> Node:
        file, place = document.others.get(path, document.name), document.positions.get(path, (1, 1))
        if isinstance(value, dict):
            return Node({key: grown(inner, (*path, key)) for key, inner in value.items()}, file, place)
        if isinstance(value, list):
            return Node([grown(inner, (*path, at)) for at, inner in enumerate(value)], file, place)
        assert value is None or isinstance(value, str | int | float), "a document holds nothing else"
        return Node(value, file, place)

    return grown(document.value, ())


def document_of(tree: Node, name: str, text: str) -> Document:
    """Return a tree as the document of one file, whose values may stand in others.

    Args:
        name: of the file that the rest was merged into.
        text: of that file.
    """
    positions: dict[FieldPath, tuple[int, int]] = {}
    others: dict[FieldPath, str] = {}

    def felled(node: Node, path: FieldPath) -> object:
        if path:
            positions[path] = node.place
            if node.file != name:
                others[path] = node.file
        if isinstance(node.value, dict):
            return {key: felled(inner, (*path, key)) for key, inner in node.value.items()}
        if isinstance(node.value, list):
            return [felled(inner, (*path, at)) for at, inner in enumerate(node.value)]
        return node.value

    return Document(name, felled(tree, ()), positions, text, others)
