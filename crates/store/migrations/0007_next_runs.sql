-- Schedules that end, runs that are announced before they begin, and lists in the order in which things were made.

-- No slot lies after it; null for a schedule without end.
ALTER TABLE scheduled_reports ADD COLUMN end_time BIGINT;
-- The id that the run of the next slot will have; null until somebody was told of it.
ALTER TABLE scheduled_reports ADD COLUMN next_run_id TEXT;
-- Orders what one owner made at one instant. 0: made before there was such a number.
ALTER TABLE scheduled_reports ADD COLUMN number BIGINT NOT NULL DEFAULT 0;
ALTER TABLE report_queries ADD COLUMN number BIGINT NOT NULL DEFAULT 0;
