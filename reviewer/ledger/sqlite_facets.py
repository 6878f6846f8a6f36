"""What records are found by, in the SQLite log: written in the transaction that appends them."""

from __future__ import annotations

import apsw

from reviewer.core.facets import Facets, microseconds

_ADD = """
INSERT INTO facets
    (idx, time_us, kind, tenant, intent, domain, route, tier, locale, verdict, drafter, simulated, canary, stage)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_NAME = "INSERT OR IGNORE INTO facet_values (field, value) VALUES (?, ?)"
_LIST = "INSERT INTO facet_lists SELECT id, ?3 FROM facet_values WHERE field = ?1 AND value = ?2"


def add(connection: apsw.Connection, index: int, facets: Facets) -> None:
    """Write the facets of one new entry."""
    scalars = (
        index,
        microseconds(facets.create_time),
        facets.kind,
        facets.tenant,
        facets.intent,
        facets.domain,
        facets.route,
        facets.tier,
        facets.locale,
        facets.verdict,
        facets.drafter,
        int(facets.simulated),
        int(facets.canary),
        facets.stage,
    )
    connection.execute(_ADD, scalars)
    lists = (
        ("cause", facets.cause),
        ("criterion", facets.criterion),
        ("model", facets.model),
        ("rubric", facets.rubric),
        ("about", facets.about),
        ("release", (facets.release,)),
    )
    for field, values in lists:
        for value in values:
            listed = (field, value, index)
            connection.execute(_LIST, listed)
            if not connection.changes():
                # Seen for the first time in this log.
                connection.execute(_NAME, (field, value))
                connection.execute(_LIST, listed)
