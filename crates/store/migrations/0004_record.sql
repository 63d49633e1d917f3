-- The record of refusals: what comes too often to be written one by one is counted in one row a minute.

-- How often it happened within the minute that begins the row; 1 for an event of its own.
ALTER TABLE audit_events ADD COLUMN occurrences BIGINT NOT NULL DEFAULT 1;
-- Where it came from: an IPv4 address or the first 64 bits of an IPv6 one, for callers who proved nothing.
ALTER TABLE audit_events ADD COLUMN address TEXT;
