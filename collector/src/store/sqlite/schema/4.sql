-- Several keys for each app, each with a beginning and an end.
ALTER TABLE ingest_key ADD COLUMN since INTEGER; -- NULL where it came with its app
ALTER TABLE ingest_key ADD COLUMN until INTEGER; -- the first second in which it is not taken
CREATE INDEX ingest_key_app ON ingest_key (app);

-- What arrived and what became of it, by day of arrival and by key.
ALTER TABLE ledger RENAME TO ledger_before;
CREATE TABLE ledger (
    app INTEGER NOT NULL,
    day INTEGER NOT NULL,
    key TEXT NOT NULL, -- its id; empty for what nobody sent, and for what was counted before keys were
    what TEXT NOT NULL, -- stored, duplicate, refused, lost, erased
    kind TEXT NOT NULL, -- of stored and lost reports
    reason TEXT NOT NULL, -- of refused and lost ones
    reports INTEGER NOT NULL,
    PRIMARY KEY (app, day, key, what, kind, reason)
) STRICT, WITHOUT ROWID;
INSERT INTO ledger SELECT app, day, '', what, kind, reason, reports FROM ledger_before;
DROP TABLE ledger_before;
