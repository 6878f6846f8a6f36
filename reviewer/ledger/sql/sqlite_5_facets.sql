-- Verdict log, with facets: what records are found by, written in the commit that appends them. Both tables follow from
-- the records (`reviewer.core.facets`) and are filled from those that are in the log already. A record that had to be
-- shortened holds digests in place of lists: values of those are not known any more, and are left out.
-- Values of lists are few and long: they are kept once, and each entry points to them.

CREATE TABLE facets (
    idx INTEGER PRIMARY KEY REFERENCES entries (idx),
    time_us INTEGER NOT NULL,
    kind TEXT NOT NULL,
    tenant TEXT NOT NULL,
    intent TEXT NOT NULL,
    domain TEXT NOT NULL,
    route TEXT NOT NULL,
    tier TEXT NOT NULL,
    locale TEXT NOT NULL,
    verdict TEXT NOT NULL,
    drafter TEXT NOT NULL,
    simulated INTEGER NOT NULL,
    canary INTEGER NOT NULL
) STRICT;

CREATE TABLE facet_values (
    id INTEGER PRIMARY KEY,
    field TEXT NOT NULL,
    value TEXT NOT NULL,
    UNIQUE (field, value)
) STRICT;

CREATE TABLE facet_lists (
    value_id INTEGER NOT NULL REFERENCES facet_values (id),
    idx INTEGER NOT NULL REFERENCES entries (idx),
    PRIMARY KEY (value_id, idx)
) STRICT, WITHOUT ROWID;

INSERT INTO facets
SELECT
    idx,
    unixepoch(substr(r ->> '$.time', 1, 19)) * 1000000 + CAST(substr(r ->> '$.time', 21, 6) AS INTEGER),
    substr(coalesce(r ->> '$.schema', ''), 1, instr(coalesce(r ->> '$.schema', '') || '/', '/') - 1),
    coalesce(r ->> '$.tenant', ''),
    coalesce(r ->> '$.intent', ''),
    coalesce(r ->> '$.route.domain', ''),
    coalesce(r ->> '$.route.id', ''),
    coalesce(r ->> '$.route.tier', ''),
    coalesce(r ->> '$.locale', ''),
    coalesce(r ->> '$.verdict', ''),
    coalesce(r ->> '$.drafter.model', ''),
    coalesce(r ->> '$.simulated', 0),
    coalesce(r ->> '$.canary', '') <> ''
FROM (SELECT idx, CAST(record AS TEXT) AS r FROM entries);

CREATE TEMP TABLE found AS
WITH texts AS (SELECT idx, CAST(record AS TEXT) AS r FROM entries),
reasons AS (
    SELECT idx, x.value AS v FROM texts, json_each(r, '$.reasons') x WHERE json_type(r, '$.reasons') = 'array'
),
calls AS (
    SELECT idx, x.value AS v FROM texts, json_each(r, '$.calls') x WHERE json_type(r, '$.calls') = 'array'
),
pins AS (
    SELECT idx, x.value AS v FROM texts, json_each(r, '$.rubrics') x WHERE json_type(r, '$.rubrics') = 'array'
)
SELECT 'cause' AS field, v ->> '$.cause' AS value, idx FROM reasons
UNION SELECT 'criterion', v ->> '$.criterion', idx FROM reasons
UNION SELECT 'model', v ->> '$.model', idx FROM calls
UNION SELECT 'model', v ->> '$.served', idx FROM calls
UNION SELECT 'rubric', (v ->> '$.id') || '@' || (v ->> '$.version'), idx FROM pins;

DELETE FROM found WHERE coalesce(value, '') = '';

INSERT INTO facet_values (field, value) SELECT DISTINCT field, value FROM found ORDER BY field, value;

INSERT INTO facet_lists
SELECT v.id, f.idx FROM found f JOIN facet_values v ON v.field = f.field AND v.value = f.value ORDER BY 1, 2;

DROP TABLE found;

CREATE INDEX facets_time ON facets (time_us);
CREATE INDEX facets_tenant ON facets (tenant, time_us);
CREATE INDEX facets_verdict ON facets (verdict, time_us);
