-- Verdict log, third form: the tree over the entries, as tiles of hashes, and the heads that were signed. Entries that
-- are in the log already are integrated by the sequencer, when the service starts.

CREATE TABLE tiles (
    level INTEGER NOT NULL CHECK (level BETWEEN 0 AND 7),
    idx INTEGER NOT NULL CHECK (idx >= 0),
    data BLOB NOT NULL CHECK (length(data) BETWEEN 32 AND 8192 AND length(data) % 32 = 0),
    PRIMARY KEY (level, idx)
) STRICT;

CREATE TRIGGER tiles_only_grow BEFORE UPDATE ON tiles
WHEN NEW.level <> OLD.level OR NEW.idx <> OLD.idx OR substr(NEW.data, 1, length(OLD.data)) <> OLD.data
BEGIN
    SELECT raise(ABORT, 'tiles only grow');
END;

CREATE TRIGGER tiles_stay BEFORE DELETE ON tiles
BEGIN
    SELECT raise(ABORT, 'tiles only grow');
END;

CREATE TRIGGER tiles_are_not_replaced BEFORE INSERT ON tiles
WHEN EXISTS (SELECT 1 FROM tiles WHERE level = NEW.level AND idx = NEW.idx)
BEGIN
    SELECT raise(ABORT, 'tiles only grow');
END;

CREATE TABLE heads (
    size INTEGER PRIMARY KEY CHECK (size > 0),
    root BLOB NOT NULL CHECK (length(root) = 32),
    note TEXT NOT NULL,
    signed_at TEXT NOT NULL
) STRICT;

CREATE TRIGGER heads_are_final BEFORE UPDATE ON heads
BEGIN
    SELECT raise(ABORT, 'signed heads are final');
END;

CREATE TRIGGER heads_stay BEFORE DELETE ON heads
BEGIN
    SELECT raise(ABORT, 'signed heads are final');
END;

CREATE TRIGGER heads_follow_each_other BEFORE INSERT ON heads
WHEN EXISTS (SELECT 1 FROM heads WHERE size >= NEW.size)
BEGIN
    SELECT raise(ABORT, 'signed heads are final');
END;

UPDATE meta SET value = '3' WHERE key = 'schema';
