-- Verdict log on PostgreSQL, first form. `entries` is append-only: no statement of this package updates or deletes its
-- rows. `contents` is kept apart, because texts may have to be erased while the log goes on to verify.
--
-- Both are partitioned by index, which follows time since indexes are assigned in the order of commits. A unique
-- constraint of a partitioned table must contain its partition key; what has to be unique over the whole log (review,
-- request id) is therefore kept in two narrow tables that point to the index.

CREATE TABLE meta (
    key text PRIMARY KEY,
    value text NOT NULL
);

-- One row, locked by whoever appends. `block_rows` is the size of partitions to come, `blocks_end` where they end.
CREATE TABLE head (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    size bigint NOT NULL,
    blocks_end bigint NOT NULL,
    block_rows bigint NOT NULL CHECK (block_rows >= 1),
    beat bigint NOT NULL
) WITH (fillfactor = 10);

CREATE TABLE entries (
    idx bigint PRIMARY KEY CHECK (idx >= 0),
    review_id text COLLATE "C" NOT NULL,
    tenant text COLLATE "C" NOT NULL,
    request_id text COLLATE "C",
    content_digest text COLLATE "C" NOT NULL,
    leaf_hash bytea NOT NULL,
    record bytea NOT NULL,
    kind text COLLATE "C" NOT NULL
) PARTITION BY RANGE (idx);

-- For what concerns a whole tenant, else every entry would have to be read.
CREATE INDEX entries_tenant ON entries (tenant);

-- Where a content is gone, `erased_by` is the index of the entry that says so.
CREATE TABLE contents (
    idx bigint PRIMARY KEY,
    content bytea,
    content_key bytea,
    erased_by bigint
) PARTITION BY RANGE (idx);

CREATE TABLE data_keys (
    id uuid PRIMARY KEY,
    tenant text COLLATE "C" NOT NULL,
    generation integer NOT NULL,
    wrapped bytea,
    wrapper text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    UNIQUE (tenant, generation)
);

-- What may not be erased now; each row stands in a record too. An empty review_id holds the whole tenant.
CREATE TABLE holds (
    tenant text COLLATE "C" NOT NULL,
    review_id text COLLATE "C" NOT NULL,
    idx bigint NOT NULL,
    PRIMARY KEY (tenant, review_id)
);

CREATE TABLE reviews (
    review_id text COLLATE "C" PRIMARY KEY,
    idx bigint NOT NULL
);

CREATE TABLE requests (
    tenant text COLLATE "C" NOT NULL,
    request_id text COLLATE "C" NOT NULL,
    idx bigint NOT NULL,
    PRIMARY KEY (tenant, request_id)
);

CREATE TABLE spending (
    day date NOT NULL,
    tenant text COLLATE "C" NOT NULL,
    micro_usd bigint NOT NULL,
    calls bigint NOT NULL,
    unpriced_calls bigint NOT NULL,
    input_tokens bigint NOT NULL,
    cached_input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    PRIMARY KEY (day, tenant)
);

-- What records are found by, which follows from them. Not partitioned: searches run through all of it in the order of
-- time. Values of lists are few and long: they are kept once, and each entry points to them.
CREATE TABLE facets (
    idx bigint PRIMARY KEY,
    time_us bigint NOT NULL,
    kind text COLLATE "C" NOT NULL,
    tenant text COLLATE "C" NOT NULL,
    intent text COLLATE "C" NOT NULL,
    domain text COLLATE "C" NOT NULL,
    route text COLLATE "C" NOT NULL,
    tier text COLLATE "C" NOT NULL,
    locale text COLLATE "C" NOT NULL,
    verdict text COLLATE "C" NOT NULL,
    drafter text COLLATE "C" NOT NULL,
    simulated boolean NOT NULL,
    canary boolean NOT NULL
);

CREATE INDEX facets_time ON facets (time_us, idx);
CREATE INDEX facets_tenant ON facets (tenant, time_us, idx);
CREATE INDEX facets_verdict ON facets (verdict, time_us, idx);

CREATE TABLE facet_values (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    field text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL,
    UNIQUE (field, value)
);

