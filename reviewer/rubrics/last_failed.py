"""What failed the last time, so that it can be run again alone."""

from __future__ import annotations

import json
from pathlib import Path

from reviewer.core.errors import ConfigError, Fault
from reviewer.rubrics.results import RunResult


def write_failed(path: Path, result: RunResult) -> None:
    """Write the names of the cases that failed, those whose verdict hung on their wording among them."""
    names = {trial.case for trial in result.failures} | {flip.case for flip in result.flipped_variants}
    path.write_text(json.dumps({"failed": sorted(names)}, indent=1) + "\n", encoding="utf-8")


def read_failed(path: Path) -> frozenset[str]:
    """Read what `write_failed` wrote.

    Raises:
        ConfigError: there is no such file, or it is none of ours.
    """
    try:
        failed = json.loads(path.read_text(encoding="utf-8"))["failed"]
        return frozenset(map(str, failed))
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise ConfigError(
            (Fault(path.name, "", "does not say what failed: run the cases once without --failed"),)
        ) from exc
