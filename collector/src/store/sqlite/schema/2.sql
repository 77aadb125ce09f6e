-- Connection windows are summed by more dimensions, and for reports that tell the minute by the hour as well, so that a
-- page of a month does not read minutes.

ALTER TABLE connection_sum RENAME TO connection_sum_before;

CREATE TABLE connection_sum (
    app INTEGER NOT NULL,
    grain INTEGER NOT NULL, -- 0: told to the hour. 1: told to the minute, summed by the hour. 2: told to the minute
    at INTEGER NOT NULL,
    release INTEGER NOT NULL,
    os INTEGER NOT NULL,
    region INTEGER NOT NULL, -- the empty word where none was told
    name INTEGER NOT NULL,
    endpoint INTEGER NOT NULL,
    transport TEXT NOT NULL, -- empty where it was not kept
    network TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    ready INTEGER NOT NULL,
    sum TEXT NOT NULL,
    PRIMARY KEY (app, grain, at, release, os, region, name, endpoint, transport, network)
) STRICT;

INSERT INTO word (text) VALUES ('') ON CONFLICT DO NOTHING;

INSERT INTO connection_sum
SELECT app, iif(at % 3600 = 0, 0, 2), at, release, word.id, word.id, name, endpoint, '', network, attempts, ready, sum
FROM connection_sum_before, word WHERE word.text = '';

-- Coarse answers need them too; for those it does not matter when in the hour they stand.
INSERT INTO connection_sum
SELECT app, 1, at, release, word.id, word.id, name, endpoint, '', network, attempts, ready, sum
FROM connection_sum_before, word WHERE word.text = '' AND at % 3600 <> 0;

DROP TABLE connection_sum_before;

-- How many installations reconnected in a minute: that of the report where it tells one, else that of its arrival. Counts
-- and nothing else; a minute in which only a few did is forgotten soon after. The empty name and endpoint stand for all.
CREATE TABLE reconnect_minute (
    app INTEGER NOT NULL,
    minute INTEGER NOT NULL,
    name INTEGER NOT NULL,
    endpoint INTEGER NOT NULL,
    installs INTEGER NOT NULL,
    reconnects INTEGER NOT NULL,
    PRIMARY KEY (app, minute, name, endpoint)
) STRICT, WITHOUT ROWID;
