-- Browsers that are signed in to the console. Of their cookies only digests are kept.

CREATE TABLE console_sessions (
    digest TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    application_id TEXT NOT NULL REFERENCES applications (id),
    -- Null for an application that signed in alone, as an operator's does.
    user_id TEXT REFERENCES users (id),
    -- The user, or the application alone: whose sessions are counted and ended together.
    owner_id TEXT NOT NULL,
    -- 1 if the user gave a second factor.
    mfa BIGINT NOT NULL,
    signed_in BIGINT NOT NULL,
    expires BIGINT NOT NULL
);
CREATE INDEX console_sessions_by_owner ON console_sessions (owner_id);
CREATE INDEX console_sessions_by_application ON console_sessions (application_id);
CREATE INDEX console_sessions_by_expiry ON console_sessions (expires);
