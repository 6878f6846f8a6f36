"""Rules about the shape of the repository that no single module can keep: doors, sizes, names, generated files.

The doors themselves are import-linter contracts in pyproject.toml; here they are only walked.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
GENERATED = ROOT / "reviewer" / "v1"
TOP_LEVEL = {
    ".ci",
    ".gitignore",
    "Dockerfile",
    "Makefile",
    "README.md",
    "bench",
    "deploy",
    "docs",
    "proto",
    "pyproject.toml",
    "reviewer",
    "rubrics",
    "tests",
}
MAX_FUNCTION_LINES = 60
MAX_FILE_LINES = 400
NAMES_THAT_SAY_NOTHING = {"common", "helper", "helpers", "misc", "util", "utils"}
# The writer thread of the log, the runner of checks, the outermost guard of a call: what they catch, whatever it is,
# becomes a failed write, a handoff or an error status, never a laxer answer.
MAY_CATCH_EVERYTHING = {
    "reviewer/checks/runner.py",
    "reviewer/ledger/postgres_writer.py",
    "reviewer/ledger/sqlite.py",
    "reviewer/serving/servicer.py",
}
# Drafts under review speak of other people's machines, and an image has its own file system.
MAY_NAME_MACHINE_PATHS = re.compile(r"rubrics/|Dockerfile$")
MACHINE_PATH = re.compile(r"""(?:^|[\s"'`(=:,\[])/(?:tmp|work|home|root)/""", re.MULTILINE)


@cache
def _files() -> tuple[Path, ...]:
    """Every file that is or could be committed; without git, what lies in the folders of the repository."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        names = subprocess.run(listing, cwd=ROOT, capture_output=True, check=True, text=True).stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):
        tops = (ROOT / name for name in TOP_LEVEL)
        found = [path for top in tops for path in (top.rglob("*") if top.is_dir() else [top])]
        return tuple(path for path in found if path.is_file() and "__pycache__" not in path.parts)
    return tuple(path for name in names if name and (path := ROOT / name).is_file())


def _written(folder: str) -> list[Path]:
    """Return the Python files of a folder that people write."""
    within = ROOT / folder
    return [p for p in _files() if p.suffix == ".py" and p.is_relative_to(within) and not p.is_relative_to(GENERATED)]


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=_name(path))


def _functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(_tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def _swallows_everything(handler: ast.ExceptHandler) -> bool:
    """Whether a handler takes every exception and does not end by raising."""
    if isinstance(handler.body[-1], ast.Raise):
        return False
    if handler.type is None:
        return True
    names = {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)}
    return bool(names & {"BaseException", "Exception"})


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a tool of this environment at the root of the repository."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False, text=True)


def test_doors_open_downwards_only() -> None:
    """Every import contract of pyproject.toml is kept."""
    done = _run("lint-imports", "--no-cache")
    assert done.returncode == 0, done.stdout + done.stderr


def test_functions_fit_on_a_screen() -> None:
    """No function of the package is longer than the cap, docstring included."""
    long = [
        f"{_name(path)}:{function.lineno} {function.name}"
        for path in _written("reviewer")
        for function in _functions(path)
        if (function.end_lineno or function.lineno) - function.lineno >= MAX_FUNCTION_LINES
    ]
    assert long == []


def test_files_hold_one_concept() -> None:
    """No file of the package is longer than the cap."""
    lines = {_name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in _written("reviewer")}
    assert {name: count for name, count in lines.items() if count > MAX_FILE_LINES} == {}
    assert lines


def test_modules_are_named_for_what_they_hold() -> None:
    """No module of the package or of its tests has a name that would fit any content."""
    paths = [*_written("reviewer"), *_written("tests"), *_written("bench")]
    assert [_name(path) for path in paths if NAMES_THAT_SAY_NOTHING & {*path.relative_to(ROOT).parts, path.stem}] == []


def test_only_guards_catch_everything() -> None:
    """A handler of every exception stands only in the files where it leads to a stricter answer."""
    found = {
        _name(path)
        for path in _written("reviewer")
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.ExceptHandler) and _swallows_everything(node)
    }
    assert found <= MAY_CATCH_EVERYTHING


def test_the_top_level_stays_short() -> None:
    """Nothing lies at the top of the repository but what the table of contents names."""
    assert {path.relative_to(ROOT).parts[0] for path in _files()} <= TOP_LEVEL


def test_files_name_no_machine() -> None:
    """No file holds a path that exists on one machine only."""
    paths = [path for path in _files() if not MAY_NAME_MACHINE_PATHS.match(_name(path))]
    assert [_name(path) for path in paths if MACHINE_PATH.search(path.read_text("utf-8", errors="replace"))] == []


def test_every_test_states_its_property() -> None:
    """Every test has a docstring."""
    silent = [
        f"{_name(path)}:{function.lineno} {function.name}"
        for path in _written("tests")
        for function in _functions(path)
        if function.name.startswith("test_") and not ast.get_docstring(function)
    ]
    assert silent == []


def test_generated_code_is_fresh(tmp_path: Path) -> None:
    """The committed code of the wire format is what the tools make of proto/ today."""
    protos = sorted(_name(path) for path in (ROOT / "proto" / "reviewer" / "v1").glob("*.proto"))
    outputs = [f"--{plugin}_out={tmp_path}" for plugin in ("python", "grpc_python")]
    outputs += [f"--{plugin}_out=quiet:{tmp_path}" for plugin in ("mypy", "mypy_grpc")]
    done = _run(sys.executable, "-m", "grpc_tools.protoc", "-Iproto", *outputs, *protos)
    assert done.returncode == 0, done.stderr
    fresh = {path.name: path.read_text("utf-8") for path in (tmp_path / "reviewer" / "v1").iterdir()}
    committed = {path.name: path.read_text("utf-8") for path in GENERATED.glob("*_pb2*.py*")}
    assert sorted(committed) == sorted(fresh)
    assert [name for name, text in fresh.items() if committed[name] != text] == []


@pytest.mark.parametrize("pins", [f"requirements{of}.txt" for of in ("", "-build", "-dev", "-local")])
def test_pins_have_hashes_and_no_addresses(pins: str) -> None:
    """Every pinned package carries a hash, and no file says from which index it must come."""
    text = (ROOT / "deploy" / pins).read_text("utf-8")
    packages = re.findall(r"^[\w.-]+==\S+ \\\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)
    assert len(packages) == len(re.findall(r"^[\w.-]+(?:\[|==| @|>)", text, re.MULTILINE)) > 0
    assert "://" not in text
    assert not re.search(r"^\s*-(?!-hash)", text, re.MULTILINE)
