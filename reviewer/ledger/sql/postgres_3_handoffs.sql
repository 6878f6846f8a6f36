-- Verdict log, third form, tickets for people: one row a handoff, written in the commit of each record about it. Every
-- column follows from the records; those of handoffs that are in the log already are filled in, all of them open.
CREATE TABLE handoffs (
    id text COLLATE "C" PRIMARY KEY,
    idx bigint NOT NULL UNIQUE,
    last_idx bigint NOT NULL,
    review_id text COLLATE "C" NOT NULL,
    tenant text COLLATE "C" NOT NULL,
    route text COLLATE "C" NOT NULL,
    intent text COLLATE "C" NOT NULL,
    created_us bigint NOT NULL,
    expires_us bigint,
    state text COLLATE "C" NOT NULL,
    token bigint NOT NULL,
    holder text COLLATE "C" NOT NULL,
    lease_us bigint,
    decision text COLLATE "C"
);

-- What waits for a person is little, however much was ever decided.
CREATE INDEX handoffs_waiting ON handoffs (tenant, route, idx) WHERE state IN ('open', 'claimed');
CREATE INDEX handoffs_queue ON handoffs (idx) WHERE state IN ('open', 'claimed');
CREATE INDEX handoffs_due ON handoffs (expires_us) WHERE state IN ('open', 'claimed') AND expires_us IS NOT NULL;
CREATE INDEX handoffs_of_tenant ON handoffs (tenant, idx);
CREATE INDEX handoffs_of_review ON handoffs (review_id);

-- JSON as the server reads it cannot hold NUL, which names of tenants and routes may: those come from the facets, and
-- what is read from the record here are ids and times.
INSERT INTO handoffs
SELECT
    r ->> 'handoff', idx, idx, review_id, tenant, route, intent, time_us,
    (extract(epoch FROM (r ->> 'handoff_expires')::timestamptz) * 1000000)::bigint, 'open', 0, '', NULL, NULL
FROM (
    SELECT f.*, e.review_id, replace(convert_from(e.record, 'UTF8'), '\u0000', '\ufffd')::jsonb AS r
    FROM entries e JOIN facets f ON f.idx = e.idx WHERE e.kind = 'review'
) AS reviewed
WHERE r ->> 'handoff' IS NOT NULL AND r ->> 'schema' = 'review/1';

-- Contents of entries that are no reviews, by the review that they are erased with.
CREATE TABLE annexes (
    review_id text COLLATE "C" NOT NULL,
    idx bigint NOT NULL,
    PRIMARY KEY (review_id, idx)
);

-- What events that are in the log already are about; a path that leads nowhere in a record finds nothing there.
INSERT INTO facet_values (field, value)
SELECT DISTINCT 'about', x.subject #>> '{}' FROM entries e, jsonb_path_query(
    replace(convert_from(e.record, 'UTF8'), '\u0000', '\ufffd')::jsonb, '$.subjects[*]'
) AS x (subject)
WHERE e.kind <> 'review' AND x.subject #>> '{}' LIKE 'reviews/%'
ON CONFLICT DO NOTHING;

INSERT INTO facet_lists (value_id, idx)
SELECT DISTINCT v.id, e.idx FROM entries e, jsonb_path_query(
    replace(convert_from(e.record, 'UTF8'), '\u0000', '\ufffd')::jsonb, '$.subjects[*]'
) AS x (subject), facet_values v
WHERE e.kind <> 'review' AND v.field = 'about' AND v.value = x.subject #>> '{}'
ON CONFLICT DO NOTHING;
