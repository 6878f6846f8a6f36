-- Verdict log, first form. `entries` is append-only: no statement of this package updates or deletes its rows.
-- `contents` is kept apart, because texts may have to be erased while the log goes on to verify.

CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE entries (
    idx INTEGER PRIMARY KEY,
    review_id TEXT NOT NULL UNIQUE,
    tenant TEXT NOT NULL,
    request_id TEXT,
    content_digest TEXT NOT NULL,
    leaf_hash BLOB NOT NULL,
    record BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX entries_request ON entries (tenant, request_id) WHERE request_id IS NOT NULL;

CREATE TABLE contents (
    idx INTEGER PRIMARY KEY REFERENCES entries (idx),
    content BLOB,
    content_key BLOB
) STRICT;

CREATE TRIGGER entries_are_final BEFORE UPDATE ON entries
BEGIN
    SELECT raise(ABORT, 'log entries are final');
END;

CREATE TRIGGER entries_stay BEFORE DELETE ON entries
BEGIN
    SELECT raise(ABORT, 'log entries are final');
END;

-- REPLACE deletes without firing the trigger above: refuse what would make it delete.
CREATE TRIGGER entries_are_not_replaced BEFORE INSERT ON entries
WHEN EXISTS (SELECT 1 FROM entries WHERE idx = NEW.idx)
    OR EXISTS (SELECT 1 FROM entries WHERE review_id = NEW.review_id)
    OR EXISTS (SELECT 1 FROM entries WHERE tenant = NEW.tenant AND request_id = NEW.request_id)
BEGIN
    SELECT raise(ABORT, 'log entries are final');
END;

INSERT INTO meta (key, value) VALUES ('schema', '1'), ('probe', '');
