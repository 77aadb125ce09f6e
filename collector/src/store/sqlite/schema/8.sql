-- What lists of issues are made from, by day: few rows, in which every hour is still exact. They are filled from what is there.

CREATE TABLE issue_day (
    app INTEGER NOT NULL,
    day INTEGER NOT NULL, -- when it begins
    issue INTEGER NOT NULL,
    hours BLOB NOT NULL, -- store/issue_day.rs
    PRIMARY KEY (app, day, issue)
) STRICT, WITHOUT ROWID;

-- Another number whenever something changes, so that whoever has read it knows whether to read it again.
CREATE TABLE stamp (
    app INTEGER NOT NULL,
    about INTEGER NOT NULL, -- 0: issues in a day. 1: what was said about issues, and which releases have shown them
    day INTEGER NOT NULL, -- when it begins; 0 where it is not about one
    stamp INTEGER NOT NULL,
    PRIMARY KEY (app, about, day)
) STRICT, WITHOUT ROWID;

-- When an installation, and when a run, met an issue.
DROP INDEX report_pseudonym;
CREATE INDEX report_pseudonym ON report (app, pseudonym, issue, at);
CREATE INDEX report_run ON report (app, run, issue, at) WHERE issue IS NOT NULL;

-- Which releases ran, and which have shown an issue.
CREATE INDEX run_count_release ON run_count (app, release);
CREATE INDEX issue_release_release ON issue_release (app, release);

-- Connection sums are packed (store/columns.rs); those of before stay as they are until something is added.
ALTER TABLE connection_sum ADD COLUMN packed BLOB; -- where there is one, `sum` is empty
