-- Times are seconds since 1970-01-01 UTC. Random ids are 16 bytes; stamps are random ids that sort by the hour.
--
-- What stands in @() differs: @(whole T) is an engine whose table every server of a cluster has all of, @(sharded T) one whose table
-- every shard has a part of; @(kept) makes an insert wait for the disk, where the server can; @(word) is a text of which there are few
-- different ones; @(packed) compresses; @(by id) finds a report without its installation. @(on) reaches every server.

CREATE TABLE IF NOT EXISTS app @(on) (
    name String,
    added UInt64 -- to the hour
) ENGINE = @(whole app) ORDER BY name SETTINGS index_granularity = 256 @(kept);

CREATE TABLE IF NOT EXISTS ingest_key @(on) (
    hash FixedString(32),
    app String,
    since UInt64, -- when it was made; 0 where it came with its app
    until UInt64 -- the first second in which it is not taken. Of several rows the least counts
) ENGINE = @(whole ingest_key) ORDER BY hash SETTINGS index_granularity = 256 @(kept);

-- Reports as they were received. Committed by the block in the journal whose stamp they have; without it they do not exist.
CREATE TABLE IF NOT EXISTS @(local report) @(on) (
    app @(word),
    pseudonym FixedString(16),
    id FixedString(16),
    block FixedString(16),
    seq UInt32, -- their order in the block
    kind @(word),
    at UInt64,
    arrived UInt64, -- to the hour
    run FixedString(16),
    release @(word),
    issue UInt64, -- crashes and freezes; else 0
    body String @(packed)
    @(by id)
) ENGINE = @(sharded report) ORDER BY (app, pseudonym, id) SETTINGS index_granularity = 128 @(kept);

@(distributed report);

-- What was kept, refused or held back, in blocks: each is one insert, and there whole or not at all. A block stays until what it
-- says has been in the summaries for some time.
CREATE TABLE IF NOT EXISTS journal @(on) (
    app @(word),
    block FixedString(16),
    what @(word), -- batch: reports that arrived together; report: one that was kept; refused; leak
    id FixedString(16),
    seq UInt32,
    kind @(word),
    at UInt64,
    arrived UInt64, -- of a report to the hour, else to the minute
    minute UInt64, -- in which a report with a reconnect counts; 0 for none
    run FixedString(16),
    pseudonym FixedString(16),
    release @(word),
    os @(word),
    device @(word),
    issue UInt64,
    told String @(packed), -- what the summaries need of a report
    reason @(word), -- of what was not kept
    field @(word), -- that leaked
    n UInt64, -- how many arrived, or were refused
    key @(word), -- by which it was sent; empty for what nobody sent
    day Date
) ENGINE = @(whole journal) PARTITION BY day ORDER BY (app, block, what, seq) SETTINGS index_granularity = 1024 @(kept);

-- What issues are.
CREATE TABLE IF NOT EXISTS issue @(on) (
    app @(word),
    id UInt64,
    kind @(word),
    title String,
    culprit String,
    why String,
    block FixedString(16) -- before which it was seen for the first time; the least counts
) ENGINE = @(whole issue) ORDER BY (app, id) SETTINGS index_granularity = 256 @(kept);

-- Pseudonyms and parts of apps that were erased, as hashes: late reports of theirs are refused.
CREATE TABLE IF NOT EXISTS erased @(on) (
    app @(word),
    hash FixedString(32), -- of a pseudonym, or of a release; zeros for parts that are of no release
    is_part UInt8,
    first UInt64,
    after UInt64
) ENGINE = @(whole erased) ORDER BY (app, is_part, hash) SETTINGS index_granularity = 256 @(kept);

-- What is being erased. An entry stays until nothing of it is on the disks.
CREATE TABLE IF NOT EXISTS erasing @(on) (
    app @(word),
    stamp FixedString(16),
    is_part UInt8,
    is_late UInt8, -- what it is about was never in the summaries
    pseudonym FixedString(16),
    release @(word), -- empty where all are meant
    first UInt64,
    after UInt64,
    arrived UInt64, -- in whose day it stands in the ledger
    asked UInt64 -- since when it waits
) ENGINE = @(whole erasing) ORDER BY (app, stamp) SETTINGS index_granularity = 256 @(kept);

-- Segments of summaries: each is one insert, and there whole or not at all. A row is what a segment adds to one cell.
CREATE TABLE IF NOT EXISTS summary @(on) (
    app @(word),
    what @(word), -- which summary: cell.rs says what the columns mean in each
    segment FixedString(16),
    key FixedString(16),
    at UInt64,
    arrived UInt64,
    issue UInt64,
    id FixedString(16),
    run FixedString(16),
    pseudonym FixedString(16),
    release @(word),
    os @(word),
    device @(word),
    region @(word),
    name @(word),
    endpoint @(word),
    transport @(word),
    network @(word),
    word @(word),
    reason @(word),
    flag UInt8,
    n Int64,
    m Int64,
    ms Int64,
    added String @(packed),
    taken String @(packed)
) ENGINE = @(whole summary) ORDER BY (app, what, segment, key, at) SETTINGS index_granularity = 1024 @(kept);
