"""Logs on which a release is in force and another one on trial, for services to be started on.

Both are bundles that two people approved of. What is told here is what `reviewer release promote` writes; the rules of
the candidate are those in force, with another model of the same vendor as the second one.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

from reviewer import moments
from reviewer.config import Settings
from reviewer.core.release_event import ReleaseAction, ReleaseEvent, Told
from reviewer.core.rollout import ReleaseStage, Trial, course_of
from reviewer.ledger.releases import ReleaseLog, events_since
from reviewer.log_home import create_log, open_records
from reviewer.rubrics.release_files import read_folder
from tests.support.releases import ANA, BO, approvers_file, released

MODEL: Final = "claude-opus-4-6"
"""Who judges by the rules in force."""
OTHER_MODEL: Final = "claude-opus-4-5-20251101"
"""Who judges by those of the candidate."""


@dataclass(frozen=True, slots=True)
class Ground:
    """A log, and two approved releases.

    Attributes:
        base, candidate: digests of what is in force and of what can be put on trial.
        environment: settings for a service on that log, as `bench.processes.start_product` takes them.
    """

    settings: Settings
    base: str
    candidate: str
    environment: Mapping[str, str]

    @classmethod
    def make(cls, folder: Path, rules: Path, ledger: Mapping[str, Any] | None = None) -> Self:
        """Make everything in a new folder, with the release of `rules` in force.

        Args:
            ledger: settings of the log; a file in the folder where nothing is said.
        """
        changed = folder / "candidate"
        shutil.copytree(rules, changed)
        routing = changed / "routing.yaml"
        routing.write_text(routing.read_text(encoding="utf-8").replace(MODEL, OTHER_MODEL), encoding="utf-8")
        releases = folder / "releases"
        releases.mkdir()
        base, candidate = (released(releases, read_folder(each), ANA, BO) for each in (rules, changed))
        kept: dict[str, Any] = {"path": folder / "log.db", **(ledger or {})}
        section = {"releases": releases, "approvers": approvers_file(folder, ANA, BO)}
        settings = Settings.model_validate({"ledger": kept, "rules": section})
        create_log(settings)
        named = {f"LEDGER__{name.upper()}": str(value) for name, value in kept.items()}
        named |= {f"RULES__{name.upper()}": str(value) for name, value in section.items()}
        return cls(settings, base, candidate, named)

    async def put_in_force(self) -> None:
        """Have the log say that the first release is in force everywhere."""
        await self._tell(ReleaseAction.ACTIVATE, self.base, "", ReleaseStage.FULL, 100)

    async def try_out(self, stage: ReleaseStage, percent: int) -> Trial:
        """Put the candidate on trial on all routes."""
        await self._tell(ReleaseAction.PROMOTE, self.candidate, self.base, stage, percent)
        (trial,) = course_of(await self.told()).trials
        return trial

    async def told(self) -> list[Told]:
        """Return what the log says of releases."""
        async with open_records(self.settings) as ledger:
            return await events_since(ledger, 0)

    async def size(self) -> int:
        """Return the number of records."""
        async with open_records(self.settings) as ledger:
            return await ledger.size()

    async def _tell(self, action: ReleaseAction, digest: str, previous: str, stage: ReleaseStage, percent: int) -> None:
        now = datetime.now(UTC)
        words = digest, previous, "bench", "measured"
        event = ReleaseEvent(action, str(moments.new_id(now)), now, *words, stage=stage, percent=percent)
        async with open_records(self.settings) as ledger:
            await ReleaseLog(ledger).tell(event)
