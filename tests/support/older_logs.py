"""Logs as versions before this one left them: what undoes a step, for tests of the step."""

from __future__ import annotations

WITHOUT_RELEASES = {
    "sqlite": """
        DROP TRIGGER facets_name_their_release;
        DROP VIEW judges;
        ALTER TABLE facets DROP COLUMN stage;
        DELETE FROM facet_lists WHERE value_id IN (SELECT id FROM facet_values WHERE field = 'release');
        DELETE FROM facet_values WHERE field = 'release';
        UPDATE alembic_version SET version_num = '7';
    """,
    "postgres": """
        DROP TRIGGER facets_name_their_release ON facets;
        DROP FUNCTION name_release, judge;
        ALTER TABLE facets DROP COLUMN stage;
        DELETE FROM facet_lists USING facet_values WHERE id = value_id AND field = 'release';
        DELETE FROM facet_values WHERE field = 'release';
        UPDATE alembic_version SET version_num = '3';
    """,
}
"""Undoes the steps by which records are found by release and stage, by store."""
