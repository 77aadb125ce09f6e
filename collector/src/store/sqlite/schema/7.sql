-- Builds that were met in reports which were grouped without their symbols, and where. A row goes with the last report of its issue
-- and release that is counted, and when all of them were looked at with those symbols.
CREATE TABLE unnamed (
    app INTEGER NOT NULL,
    build TEXT NOT NULL,
    issue INTEGER NOT NULL,
    release INTEGER NOT NULL,
    module TEXT NOT NULL, -- empty where no report tells it
    met INTEGER NOT NULL, -- how many reports have arrived
    PRIMARY KEY (app, build, issue, release)
) STRICT, WITHOUT ROWID;
CREATE INDEX unnamed_issue ON unnamed (app, issue, release);

-- Of what was kept before, the explanation of an issue without any name tells its build.
INSERT INTO unnamed
SELECT issue.app, substr(frame.value, 1, instr(frame.value, '+') - 1), issue.id, shown.release, '', 1
FROM issue, json_each(issue.why, '$.frames') AS frame, issue_release AS shown
WHERE issue.why ->> '$.rule' LIKE '%unnamed-%' AND frame.value NOT GLOB '*[^0-9a-f+]*' AND instr(frame.value, '+') > 8
  AND shown.app = issue.app AND shown.issue = issue.id
ON CONFLICT DO NOTHING;
