"""Reading script and case files from disk. The only part of the simulated provider that touches files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from reviewer.core.case import CaseFile
from reviewer.core.errors import ConfigError, Fault, RubricError
from reviewer.simulate.cases import script_for_cases
from reviewer.simulate.script import BatchConduct, Script, ScriptFile

_Model = TypeVar("_Model", bound=BaseModel)


class _PublicValues(BaseModel):
    """The one thing of a rubric file that changes what a prompt shows."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    public_values: tuple[str, ...] = ()


def load_script(script_path: Path | None = None, cases_dir: Path | None = None, *, always_met: bool = False) -> Script:
    """Read what the simulated provider is to answer.

    Args:
        script_path: a script file; its rules come before the cases.
        cases_dir: a folder with `cases/*.yaml` at any depth, or a folder named `cases` itself.
        always_met: see `Script`.

    Raises:
        ConfigError: the script file cannot be read or is invalid; names file and field, all faults at once.
        RubricError: the same for case files, or there are none.
    """
    file = _read(script_path, ScriptFile, ConfigError) if script_path is not None else None
    rules, batches = (file.rules, file.batches) if file is not None else ((), BatchConduct())
    if cases_dir is None:
        return Script(rules=rules, always_met=always_met, batches=batches)
    paths = sorted(path for path in cases_dir.rglob("*.yaml") if path.parent.name == "cases")
    if not paths:
        raise RubricError((Fault(str(cases_dir), "", "holds no cases/*.yaml"),))
    files = [_read(path, CaseFile, RubricError) for path in paths]
    rubrics = {path.parent.parent / "rubric.yaml" for path in paths}
    rubrics |= {base for path in paths for base in path.parents[2].glob("_base/*.yaml")}
    public = {value for path in rubrics if path.exists() for value in _public_values(path)}
    cases = script_for_cases(files, sorted(public)).cases
    return Script(rules=rules, cases=cases, always_met=always_met, batches=batches)


def _public_values(path: Path) -> tuple[str, ...]:
    return _read(path, _PublicValues, RubricError).public_values


def _read(path: Path, model: type[_Model], error: type[ConfigError | RubricError]) -> _Model:
    try:
        return model.model_validate(_parse(path))
    except OSError as exc:
        raise error((Fault(str(path), "", f"cannot be read: {exc.strerror}"),)) from exc
    except UnicodeDecodeError as exc:
        raise error((Fault(str(path), "", f"is not UTF-8 at byte {exc.start}"),)) from exc
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise error((Fault(where, "", f"is not YAML: {exc.problem}"),)) from exc
    except ValidationError as exc:
        # Values are left out: a case file may hold what a draft must not show.
        rows = exc.errors(include_url=False, include_input=False, include_context=False)
        faults = tuple(Fault(str(path), ".".join(map(str, row["loc"])), row["msg"]) for row in rows)
        raise error(faults) from exc


def _parse(path: Path) -> Any:
    with path.open(encoding="utf-8") as stream:
        return yaml.load(stream, Loader=yaml.CSafeLoader)
