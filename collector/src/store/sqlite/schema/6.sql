-- What a team says about issues, and what lists of issues are made from.

-- Everything that was done to issues; what is counted of them tells the rest.
CREATE TABLE triage (
    seq INTEGER PRIMARY KEY,
    app INTEGER NOT NULL,
    issue INTEGER NOT NULL,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    aspect TEXT NOT NULL, -- state, assignee, into: of these the latest counts; else empty
    latest INTEGER NOT NULL, -- whether it is the latest of its aspect
    said TEXT NOT NULL
) STRICT;
CREATE INDEX triage_issue ON triage (app, issue);
CREATE INDEX triage_latest ON triage (app, aspect) WHERE latest;

ALTER TABLE issue ADD COLUMN first_seen INTEGER NOT NULL DEFAULT 0;
ALTER TABLE issue ADD COLUMN last_seen INTEGER NOT NULL DEFAULT 0;
ALTER TABLE issue ADD COLUMN own INTEGER NOT NULL DEFAULT 0; -- whether frames of the app's own code made its reports one
ALTER TABLE issue ADD COLUMN says TEXT NOT NULL DEFAULT ''; -- what is searched, in small letters
UPDATE issue SET
    first_seen = coalesce((SELECT min(at) FROM issue_count AS c WHERE c.app = issue.app AND c.issue = issue.id), 0),
    last_seen = coalesce((SELECT max(at) FROM issue_count AS c WHERE c.app = issue.app AND c.issue = issue.id), 0),
    own = why ->> '$.rule' LIKE 'panic-own-frames-%' OR why ->> '$.rule' LIKE 'signal-own-frames-%'
        OR why ->> '$.rule' LIKE 'freeze-outermost-frames-%',
    says = lower(title || char(10) || culprit
        || coalesce((SELECT group_concat(char(10) || value, '') FROM json_each(why, '$.facts')), '')
        || coalesce((SELECT group_concat(char(10) || value, '') FROM json_each(why, '$.frames')), ''));
CREATE INDEX issue_seen ON issue (app, id, kind, first_seen, last_seen, own);
CREATE INDEX issue_says ON issue (app, id, says);
CREATE INDEX issue_culprit ON issue (app, culprit);

-- Which releases have shown an issue.
CREATE TABLE issue_release (
    app INTEGER NOT NULL,
    issue INTEGER NOT NULL,
    release INTEGER NOT NULL,
    reports INTEGER NOT NULL,
    PRIMARY KEY (app, issue, release)
) STRICT, WITHOUT ROWID;
INSERT INTO issue_release SELECT app, issue, release, sum(reports) FROM issue_count GROUP BY app, issue, release;

DROP INDEX issue_count_at;
CREATE INDEX issue_count_at ON issue_count (app, at, issue, reports, fatal, release, os, device);
-- Whom issues met in a range.
CREATE INDEX report_met ON report (app, at, issue, pseudonym, release, os, device) WHERE issue IS NOT NULL;
