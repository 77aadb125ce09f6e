-- What a team says about issues: everything that was done to them, in the order of moment and stamp. Of the aspects state, assignee and
-- into the latest counts.
CREATE TABLE IF NOT EXISTS triage @(on) (
    app @(word),
    issue UInt64,
    at UInt64,
    stamp FixedString(16),
    who String,
    aspect @(word),
    said String
) ENGINE = @(whole triage) ORDER BY (app, issue, at, stamp) SETTINGS index_granularity = 256 @(kept);
