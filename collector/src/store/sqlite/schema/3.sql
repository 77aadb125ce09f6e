-- What retention, erasure of a part, and the quarantine need.

ALTER TABLE report ADD COLUMN kind TEXT NOT NULL DEFAULT '';
ALTER TABLE report ADD COLUMN arrived INTEGER NOT NULL DEFAULT 0; -- to the hour
-- What was kept before counts as having arrived when it happened.
UPDATE report SET arrived = at, kind = (SELECT key FROM json_each(report.body, '$.what') LIMIT 1);
-- The last three tell which words are in use.
CREATE INDEX report_arrived ON report (app, kind, arrived, release, os, device);

-- Which installations are behind connection windows, by week; as old as their reports. Texts stand as their ids.
CREATE TABLE connection_install (
    app INTEGER NOT NULL,
    week INTEGER NOT NULL,
    release INTEGER NOT NULL,
    os INTEGER NOT NULL,
    region INTEGER NOT NULL,
    name INTEGER NOT NULL,
    endpoint INTEGER NOT NULL,
    transport TEXT NOT NULL,
    network TEXT NOT NULL,
    pseudonym BLOB NOT NULL,
    arrived INTEGER NOT NULL, -- the first of them, to the hour
    PRIMARY KEY (app, week, release, os, region, name, endpoint, transport, network, pseudonym)
) STRICT, WITHOUT ROWID;
CREATE INDEX connection_install_pseudonym ON connection_install (app, pseudonym);

-- Parts of an app that were erased: late reports of theirs are refused.
CREATE TABLE erased_part (
    app INTEGER NOT NULL,
    release BLOB NOT NULL, -- its hash; empty for all
    first INTEGER NOT NULL,
    after INTEGER NOT NULL,
    PRIMARY KEY (app, release, first, after)
) STRICT, WITHOUT ROWID;

-- Reports that were not kept because a value in them might identify somebody.
CREATE TABLE quarantine (
    app INTEGER NOT NULL,
    day INTEGER NOT NULL,
    release TEXT NOT NULL, -- empty where it could not be read
    field TEXT NOT NULL,
    reason TEXT NOT NULL,
    reports INTEGER NOT NULL,
    PRIMARY KEY (app, day, release, field, reason)
) STRICT, WITHOUT ROWID;
