"""Which rules a replay has at hand: those of the releases that a log names."""

from __future__ import annotations

from pathlib import Path

from reviewer.cli.replay_past import released_rules
from reviewer.log_home import create_log, open_records
from tests.e2e.test_releases import Office
from tests.e2e.test_reload import revise


async def test_releases_of_the_log_are_at_hand(tmp_path: Path) -> None:
    """Rules that were in force are found by the log, whatever the folder says by now; a bundle that is gone is not."""
    office = Office(tmp_path)
    create_log(office.settings)
    first, second = await office.in_force(1), await office.in_force(2)
    revise(office.rules, 3)

    async def versions() -> list[str]:
        async with open_records(office.settings) as ledger:
            found = await released_rules(office.settings.rules, ledger)
        return [rulebook.rubrics["health"].version for rulebook in found]

    assert await versions() == ["9.0.2", "9.0.1"]
    (office.releases / f"{first}.release").unlink()
    bundle = office.releases / f"{second}.release"
    assert await versions() == ["9.0.2"]
    bundle.write_bytes(bundle.read_bytes()[:-1] + b"#")
    assert await versions() == []
