-- Run control: runs that are cancelled, how far they are and how long they take, runs that a tenant's pause holds back, limits by tenant, and keys that
-- make a creation happen once.

-- When the last attempt began, by the database's time, and how many milliseconds it took.
ALTER TABLE executions ADD COLUMN begun BIGINT;
ALTER TABLE executions ADD COLUMN took BIGINT;
-- The percentage of row groups that the attempt has begun to read.
ALTER TABLE executions ADD COLUMN progress BIGINT;
UPDATE executions SET progress = 100 WHERE status = 'Completed';
CREATE INDEX executions_by_queue ON executions (queued);
CREATE INDEX executions_of_tenant ON executions (tenant_id, queued);
CREATE INDEX scheduled_reports_of_tenant ON scheduled_reports (tenant_id, created);

-- Since when nobody claims the tenant's runs, and why; null while they run.
ALTER TABLE tenants ADD COLUMN runs_paused BIGINT;
ALTER TABLE tenants ADD COLUMN runs_paused_reason TEXT;
CREATE INDEX tenants_with_paused_runs ON tenants (id) WHERE runs_paused IS NOT NULL;

-- What one tenant may have instead of what all may have. The names are the program's.
CREATE TABLE tenant_limits (
    tenant_id TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    value BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, name)
);

-- A creation with a key happens once: the same key leads to what was made first.
CREATE TABLE idempotency_keys (
    owner_id TEXT NOT NULL,
    program TEXT NOT NULL,
    -- SHA-256 of what is made and of the key, in hexadecimal.
    digest TEXT NOT NULL,
    -- SHA-256 of the body that came with the key first.
    body TEXT NOT NULL,
    made_id TEXT NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (owner_id, program, digest)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created);
