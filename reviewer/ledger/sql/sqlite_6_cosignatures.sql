-- Verdict log, sixth form: what witnesses said of signed heads. Cosignatures are verified before they come here, and a
-- verification of the log verifies them again.

CREATE TABLE cosignatures (
    size INTEGER NOT NULL,
    name TEXT NOT NULL CHECK (length(name) > 0),
    key_id BLOB NOT NULL CHECK (length(key_id) = 4),
    value BLOB NOT NULL CHECK (length(value) = 72),
    PRIMARY KEY (size, name, key_id)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER cosignatures_are_of_heads BEFORE INSERT ON cosignatures
WHEN NOT EXISTS (SELECT 1 FROM heads WHERE size = NEW.size)
BEGIN
    SELECT raise(ABORT, 'cosignatures are of signed heads');
END;

CREATE TRIGGER cosignatures_are_final BEFORE UPDATE ON cosignatures
BEGIN
    SELECT raise(ABORT, 'cosignatures are final');
END;

CREATE TRIGGER cosignatures_stay BEFORE DELETE ON cosignatures
BEGIN
    SELECT raise(ABORT, 'cosignatures are final');
END;