CREATE TABLE facet_lists (
    value_id bigint NOT NULL,
    idx bigint NOT NULL,
    PRIMARY KEY (value_id, idx)
);

CREATE INDEX facet_lists_entry ON facet_lists (idx, value_id);

-- The tree over the entries, as tiles of hashes, and the heads that were signed. Each head names the size that it builds
-- on, and no two name the same: that is what keeps the tree from forking, however many sequencers there are.
CREATE TABLE tiles (
    level smallint NOT NULL CHECK (level BETWEEN 0 AND 7),
    idx bigint NOT NULL CHECK (idx >= 0),
    data bytea NOT NULL CHECK (length(data) BETWEEN 32 AND 8192 AND length(data) % 32 = 0),
    PRIMARY KEY (level, idx)
);

CREATE TABLE heads (
    size bigint PRIMARY KEY,
    built_on bigint NOT NULL UNIQUE CHECK (built_on >= 0 AND built_on < size),
    root bytea NOT NULL CHECK (length(root) = 32),
    note text NOT NULL,
    signed_at timestamptz NOT NULL
);

CREATE FUNCTION refuse_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'log entries are final' USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER entries_are_final BEFORE UPDATE OR DELETE ON entries FOR EACH ROW EXECUTE FUNCTION refuse_rewrite();
CREATE TRIGGER entries_stay BEFORE TRUNCATE ON entries FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewrite();
CREATE TRIGGER reviews_are_final BEFORE UPDATE OR DELETE ON reviews FOR EACH ROW EXECUTE FUNCTION refuse_rewrite();
CREATE TRIGGER reviews_stay BEFORE TRUNCATE ON reviews FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewrite();
CREATE TRIGGER requests_are_final BEFORE UPDATE OR DELETE ON requests FOR EACH ROW EXECUTE FUNCTION refuse_rewrite();
CREATE TRIGGER requests_stay BEFORE TRUNCATE ON requests FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewrite();

CREATE TRIGGER heads_are_final BEFORE UPDATE OR DELETE ON heads FOR EACH ROW EXECUTE FUNCTION refuse_rewrite();
CREATE TRIGGER heads_stay BEFORE TRUNCATE ON heads FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewrite();

CREATE FUNCTION refuse_loss() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'tiles only grow' USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER tiles_only_grow BEFORE UPDATE ON tiles FOR EACH ROW
WHEN (NEW.level <> OLD.level OR NEW.idx <> OLD.idx OR substr(NEW.data, 1, length(OLD.data)) <> OLD.data)
EXECUTE FUNCTION refuse_loss();
CREATE TRIGGER tiles_stay BEFORE DELETE ON tiles FOR EACH ROW EXECUTE FUNCTION refuse_loss();
CREATE TRIGGER tiles_all_stay BEFORE TRUNCATE ON tiles FOR EACH STATEMENT EXECUTE FUNCTION refuse_loss();

-- Add partitions until they reach `upto`; the caller holds the head. A table made apart and then attached takes a lock
-- that readers do not wait for; CREATE TABLE ... PARTITION OF would stop them. Row triggers come with attaching, those
-- of statements do not.
CREATE FUNCTION open_blocks(upto bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    first bigint;
    beyond bigint;
    parent text;
    block text;
BEGIN
    LOOP
        SELECT blocks_end, blocks_end + block_rows INTO first, beyond FROM head;
        EXIT WHEN first >= upto;
        FOREACH parent IN ARRAY ARRAY['entries', 'contents'] LOOP
            block := parent || '_' || first;
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', block, parent);
            EXECUTE format(
                'ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', parent, block, first, beyond);
        END LOOP;
        EXECUTE format(
            'CREATE TRIGGER entries_stay BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewrite()',
            'entries_' || first);
        UPDATE head SET blocks_end = beyond;
    END LOOP;
END
$$;

INSERT INTO head (size, blocks_end, block_rows, beat) VALUES (0, 0, 10000000, 0);
INSERT INTO meta (key, value) VALUES ('schema', '1');
