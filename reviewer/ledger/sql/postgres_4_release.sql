-- Verdict log, fourth form, with the release that judged, or that an event is about, and how far it had come: both
-- follow from the record (`reviewer.core.facets`) and are filled in for the entries that are in the log already. Digests
-- are few and long: they are kept as values of lists are, of which an entry has one; it is empty where no release is
-- named.

-- What is there has no stage until it is told below; what is to come says which, or else nothing.
ALTER TABLE facets ADD COLUMN stage text COLLATE "C" DEFAULT '';
ALTER TABLE facets ALTER COLUMN stage DROP DEFAULT;

-- JSON as the server reads it cannot hold NUL; neither a digest nor a stage does. Where a trial ends, what comes after
-- is what was in force all the time: the event is about the one before.
CREATE FUNCTION judge(kind text, record bytea) RETURNS TABLE (release text, stage text) LANGUAGE sql IMMUTABLE AS $$
    SELECT
        coalesce(
            CASE
                WHEN kind <> 'release' THEN regexp_replace(r.release, '^releases/', '')
                WHEN r.action = 'rollback' AND r.details ->> 'stage' <> 'full' THEN r.details ->> 'previous'
                ELSE r.details ->> 'digest'
            END,
            ''
        ),
        coalesce(CASE kind WHEN 'release' THEN r.details ->> 'stage' WHEN 'shadow' THEN kind ELSE r.stage END, '')
    FROM json_to_record(replace(convert_from(record, 'UTF8'), '\u0000', '\ufffd')::json)
        AS r (release text, stage text, action text, details json)
$$;

CREATE TEMP TABLE found AS
SELECT f.idx, j.release, j.stage FROM facets f JOIN entries e ON e.idx = f.idx, judge(f.kind, e.record) j;

INSERT INTO facet_values (field, value) SELECT DISTINCT 'release', release FROM found ORDER BY 2;

INSERT INTO facet_lists (value_id, idx)
SELECT v.id, f.idx FROM found f JOIN facet_values v ON v.field = 'release' AND v.value = f.release ORDER BY 1, 2;

UPDATE facets f SET stage = found.stage FROM found WHERE found.idx = f.idx AND found.stage <> '';

DROP TABLE found;

-- Otherwise searches are planned for lists as they were, until the server comes to look at them by itself.
ANALYZE facet_values, facet_lists;

-- A program of the version before knows nothing of the two, and goes on writing.
CREATE FUNCTION name_release() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    judged text;
BEGIN
    SELECT j.release, j.stage INTO judged, NEW.stage FROM entries e, judge(NEW.kind, e.record) j WHERE e.idx = NEW.idx;
    INSERT INTO facet_values (field, value) VALUES ('release', judged) ON CONFLICT DO NOTHING;
    INSERT INTO facet_lists (value_id, idx)
    SELECT id, NEW.idx FROM facet_values WHERE field = 'release' AND value = judged ON CONFLICT DO NOTHING;
    RETURN NEW;
END
$$;

CREATE TRIGGER facets_name_their_release BEFORE INSERT ON facets
FOR EACH ROW WHEN (NEW.stage IS NULL) EXECUTE FUNCTION name_release();
