-- Verdict log: wrapped data keys, entries that are no reviews, erasures and legal holds.
-- Contents that are there already stay as they are, in the clear: entries to come are encrypted.

CREATE TABLE data_keys (
    id BLOB PRIMARY KEY,
    tenant TEXT NOT NULL,
    generation INTEGER NOT NULL,
    wrapped BLOB,
    wrapper TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    UNIQUE (tenant, generation)
) STRICT, WITHOUT ROWID;

ALTER TABLE entries ADD COLUMN kind TEXT NOT NULL DEFAULT 'review';

-- For what concerns a whole tenant, else every entry would have to be read.
CREATE INDEX entries_tenant ON entries (tenant);

-- Where a content is gone, the index of the entry that says so.
ALTER TABLE contents ADD COLUMN erased_by INTEGER REFERENCES entries (idx);

-- What may not be erased now; each row stands in a record too. An empty review_id holds the whole tenant.
CREATE TABLE holds (
    tenant TEXT NOT NULL,
    review_id TEXT NOT NULL,
    idx INTEGER NOT NULL REFERENCES entries (idx),
    PRIMARY KEY (tenant, review_id)
) STRICT, WITHOUT ROWID;
