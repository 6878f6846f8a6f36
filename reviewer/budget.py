"""Budgets: what second models may cost a tenant on one UTC day, kept before anybody is asked.

A review sets an upper estimate aside, asks, and gives back what it did not need once it is in the log; so reviews that
run at once cannot spend the same money. What was spent before is read from the log, once for a tenant and day and then
at an interval, since other processes spend too: between two readings each process knows only of its own.

* What is counted twice for one interval at the worst is a review that was committed just before a reading and settled
  just after it; none is left out.
* Where nobody can know what was spent, the whole estimate counts, in this process and for this day: for a review whose
  caller went away or whose record could not be written, and for one with a call that was cut off. Otherwise whoever
  hangs up in time would have every review for nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from types import TracebackType
from typing import Self

from reviewer.config import BudgetSettings
from reviewer.core.errors import BudgetExhaustedError, ConfigError, Fault
from reviewer.core.outcome import FailureKind
from reviewer.core.review import Review
from reviewer.core.rulebook import Rulebook
from reviewer.core.spending import spent_on
from reviewer.core.verdict import Cause, Trouble
from reviewer.ledger.interface import Ledger
from reviewer.telemetry import report_exhausted

_CUT_OFF = frozenset({FailureKind.DEADLINE, FailureKind.TIMEOUT, FailureKind.DRAINING})
MAX_ACCOUNTS = 10_000
"""Tenants remembered at once: a caller can make up names, and each idle one can be read from the log again."""


@dataclass(slots=True)
class _Account:
    """One tenant's money of one day.

    Attributes:
        in_log: spent, by the log's last reading.
        settled: spent by this process since that reading began.
        reserved: set aside by reviews that are under way.
        unknown: estimates of what was spent without anybody being able to say how much.
        users: how many those are.
        read_at: on the budget's clock; None before the first reading.
    """

    tenant: str
    day: date
    limit: int
    in_log: int = 0
    settled: int = 0
    reserved: int = 0
    unknown: int = 0
    users: int = 0
    read_at: float | None = None
    announced: bool = False
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)


class Budgets:
    """The money of all tenants.

    Args:
        clock: seconds, for the age of readings.
    """

    def __init__(self, ledger: Ledger, settings: BudgetSettings, clock: Callable[[], float]) -> None:
        """Keep the collaborators; nothing is read yet."""
        self._ledger = ledger
        self._settings = settings
        self._clock = clock
        self._accounts: dict[tuple[str, date], _Account] = {}

    def allowance(self, tenant: str, now: datetime) -> Allowance:
        """Return what one review may draw on; it must be entered, and left at its end.

        Args:
            now: UTC; its day pays.
        """
        limit = self._settings.of(tenant)
        return Allowance(self, None if limit is None else self._account(tenant, now.astimezone(UTC).date(), limit), now)

    async def set_aside(self, account: _Account, estimate: int) -> bool:
        """Reserve an amount, unless it does not fit into what is left of the budget.

        Raises:
            LedgerUnavailableError: what was spent cannot be read.
        """
        await self._read(account)
        # Nothing is awaited from here on: two reviews cannot both take the last of it.
        spent = account.in_log + account.settled + account.unknown
        if spent + account.reserved + estimate <= account.limit:
            account.reserved += estimate
            return True
        if not account.announced:
            account.announced = True
            report_exhausted(
                account.tenant,
                account.day,
                budget_micro_usd=account.limit,
                spent_micro_usd=spent,
                reserved_micro_usd=account.reserved,
                estimate_micro_usd=estimate,
            )
        return False

    def settle(self, review: Review) -> None:
        """Count what a review that is in the log has cost, on the day on which the log counts it."""
        account = self._accounts.get((review.tenant, review.created_at.astimezone(UTC).date()))
        if account is not None:
            account.settled += spent_on(review.calls).micro_usd

    @property
    def refuses(self) -> bool:
        """Whether a call fails when its tenant's budget is used up."""
        return self._settings.on_exhausted == "refuse"

    def _account(self, tenant: str, day: date, limit: int) -> _Account:
        account = self._accounts.get((tenant, day))
        if account is None:
            if len(self._accounts) >= MAX_ACCOUNTS:
                self._accounts = {key: kept for key, kept in self._accounts.items() if kept.users}
            account = self._accounts[tenant, day] = _Account(tenant, day, limit)
        account.users += 1
        return account

    async def _read(self, account: _Account) -> None:
        """Ask the log what was spent, unless that is known well enough; whoever comes meanwhile waits for it."""
        if self._is_fresh(account):
            return
        async with account.reading:
            if self._is_fresh(account):
                return
            began, before = self._clock(), account.settled
            account.in_log = (await self._ledger.spending(account.tenant, account.day)).micro_usd
            # What was settled before was in the log before; what was settled meanwhile may or may not be in the answer.
            account.settled -= before
            account.read_at = began

    def _is_fresh(self, account: _Account) -> bool:
        return account.read_at is not None and self._clock() - account.read_at < self._settings.reread_s


class Allowance:
    """What one review may draw on its tenant's budget. A context: what was not needed is free again when it ends."""

    __slots__ = ("_account", "_budgets", "_lost", "_now", "_reserved")

    def __init__(self, budgets: Budgets, account: _Account | None, now: datetime) -> None:
        """Start with nothing set aside."""
        self._budgets = budgets
        self._account = account
        self._now = now
        self._reserved = 0
        self._lost = 0

    def __enter__(self) -> Self:
        """Begin the review."""
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Give back what was set aside; where the review did not come to its end, it is taken to be spent."""
        if self._account is not None:
            self._account.reserved -= self._reserved
            self._account.unknown += self._reserved if exc_type is not None else self._lost
            self._account.users -= 1

    def settle(self, review: Review) -> None:
        """Count what a review that is in the log has cost; must be called before the allowance ends."""
        self._budgets.settle(review)
        if any(call.failure in _CUT_OFF for call in review.calls):
            self._lost = max(self._reserved - spent_on(review.calls).micro_usd, 0)

    async def reserve(self, estimate: Callable[[], int]) -> Trouble | None:
        """Set an estimate aside, or say that the budget is used up. Without a budget nothing is even estimated.

        Args:
            estimate: returns what asking may cost at most, in micro-USD.

        Raises:
            BudgetExhaustedError: it is used up, and the settings want the call to fail then.
            LedgerUnavailableError: what was spent cannot be read.
        """
        account = self._account
        if account is None:
            return None
        amount = estimate()
        if await self._budgets.set_aside(account, amount):
            self._reserved += amount
            return None
        message = f"what is left of the budget of {account.day.isoformat()} does not pay for another review"
        if self._budgets.refuses:
            midnight = datetime.combine(account.day + timedelta(days=1), time(), UTC)
            raise BudgetExhaustedError(message, max((midnight - self._now).total_seconds(), 0.0))
        return Trouble(Cause.BUDGET_EXHAUSTED, f"{message}: the second model was not asked")


def require_prices(settings: BudgetSettings, rulebook: Rulebook) -> None:
    """Refuse budgets over models whose price nobody knows.

    Raises:
        ConfigError: names each route and model.
    """
    if not settings.bounded:
        return
    routing, catalogue = rulebook.routing, rulebook.catalogue
    faults = []
    for route in routing.all_routes:
        for model in [routing.reviewer(name).model for name in route.reviewers]:
            entry = catalogue.find(model)
            if entry is None or entry.price is None:
                message = f"route {route.id} asks {model}, which has no price in models.yaml: no budget can be kept"
                faults.append(Fault("budget", "", message))
    if faults:
        raise ConfigError(tuple(faults))
