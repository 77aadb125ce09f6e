-- What pages of the app, of releases and of connections are made from: few rows, and as exact as what they stand for.

-- In which hours installations were there, by release and, where that is 0, whatever their release. Filled from the runs.
CREATE TABLE present (
    app INTEGER NOT NULL,
    at INTEGER NOT NULL, -- when the hour begins
    release INTEGER NOT NULL,
    installs BLOB NOT NULL, -- sqlite/present.rs
    PRIMARY KEY (app, at, release)
) STRICT, WITHOUT ROWID;
-- In which hours an installation was there.
DROP INDEX run_pseudonym;
CREATE INDEX run_pseudonym ON run (app, pseudonym, at, release);

-- Connection windows of six hours and of days that are over: what connection_sum says of their hours, added up.
CREATE TABLE connection_past (
    app INTEGER NOT NULL,
    length INTEGER NOT NULL, -- seconds
    at INTEGER NOT NULL, -- when they begin
    release INTEGER NOT NULL,
    os INTEGER NOT NULL,
    region INTEGER NOT NULL,
    name INTEGER NOT NULL,
    endpoint INTEGER NOT NULL,
    transport TEXT NOT NULL,
    network TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    ready INTEGER NOT NULL,
    packed BLOB NOT NULL, -- store/columns.rs
    PRIMARY KEY (app, length, at, release, os, region, name, endpoint, transport, network)
) STRICT;
-- The times of which all of it is there.
CREATE TABLE connection_folded (
    app INTEGER PRIMARY KEY,
    since INTEGER NOT NULL, -- a day's beginning
    until INTEGER NOT NULL
) STRICT;

-- How many installations are behind connection windows, by week: in each cell, and in all of them. Triggers keep both, so that nobody who
-- adds or removes installations has to think of it.
CREATE TABLE connection_installs (
    app INTEGER NOT NULL,
    week INTEGER NOT NULL,
    release INTEGER NOT NULL,
    os INTEGER NOT NULL,
    region INTEGER NOT NULL,
    name INTEGER NOT NULL,
    endpoint INTEGER NOT NULL,
    transport TEXT NOT NULL,
    network TEXT NOT NULL,
    installs INTEGER NOT NULL,
    PRIMARY KEY (app, week, release, os, region, name, endpoint, transport, network)
) STRICT, WITHOUT ROWID;
CREATE TABLE connection_week (
    app INTEGER NOT NULL,
    week INTEGER NOT NULL,
    installs INTEGER NOT NULL,
    PRIMARY KEY (app, week)
) STRICT, WITHOUT ROWID;
INSERT INTO connection_installs
SELECT app, week, release, os, region, name, endpoint, transport, network, count(*) FROM connection_install
GROUP BY app, week, release, os, region, name, endpoint, transport, network;
INSERT INTO connection_week SELECT app, week, count(DISTINCT pseudonym) FROM connection_install GROUP BY app, week;
DROP INDEX connection_install_pseudonym;
CREATE INDEX connection_install_pseudonym ON connection_install (app, pseudonym, week);

CREATE TRIGGER connection_install_comes AFTER INSERT ON connection_install BEGIN
    INSERT INTO connection_installs
    VALUES (new.app, new.week, new.release, new.os, new.region, new.name, new.endpoint, new.transport, new.network, 1)
    ON CONFLICT DO UPDATE SET installs = installs + 1;
    INSERT INTO connection_week
    SELECT new.app, new.week, 1 WHERE 1 =
        (SELECT count(*) FROM (SELECT 1 FROM connection_install WHERE app = new.app AND pseudonym = new.pseudonym AND week = new.week LIMIT 2))
    ON CONFLICT DO UPDATE SET installs = installs + 1;
END;
CREATE TRIGGER connection_install_goes AFTER DELETE ON connection_install BEGIN
    UPDATE connection_installs SET installs = installs - 1
    WHERE app = old.app AND week = old.week AND release = old.release AND os = old.os AND region = old.region AND name = old.name
      AND endpoint = old.endpoint AND transport = old.transport AND network = old.network;
    DELETE FROM connection_installs
    WHERE app = old.app AND week = old.week AND release = old.release AND os = old.os AND region = old.region AND name = old.name
      AND endpoint = old.endpoint AND transport = old.transport AND network = old.network AND installs <= 0;
    UPDATE connection_week SET installs = installs - 1
    WHERE app = old.app AND week = old.week AND NOT EXISTS
        (SELECT 1 FROM connection_install WHERE app = old.app AND pseudonym = old.pseudonym AND week = old.week);
    DELETE FROM connection_week WHERE app = old.app AND week = old.week AND installs <= 0;
END;

-- Since when faults of a release are counted; of runs another index tells it.
CREATE INDEX fault_count_release ON fault_count (app, release);

-- Runs by six hours, added up from run_count by triggers: few rows for a page of a month.
CREATE TABLE run_quarter (
    app INTEGER NOT NULL,
    at INTEGER NOT NULL, -- when the six hours begin
    release INTEGER NOT NULL,
    os INTEGER NOT NULL,
    device INTEGER NOT NULL,
    exit TEXT NOT NULL,
    frozen INTEGER NOT NULL,
    runs INTEGER NOT NULL,
    run_ms INTEGER NOT NULL,
    PRIMARY KEY (app, at, release, os, device, exit, frozen)
) STRICT, WITHOUT ROWID;
INSERT INTO run_quarter
SELECT app, at - at % 21600, release, os, device, exit, frozen, sum(runs), sum(run_ms) FROM run_count
GROUP BY app, at - at % 21600, release, os, device, exit, frozen;

CREATE TRIGGER run_count_comes AFTER INSERT ON run_count BEGIN
    INSERT INTO run_quarter
    VALUES (new.app, new.at - new.at % 21600, new.release, new.os, new.device, new.exit, new.frozen, new.runs, new.run_ms)
    ON CONFLICT DO UPDATE SET runs = runs + excluded.runs, run_ms = run_ms + excluded.run_ms;
END;
CREATE TRIGGER run_count_changes AFTER UPDATE OF runs, run_ms ON run_count BEGIN
    UPDATE run_quarter SET runs = runs + new.runs - old.runs, run_ms = run_ms + new.run_ms - old.run_ms
    WHERE app = new.app AND at = new.at - new.at % 21600 AND release = new.release AND os = new.os AND device = new.device
      AND exit = new.exit AND frozen = new.frozen;
END;
CREATE TRIGGER run_count_goes AFTER DELETE ON run_count BEGIN
    UPDATE run_quarter SET runs = runs - old.runs, run_ms = run_ms - old.run_ms
    WHERE app = old.app AND at = old.at - old.at % 21600 AND release = old.release AND os = old.os AND device = old.device
      AND exit = old.exit AND frozen = old.frozen;
    DELETE FROM run_quarter
    WHERE app = old.app AND at = old.at - old.at % 21600 AND release = old.release AND os = old.os AND device = old.device
      AND exit = old.exit AND frozen = old.frozen AND runs <= 0;
END;
