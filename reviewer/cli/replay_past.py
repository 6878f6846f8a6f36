"""The rules of releases for `reviewer replay`: those under which reviews were made, as far as they are at hand."""

from __future__ import annotations

from contextlib import suppress

from reviewer.core.errors import ReleaseError, RubricError
from reviewer.core.rulebook import Rulebook
from reviewer.ledger.interface import Ledger
from reviewer.ledger.releases import events_since
from reviewer.rubrics.release_files import load_release, read_bundle
from reviewer.rules_section import RulesSettings

_MOST = 20
"""Rule sets in memory at once: of a longer history the newest."""


async def released_rules(settings: RulesSettings, ledger: Ledger) -> tuple[Rulebook, ...]:
    """Return the rules of releases that the log names, in force or on trial, the newest first.

    A bundle that is gone, altered or of another prompt version is passed over: its reviews are judged as those of any
    rules that are not at hand. Who approved of it does not matter here, since it judged.

    Raises:
        LedgerUnavailableError: the log cannot be read.
    """
    if settings.releases is None:
        return ()
    newest = {told.event.digest: told.event.time for told in reversed(await events_since(ledger, 0))}
    found: list[Rulebook] = []
    for digest, moment in list(newest.items())[:_MOST]:
        with suppress(ReleaseError, RubricError):
            release = read_bundle(settings.releases, digest).release
            found.append(load_release(release, moment.date(), with_cases=False).rulebook)
    return tuple(found)
