"""The rules in force: which rule set judges now, and how another one takes its place between two reviews.

The verdict log decides: the last release that was activated there is in force, for every service on that log, so that a
rollback is the activation of an earlier one. Where no release was ever activated, the rule folder is in force, and each
change of it that takes effect is told in the log too. Invariants:

* a set is loaded, checked, held against the settings and warmed up beside the event loop before anybody goes by it;
* the exchange is one assignment on the loop: a review sees the old set or the new one, and no mixture;
* what cannot be used leaves the last good set in force, with the reasons in `Status`; at the start it is an error;
* an exchange that the log should tell of is in the log before it takes place.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import UUID

from reviewer.building import building
from reviewer.core.canary import canaries_of
from reviewer.core.draft import ReviewRequest
from reviewer.core.errors import ConfigError, Fault, FaultsError, ReviewerError
from reviewer.core.release import Release, release_name
from reviewer.core.release_event import ReleaseAction, ReleaseEvent, ReleaseSource
from reviewer.core.review import Review
from reviewer.core.rulebook import Rulebook
from reviewer.core.ruling import RuleSet, Ruling
from reviewer.ledger.interface import Ledger
from reviewer.ledger.releases import ReleaseLog
from reviewer.pipeline import warm_up
from reviewer.rubrics.approved import open_release
from reviewer.rubrics.release_files import Traces, load_release, read_folder, traces_of, traces_of_bundle
from reviewer.rules_section import RulesSettings
from reviewer.stages import Stages
from reviewer.telemetry import logger

SERVICE = "service"
"""Who activates a rule folder, as the log names it."""
SETTLE_S = 0.2
"""For so long a changed folder must stay as it is before it is read."""

Fits = Callable[[Rulebook, Rulebook | None], None]
"""Raises ConfigError where a rulebook asks for what this service does not have; beside it the one in force, if any."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where rules come from, and what stands around them.

    Attributes:
        directory: the rule folder.
        now, new_id: UTC time, and ids for it.
        with_canaries: whether canaries are shown at all.
    """

    directory: Path
    settings: RulesSettings
    fits: Fits
    now: Callable[[], datetime]
    new_id: Callable[[datetime], UUID]
    with_canaries: bool


@dataclass(frozen=True, slots=True)
class Status:
    """How things stand.

    Attributes:
        release: digest of the release in force.
        since: when it took its place in this process.
        approvals: names of those who approved of it; empty for a rule folder.
        pending: digest of what should be in force and cannot be, as far as it is known.
        error: why not; empty where nothing is wrong.
        failing_since: when that began.
        reloads_ok, reloads_failed: exchanges, and tries that came to nothing, since the start; of tries in a row that
            failed for the same reasons one is counted.
        load_s: seconds that loading the set in force took.
    """

    release: str
    rulebook: str
    source: ReleaseSource
    since: datetime
    approvals: tuple[str, ...] = ()
    pending: str = ""
    error: tuple[Fault, ...] = ()
    failing_since: datetime | None = None
    reloads_ok: int = 0
    reloads_failed: int = 0
    load_s: float = 0.0


@dataclass(frozen=True, slots=True)
class _Ready:
    """A set that may take its place."""

    rules: RuleSet
    source: ReleaseSource
    approvals: tuple[str, ...]
    load_s: float


class Standing:
    """Keeps the rules in force. Enter it to load them; it follows log and folder until it is left."""

    def __init__(self, ledger: Ledger, place: Place) -> None:
        """Keep the collaborators; nothing is read yet."""
        self._log = ReleaseLog(ledger)
        self._place = place
        self._tried: tuple[str, Traces] | None = None
        self._turn = asyncio.Lock()
        self._follower: asyncio.Task[None] | None = None
        self._ruling: Ruling | None = None
        self._status: Status | None = None
        self.stages = Stages(self._candidate)

    async def __aenter__(self) -> Self:
        """Load what is in force, and follow it.

        Raises:
            RubricError, ReleaseError, ConfigError: it cannot be used; with every reason.
            LedgerUnavailableError: the log cannot be read, or not be told.
        """
        async with self._turn:
            wanted = await self._wanted()
            ready = await self._load(wanted)
            if wanted is None and self._log.last is not None:
                # The folder was changed while no service ran.
                await self._tell(ready.rules.release, self._log.last.event.digest)
            self._take(ready)
            await self.stages.follow(self._log.course)
        if self._place.settings.releases is not None or self._place.settings.reload == "watch":
            self._follower = asyncio.create_task(self._follow())
            self._follower.add_done_callback(_lost)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Follow nothing any more; the rules stay."""
        if self._follower is not None:
            self._follower.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._follower

    @property
    def rules(self) -> RuleSet:
        """The rule set in force."""
        assert self._ruling is not None
        return self._ruling.rules

    @property
    def status(self) -> Status:
        """How things stand."""
        assert self._status is not None
        return self._status

    def of(self, request: ReviewRequest, previous: Review | None) -> Ruling:
        """Say by what a request is judged: see `reviewer.core.ruling.Rules`."""
        assert self._ruling is not None
        return self.stages.of(self._ruling, request, previous)

    async def look(self) -> Status:
        """Look at the log now; a folder is read only where it is watched. Returns how things stand then."""
        return await self._refresh(again=False)

    async def tell(self, event: ReleaseEvent, request_id: str) -> bool:
        """Have the log say something of a release, and go by it; False where that was said before.

        Raises:
            LedgerUnavailableError: whether it was written is unknown.
        """
        first = await self._log.tell(event, request_id)
        await self.look()
        return first

    async def reload(self) -> Status:
        """Look at log and folder now, whatever was looked at before; returns how things stand then."""
        return await self._refresh(again=self._place.settings.reload != "off")

    async def faults_of(self, release: Release) -> tuple[Fault, ...]:
        """Say what stands in the way of rules that somebody might want in force; nothing of them is kept."""

        def check() -> tuple[Fault, ...]:
            try:
                self._make(release, self._place.now().date(), self.rules)
            except FaultsError as exc:
                return exc.faults
            return ()

        return await asyncio.to_thread(check)

    async def _follow(self) -> None:
        """Look on at an interval until cancelled."""
        while True:
            await asyncio.sleep(self._place.settings.poll_interval_s)
            await self._refresh(again=False)

    async def _refresh(self, *, again: bool) -> Status:
        """Put in force what should be.

        Args:
            again: also where nothing was written since the last look, or where a folder is not watched.
        """
        async with self._turn:
            wanted: ReleaseEvent | None = None
            try:
                wanted = await self._wanted()
                if await self._is_due(wanted, again=again):
                    ready = await self._load(wanted)
                    digest, before = ready.rules.release, self.status.release
                    if digest != before and (wanted is not None or await self._tell(digest, before)):
                        self._take(ready)
                    self._recovered()
            except (ReviewerError, OSError, ImportError) as exc:
                self._failed(wanted, exc)
            await self.stages.follow(self._log.course)
        return self.status

    async def _candidate(self, digest: str, moment: datetime) -> RuleSet:
        """Load a release beside what is in force.

        Raises:
            FaultsError: it cannot be used.
        """

        def load() -> RuleSet:
            release, _ = open_release(self._place.settings, digest, moment)
            with building():
                return self._make(release, self._place.now().date(), self.rules)

        return self.rules if digest == self.rules.release else await asyncio.to_thread(load)

    async def _wanted(self) -> ReleaseEvent | None:
        """Return the activation that decides; None where the rule folder does.

        Raises:
            ConfigError: the log names a release, and this service knows none; or one is demanded, and there is none.
            LedgerUnavailableError: the log cannot be read.
        """
        settings = self._place.settings
        told = await self._log.read()
        if told is not None and told.event.source is ReleaseSource.BUNDLE:
            if settings.releases is None:
                message = f"the log says that {release_name(told.event.digest)} is in force, and no folder is set"
                raise ConfigError((Fault("rules.releases", "", message),))
            return told.event
        if settings.require_release:
            message = "a release is demanded, and the log names none: `reviewer release activate`"
            raise ConfigError((Fault("rules.require_release", "", message),))
        return None

    async def _is_due(self, wanted: ReleaseEvent | None, *, again: bool) -> bool:
        """Whether it is worth loading: something else is wanted, or what failed was written anew."""
        if wanted is None and not again and self._place.settings.reload != "watch":
            return False
        if wanted is not None and wanted.digest == self.status.release:
            self._recovered()
            return again
        if again:
            return True
        tried = await asyncio.to_thread(self._tries, wanted)
        if tried == self._tried:
            return False
        # Whoever writes one file may be about to write another: a folder is taken as it is once it has come to rest.
        await asyncio.sleep(min(SETTLE_S, self._place.settings.poll_interval_s))
        return tried == await asyncio.to_thread(self._tries, wanted)

    def _tries(self, wanted: ReleaseEvent | None) -> tuple[str, Traces]:
        """Return what the outcome of a try hangs on."""
        settings = self._place.settings
        if wanted is None or settings.releases is None:
            return "", traces_of(self._place.directory)
        return wanted.digest, traces_of_bundle(settings.releases, wanted.digest, settings.approvers)

    async def _load(self, wanted: ReleaseEvent | None) -> _Ready:
        """Make a set ready, beside the loop.

        Raises:
            FaultsError: it cannot be used.
        """
        today = self._place.now().date()
        inforce = self._ruling.rules if self._ruling else None
        # Noted before it is tried: what fails is not tried again until it was written anew.
        self._tried = await asyncio.to_thread(self._tries, wanted)
        return await asyncio.to_thread(self._prepare, wanted, today, inforce)

    def _prepare(self, wanted: ReleaseEvent | None, today: date, inforce: RuleSet | None) -> _Ready:
        began = time.perf_counter()
        place = self._place
        if wanted is None:
            release, approvals = read_folder(place.directory), tuple[str, ...]()
        else:
            release, approvals = open_release(place.settings, wanted.digest, wanted.time)
        if inforce is not None and release.digest == inforce.release:
            return _Ready(inforce, self.status.source, approvals, self.status.load_s)
        with building():
            rules = self._make(release, today, inforce)
        source = ReleaseSource.BUNDLE if wanted else ReleaseSource.DIRECTORY
        return _Ready(rules, source, approvals, time.perf_counter() - began)

    def _make(self, release: Release, today: date, inforce: RuleSet | None) -> RuleSet:
        place = self._place
        loaded = load_release(release, today, with_cases=place.with_canaries)
        for fault in loaded.warnings:
            logger().warning("rulebook_warning", where=fault.where, field=fault.field, message=fault.message)
        place.fits(loaded.rulebook, inforce.rulebook if inforce else None)
        canaries = canaries_of(loaded.cases, loaded.rulebook)
        if place.with_canaries and not canaries:
            logger().warning("no_canaries", rulebook=loaded.rulebook.digest)
        warm_up(loaded.rulebook, place.now())
        return RuleSet(loaded.rulebook, release.digest, canaries, loaded.gates)

    async def _tell(self, digest: str, previous: str) -> bool:
        """Have the log say that a changed folder takes effect, unless a service on it has; False where it must not.

        Raises:
            LedgerUnavailableError: whether it does is unknown.
        """
        told = await self._log.read()
        if told is not None and told.event.source is ReleaseSource.BUNDLE:
            # Somebody activated a release meanwhile: the next look takes it.
            return False
        if told is not None and told.event.digest == digest:
            return True
        now = self._place.now()
        event = ReleaseEvent(
            ReleaseAction.ACTIVATE,
            str(self._place.new_id(now)),
            now,
            digest,
            previous,
            SERVICE,
            "the rule folder was changed",
            ReleaseSource.DIRECTORY,
        )
        return await self._log.tell(event)

    def _take(self, ready: _Ready) -> None:
        """Put a set in force: what is asked from here on is judged by it."""
        before = self._status
        self._ruling = Ruling(ready.rules)
        self._status = Status(
            ready.rules.release,
            ready.rules.rulebook.digest,
            ready.source,
            self._place.now(),
            ready.approvals,
            reloads_ok=before.reloads_ok + 1 if before else 0,
            reloads_failed=before.reloads_failed if before else 0,
            load_s=ready.load_s,
        )
        if before is not None:
            logger().info(
                "reload_ok",
                release=ready.rules.release,
                previous=before.release,
                rulebook=ready.rules.rulebook.digest,
                approvals=ready.approvals,
                load_ms=round(ready.load_s * 1000),
            )

    def _recovered(self) -> None:
        if self.status.error:
            self._status = replace(self.status, pending="", error=(), failing_since=None)

    def _failed(self, wanted: ReleaseEvent | None, error: Exception) -> None:
        """Keep what is in force, and say why."""
        faults = error.faults if isinstance(error, FaultsError) else (Fault(type(error).__name__, "", str(error)),)
        before = self.status
        self._status = replace(
            before,
            pending=wanted.digest if wanted else "",
            error=faults,
            failing_since=before.failing_since or self._place.now(),
            reloads_failed=before.reloads_failed + (faults != before.error),
        )
        if faults != before.error:
            logger().error(
                "reload_failed",
                release=before.release,
                pending=self.status.pending,
                error=type(error).__name__,
                faults=len(faults),
                first=faults[0].where,
            )


def _lost(follower: asyncio.Task[None]) -> None:
    """Say that nothing is followed any more, by a bug of ours; the rules stay as they are."""
    if not follower.cancelled() and (error := follower.exception()) is not None:
        logger().error("rules_not_followed", error=type(error).__name__)
