-- The access log: who read what. Its events wait here until their day is over; then they are in files only.

CREATE TABLE access_events (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    -- The day on which it was written down, in days since 1970: whose file it belongs to.
    day BIGINT NOT NULL,
    at BIGINT NOT NULL,
    -- The event, as JSON.
    fields TEXT NOT NULL
);
CREATE INDEX access_events_by_day ON access_events (tenant_id, day, at);

-- The file of a tenant and a day.
CREATE TABLE access_days (
    tenant_id TEXT NOT NULL,
    day BIGINT NOT NULL,
    -- How many files of this day are complete. The one that is still written has this number.
    generation BIGINT NOT NULL,
    -- Events that wait here, and those of them that the file has.
    added BIGINT NOT NULL,
    written BIGINT NOT NULL,
    -- 1 while events wait here.
    is_open BIGINT NOT NULL,
    -- Until when a process writes the file, by the database's time.
    claimed_until BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, day)
);
CREATE INDEX access_days_open ON access_days (is_open, day);
