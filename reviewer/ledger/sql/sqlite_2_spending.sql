-- Verdict log, second form: what reviews cost, per tenant and UTC day, counted in the commit that appends them.
-- Reviews that are in the log already are counted from their records. A record that had to be shortened names its calls
-- by digest only: what those cost is not known any more to a statement in SQL, and is left out.

CREATE TABLE spending (
    tenant TEXT NOT NULL,
    day TEXT NOT NULL,
    micro_usd INTEGER NOT NULL,
    calls INTEGER NOT NULL,
    unpriced_calls INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    cached_input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    PRIMARY KEY (day, tenant)
) STRICT, WITHOUT ROWID;

INSERT INTO spending
SELECT
    e.tenant,
    substr(CAST(e.record AS TEXT) ->> '$.time', 1, 10),
    coalesce(sum(c.value ->> '$.cost_micro_usd'), 0),
    count(*),
    sum((c.value ->> '$.cost_micro_usd') IS NULL),
    sum(c.value ->> '$.input_tokens'),
    sum(c.value ->> '$.cached_input_tokens'),
    sum(c.value ->> '$.output_tokens')
FROM entries e, json_each(CAST(e.record AS TEXT), '$.calls') c
WHERE json_type(CAST(e.record AS TEXT), '$.calls') = 'array'
GROUP BY 1, 2;

UPDATE meta SET value = '2' WHERE key = 'schema';
