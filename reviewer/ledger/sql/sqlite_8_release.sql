-- Verdict log, with the release that judged, or that an event is about, and how far it had come: both follow from the
-- record (`reviewer.core.facets`) and are filled in for the entries that are in the log already. Digests are few and
-- long: they are kept as values of lists are, of which an entry has one; it is empty where no release is named.

ALTER TABLE facets ADD COLUMN stage TEXT;

-- Where a trial ends, what comes after is what was in force all the time: the event is about the one before.
CREATE VIEW judges (idx, release, stage) AS
SELECT
    idx,
    coalesce(
        CASE
            WHEN kind <> 'release' THEN
                iif((r ->> '$.release') LIKE 'releases/%', substr(r ->> '$.release', 10), r ->> '$.release')
            WHEN (r ->> '$.action') = 'rollback' AND (r ->> '$.details.stage') <> 'full' THEN r ->> '$.details.previous'
            ELSE r ->> '$.details.digest'
        END,
        ''
    ),
    coalesce(CASE kind WHEN 'release' THEN r ->> '$.details.stage' WHEN 'shadow' THEN kind ELSE r ->> '$.stage' END, '')
FROM (SELECT f.idx, f.kind, CAST(e.record AS TEXT) AS r FROM facets f JOIN entries e ON e.idx = f.idx);

CREATE TEMP TABLE found AS SELECT idx, release, stage FROM judges;

INSERT INTO facet_values (field, value) SELECT DISTINCT 'release', release FROM found ORDER BY release;

INSERT INTO facet_lists (value_id, idx)
SELECT v.id, f.idx FROM found f JOIN facet_values v ON v.field = 'release' AND v.value = f.release ORDER BY 1, 2;

UPDATE facets SET stage = found.stage FROM found WHERE found.idx = facets.idx;

DROP TABLE found;

-- A program of the version before knows nothing of the two, and goes on writing.
CREATE TRIGGER facets_name_their_release AFTER INSERT ON facets WHEN NEW.stage IS NULL
BEGIN
    INSERT OR IGNORE INTO facet_values (field, value) SELECT 'release', release FROM judges WHERE idx = NEW.idx;
    INSERT OR IGNORE INTO facet_lists (value_id, idx)
    SELECT v.id, j.idx FROM judges j JOIN facet_values v ON v.field = 'release' AND v.value = j.release
    WHERE j.idx = NEW.idx;
    UPDATE facets SET stage = (SELECT stage FROM judges WHERE idx = NEW.idx) WHERE idx = NEW.idx;
END;
