-- Times are seconds since 1970-01-01 UTC. Random ids are 16 bytes.

CREATE TABLE app (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    last_batch INTEGER -- to the minute
) STRICT;

CREATE TABLE ingest_key (
    hash BLOB PRIMARY KEY,
    app INTEGER NOT NULL REFERENCES app
) STRICT, WITHOUT ROWID;

-- Releases, systems, classes of machines and declared names, each once.
CREATE TABLE word (
    id INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE report (
    seq INTEGER PRIMARY KEY,
    app INTEGER NOT NULL,
    id BLOB NOT NULL,
    at INTEGER NOT NULL,
    run BLOB NOT NULL,
    pseudonym BLOB NOT NULL,
    release INTEGER NOT NULL,
    os INTEGER NOT NULL,
    device INTEGER NOT NULL,
    issue INTEGER, -- crashes and freezes
    body TEXT NOT NULL -- as it was received
) STRICT;
CREATE UNIQUE INDEX report_id ON report (app, id);
CREATE INDEX report_pseudonym ON report (app, pseudonym);
CREATE INDEX report_issue ON report (app, issue, at, run, pseudonym, release, os, device) WHERE issue IS NOT NULL;

-- Pseudonyms whose reports were erased, as hashes: late reports of theirs are refused.
CREATE TABLE erased (
    app INTEGER NOT NULL,
    pseudonym BLOB NOT NULL,
    PRIMARY KEY (app, pseudonym)
) STRICT, WITHOUT ROWID;

-- What arrived and what became of it, by day of arrival.
CREATE TABLE ledger (
    app INTEGER NOT NULL,
    day INTEGER NOT NULL,
    what TEXT NOT NULL, -- stored, duplicate, refused, lost, erased
    kind TEXT NOT NULL, -- of stored and lost reports
    reason TEXT NOT NULL, -- of refused and lost ones
    reports INTEGER NOT NULL,
    PRIMARY KEY (app, day, what, kind, reason)
) STRICT, WITHOUT ROWID;

-- One row per run, to count it once however often and in whatever order its reports arrive.
CREATE TABLE run (
    app INTEGER NOT NULL,
    id BLOB NOT NULL,
    pseudonym BLOB NOT NULL,
    started INTEGER NOT NULL, -- whether a report of the run itself arrived; before, it is known by its crash or freeze
    at INTEGER NOT NULL,
    release INTEGER NOT NULL,
    os INTEGER NOT NULL,
    device INTEGER NOT NULL,
    exit TEXT NOT NULL, -- empty while it is not known
    frozen INTEGER NOT NULL,
    run_ms INTEGER NOT NULL,
    PRIMARY KEY (app, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_at ON run (app, at, release, pseudonym);
CREATE INDEX run_pseudonym ON run (app, pseudonym);

-- Summaries. All are kept in the transaction that stores the reports they count.

CREATE TABLE run_count (
    app INTEGER NOT NULL,
    at INTEGER NOT NULL,
    release INTEGER NOT NULL,
    os INTEGER NOT NULL,
    device INTEGER NOT NULL,
    exit TEXT NOT NULL,
    frozen INTEGER NOT NULL,
    runs INTEGER NOT NULL,
    run_ms INTEGER NOT NULL,
    PRIMARY KEY (app, at, release, os, device, exit, frozen)
) STRICT, WITHOUT ROWID;

CREATE TABLE fault_count (
    app INTEGER NOT NULL,
    at INTEGER NOT NULL,
    release INTEGER NOT NULL,
    fault TEXT NOT NULL, -- crash, handled, freeze
    reports INTEGER NOT NULL,
    PRIMARY KEY (app, at, release, fault)
) STRICT, WITHOUT ROWID;

CREATE TABLE issue (
    app INTEGER NOT NULL,
    id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    culprit TEXT NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (app, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE issue_count (
    app INTEGER NOT NULL,
    issue INTEGER NOT NULL,
    at INTEGER NOT NULL,
    release INTEGER NOT NULL,
    os INTEGER NOT NULL,
    device INTEGER NOT NULL,
    reports INTEGER NOT NULL,
    fatal INTEGER NOT NULL,
    PRIMARY KEY (app, issue, at, release, os, device)
) STRICT, WITHOUT ROWID;
CREATE INDEX issue_count_at ON issue_count (app, at, issue, reports, fatal);

CREATE TABLE freeze_sum (
    app INTEGER NOT NULL,
    at INTEGER NOT NULL,
    issue INTEGER NOT NULL,
    sum TEXT NOT NULL,
    PRIMARY KEY (app, at, issue)
) STRICT;

CREATE TABLE connection_sum (
    app INTEGER NOT NULL,
    at INTEGER NOT NULL,
    release INTEGER NOT NULL,
    name INTEGER NOT NULL,
    endpoint INTEGER NOT NULL,
    network TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    ready INTEGER NOT NULL,
    sum TEXT NOT NULL,
    PRIMARY KEY (app, at, release, name, endpoint, network)
) STRICT;
