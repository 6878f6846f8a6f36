"""How second models answer, as records of the log tell it: evidence that stood, causes of handoffs, cost and time.

Needs no labels: it stands beside a calibration, and says where to look when a figure moves. A failed attention check is
recorded as `unreadable`, and is counted there. A call answers several criteria: its cost is not divided among them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from statistics import median

import orjson

from reviewer.core.errors import LedgerCorruptError
from reviewer.core.statistics.proportions import Share


@dataclass(slots=True)
class Evidence:
    """The answers to one criterion that were told in full; those plainly met have neither quote nor doubt.

    Attributes:
        quotes_verified, quotes_failed: quotes that stood where they were said to stand, and that did not.
        unverified: answers of which no quote could be found.
        overruled: answers that did not count as they were claimed.
    """

    answers: int = 0
    quotes_verified: int = 0
    quotes_failed: int = 0
    unverified: int = 0
    overruled: int = 0


@dataclass(slots=True)
class Calls:
    """The calls to one model.

    Attributes:
        failures: by kind.
        priced: calls with a known cost.
        latencies_us: of every call, failed ones too.
    """

    failures: Counter[str] = field(default_factory=Counter)
    priced: int = 0
    cost_micro_usd: int = 0
    latencies_us: list[int] = field(default_factory=list)

    @property
    def n(self) -> int:
        """How many."""
        return len(self.latencies_us)

    @property
    def failed(self) -> Share:
        """Calls without a reply."""
        return Share(self.failures.total(), self.n)

    @property
    def median_us(self) -> float:
        """Half of the calls took longer; 0 of none."""
        return median(self.latencies_us) if self.latencies_us else 0.0


@dataclass(slots=True)
class Answering:
    """Totals over the reviews that were added.

    Attributes:
        shortened: reviews whose findings or reasons stand in their content only.
        causes: reviews by cause; one with two causes counts for both.
    """

    reviews: int = 0
    shortened: int = 0
    causes: Counter[str] = field(default_factory=Counter)
    models: defaultdict[str, Calls] = field(default_factory=lambda: defaultdict(Calls))
    criteria: defaultdict[str, Evidence] = field(default_factory=lambda: defaultdict(Evidence))

    def add(self, record: bytes) -> None:
        """Count one review.

        Raises:
            LedgerCorruptError: the bytes are no record of a review.
        """
        try:
            told = orjson.loads(record)
            lists = [told[name] for name in ("reasons", "findings", "met", "calls")]
            reasons, findings, met, calls = (rows if isinstance(rows, list) else [] for rows in lists)
            self.reviews += 1
            self.shortened += not all(isinstance(rows, list) for rows in lists)
            self.causes.update({reason["cause"] for reason in reasons})
            for _, _, criteria in met:
                for name in criteria:
                    self.criteria[name].answers += 1
            for found in findings:
                evidence = self.criteria[found["criterion"]]
                evidence.answers += 1
                evidence.quotes_verified += found["quotes"][0]
                evidence.quotes_failed += found["quotes"][1]
                evidence.unverified += found["unverified"]
                evidence.overruled += found["claimed"] != found["outcome"]
            for call in calls:
                model = self.models[call["served"] or call["model"]]
                model.latencies_us.append(call["latency_us"])
                if call["failure"]:
                    model.failures[call["failure"]] += 1
                if call["cost_micro_usd"] is not None:
                    model.priced += 1
                    model.cost_micro_usd += call["cost_micro_usd"]
        except (KeyError, TypeError, ValueError) as exc:
            raise LedgerCorruptError("stored record is not a review's") from exc
