-- Verdict log, with tickets for people: one row a handoff, written in the commit of each record about it. Every column
-- follows from the records; those of handoffs that are in the log already are filled in, all of them open.

CREATE TABLE handoffs (
    id TEXT PRIMARY KEY,
    idx INTEGER NOT NULL UNIQUE REFERENCES entries (idx),
    last_idx INTEGER NOT NULL REFERENCES entries (idx),
    review_id TEXT NOT NULL,
    tenant TEXT NOT NULL,
    route TEXT NOT NULL,
    intent TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    expires_us INTEGER,
    state TEXT NOT NULL,
    token INTEGER NOT NULL,
    holder TEXT NOT NULL,
    lease_us INTEGER,
    decision TEXT
) STRICT;

-- What waits for a person is little, however much was ever decided.
CREATE INDEX handoffs_waiting ON handoffs (tenant, route, idx) WHERE state IN ('open', 'claimed');
CREATE INDEX handoffs_queue ON handoffs (idx) WHERE state IN ('open', 'claimed');
CREATE INDEX handoffs_due ON handoffs (expires_us) WHERE state IN ('open', 'claimed') AND expires_us IS NOT NULL;
CREATE INDEX handoffs_of_tenant ON handoffs (tenant, idx);
CREATE INDEX handoffs_of_review ON handoffs (review_id);

INSERT INTO handoffs
SELECT r ->> '$.handoff', f.idx, f.idx, r ->> '$.review', f.tenant, f.route, f.intent, f.time_us, NULL, 'open', 0, '',
    NULL, NULL
FROM (SELECT idx, CAST(record AS TEXT) AS r FROM entries WHERE kind = 'review') e JOIN facets f ON f.idx = e.idx
WHERE r ->> '$.handoff' IS NOT NULL AND r ->> '$.schema' = 'review/1';

-- Contents of entries that are no reviews, by the review that they are erased with.
CREATE TABLE annexes (
    review_id TEXT NOT NULL,
    idx INTEGER NOT NULL REFERENCES entries (idx),
    PRIMARY KEY (review_id, idx)
) STRICT, WITHOUT ROWID;

-- What events that are in the log already are about.
INSERT OR IGNORE INTO facet_values (field, value)
SELECT 'about', x.value FROM entries e, json_each(CAST(e.record AS TEXT), '$.subjects') x
WHERE e.kind <> 'review' AND x.value LIKE 'reviews/%';

INSERT OR IGNORE INTO facet_lists (value_id, idx)
SELECT v.id, e.idx FROM entries e, json_each(CAST(e.record AS TEXT), '$.subjects') x
JOIN facet_values v ON v.field = 'about' AND v.value = x.value
WHERE e.kind <> 'review';
