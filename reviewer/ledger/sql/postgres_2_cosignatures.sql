-- Verdict log, second form, cosignatures: what witnesses said of signed heads. They are verified before they come here,
-- and a verification of the log verifies them again.
CREATE TABLE cosignatures (
    size bigint NOT NULL REFERENCES heads (size),
    name text NOT NULL CHECK (length(name) > 0),
    key_id bytea NOT NULL CHECK (length(key_id) = 4),
    value bytea NOT NULL CHECK (length(value) = 72),
    PRIMARY KEY (size, name, key_id)
);

CREATE TRIGGER cosignatures_are_final BEFORE UPDATE OR DELETE ON cosignatures
FOR EACH ROW EXECUTE FUNCTION refuse_rewrite();
CREATE TRIGGER cosignatures_stay BEFORE TRUNCATE ON cosignatures FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewrite();
