-- Delivery: turns between tenants, files that are removed before their runs are forgotten, callbacks.

-- tenant_id repeats the report's. turn orders what waits: each further run of a tenant that has others waiting stands a little behind them.
ALTER TABLE executions ADD COLUMN tenant_id TEXT NOT NULL DEFAULT '';
ALTER TABLE executions ADD COLUMN turn BIGINT NOT NULL DEFAULT 0;
-- Attempts that failed by themselves; attempts counts those too that ended with their process.
ALTER TABLE executions ADD COLUMN failures BIGINT NOT NULL DEFAULT 0;
-- When the file was removed, by age or for want of room. The run is still listed.
ALTER TABLE executions ADD COLUMN artifact_removed BIGINT;
UPDATE executions SET turn = queued, failures = attempts,
    tenant_id = (SELECT report.tenant_id FROM scheduled_reports AS report WHERE report.id = executions.report_id);
DROP INDEX executions_to_claim;
CREATE INDEX executions_to_claim ON executions (status, turn, anchor, id);
CREATE INDEX executions_by_tenant ON executions (tenant_id, status, turn);
CREATE INDEX executions_by_age ON executions (finished);
CREATE INDEX executions_with_file ON executions (artifact_removed, generated);

-- Whether the owner wants to hear of failed runs too.
ALTER TABLE scheduled_reports ADD COLUMN callback_on_failure BIGINT NOT NULL DEFAULT 0;

-- The outbox: written with the end of the run that it tells of. state: pending, delivered, failed, cancelled.
-- due, give_up, created and finished are the product's clock; lease_until is the database's time.
CREATE TABLE callbacks (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    owner_id TEXT NOT NULL,
    program TEXT NOT NULL,
    report_id TEXT NOT NULL,
    execution_id TEXT NOT NULL,
    -- completed or failed: a run is told of once.
    event TEXT NOT NULL,
    method TEXT NOT NULL,
    url TEXT NOT NULL,
    body TEXT NOT NULL,
    created BIGINT NOT NULL,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    due BIGINT NOT NULL,
    give_up BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    finished BIGINT,
    UNIQUE (execution_id, event)
);
CREATE INDEX callbacks_due ON callbacks (state, due);
CREATE INDEX callbacks_by_tenant ON callbacks (tenant_id, created);
CREATE INDEX callbacks_by_report ON callbacks (report_id);
CREATE INDEX callbacks_by_age ON callbacks (finished);

-- What each attempt met: an HTTP status, or in words why there is none.
CREATE TABLE callback_attempts (
    callback_id TEXT NOT NULL REFERENCES callbacks (id),
    number BIGINT NOT NULL,
    at BIGINT NOT NULL,
    milliseconds BIGINT NOT NULL,
    http_status BIGINT,
    error TEXT,
    PRIMARY KEY (callback_id, number)
);

-- Encrypted with the deployment's own key. A replaced secret goes on signing beside the new one until it expires.
CREATE TABLE callback_secrets (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    owner_id TEXT NOT NULL,
    sealed TEXT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT
);
CREATE INDEX callback_secrets_by_owner ON callback_secrets (owner_id, created);

-- How often the identities were changed, for processes that share them.
INSERT INTO settings (name, value) VALUES ('identity_version', '0');
