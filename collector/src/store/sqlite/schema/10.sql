-- What is counted of issues by day, in each class too, so that lists of one release, system or machine are as quick as those of all. Filled
-- again from what is there.
DROP TABLE issue_day;
CREATE TABLE issue_day (
    app INTEGER NOT NULL,
    day INTEGER NOT NULL, -- when it begins
    issue INTEGER NOT NULL,
    hours BLOB NOT NULL, -- store/issue_day.rs
    classes BLOB NOT NULL, -- the same by class: sqlite/class.rs
    PRIMARY KEY (app, day, issue)
) STRICT, WITHOUT ROWID;

-- These said the same, one by one.
DROP INDEX issue_count_at;
DROP INDEX report_met;

-- When an installation, and when a run, met an issue, and in which classes.
DROP INDEX report_pseudonym;
CREATE INDEX report_pseudonym ON report (app, pseudonym, issue, at, release, os, device);
DROP INDEX report_run;
CREATE INDEX report_run ON report (app, run, issue, at, release, os, device) WHERE issue IS NOT NULL;
