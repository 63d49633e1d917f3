-- The first tables. One text for SQLite and Postgres: identifiers are TEXT (UUIDs in lower case), instants are BIGINT (milliseconds
-- since 1970, UTC), truth values are BIGINT 0 or 1, structured values are JSON in TEXT.

CREATE TABLE tenants (
    id TEXT PRIMARY KEY,
    domain TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    global_account TEXT,
    -- The legal business profile, as JSON; null for an organisation that was taken in without one.
    profile TEXT,
    created BIGINT NOT NULL
);

-- The code that the primary contact has to confirm is a digest, and there only while it is on its way.
CREATE TABLE enrollments (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    program TEXT NOT NULL,
    stage TEXT NOT NULL,
    reason TEXT,
    appeals BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    code_digest TEXT,
    code_expires BIGINT,
    code_attempts BIGINT,
    PRIMARY KEY (tenant_id, program)
);

CREATE TABLE locations (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    mpn_id TEXT NOT NULL,
    name TEXT NOT NULL,
    country TEXT NOT NULL,
    PRIMARY KEY (tenant_id, mpn_id)
);

CREATE TABLE users (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    -- In lower case.
    username TEXT NOT NULL UNIQUE,
    display_name TEXT NOT NULL,
    -- An argon2id hash in PHC form; null without a password.
    password_hash TEXT,
    must_change BIGINT NOT NULL,
    enabled BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    locked_until BIGINT,
    -- The second factor's secret, encrypted, and the last of its time steps that was used.
    totp_secret TEXT,
    totp_step BIGINT NOT NULL,
    created BIGINT NOT NULL
);
CREATE INDEX users_by_tenant ON users (tenant_id, username);

-- Redirect URIs are a JSON array of texts.
CREATE TABLE applications (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL,
    enabled BIGINT NOT NULL,
    operator BIGINT NOT NULL,
    public BIGINT NOT NULL,
    redirect_uris TEXT NOT NULL,
    created BIGINT NOT NULL
);
CREATE INDEX applications_by_tenant ON applications (tenant_id, name);

-- Several may be valid at once, so that they can be rotated without a pause.
CREATE TABLE client_secrets (
    id TEXT PRIMARY KEY,
    application_id TEXT NOT NULL REFERENCES applications (id),
    digest TEXT NOT NULL,
    hint TEXT NOT NULL,
    description TEXT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    UNIQUE (application_id, digest)
);

CREATE TABLE permissions (
    application_id TEXT NOT NULL REFERENCES applications (id),
    permission TEXT NOT NULL,
    PRIMARY KEY (application_id, permission)
);

-- Of one user, or of the whole tenant where user_id is empty.
CREATE TABLE consents (
    application_id TEXT NOT NULL REFERENCES applications (id),
    permission TEXT NOT NULL,
    user_id TEXT NOT NULL,
    granted BIGINT NOT NULL,
    PRIMARY KEY (application_id, permission, user_id)
);

-- The assignee is a user, or an application that acts alone. Locations are a JSON array of MPN ids, or null for the whole organisation.
CREATE TABLE role_assignments (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    assignee_id TEXT NOT NULL,
    role TEXT NOT NULL,
    locations TEXT,
    PRIMARY KEY (assignee_id, role)
);

-- Private keys, encrypted with the deployment's own key.
CREATE TABLE keys (
    id TEXT PRIMARY KEY,
    purpose TEXT NOT NULL,
    sealed TEXT NOT NULL,
    created BIGINT NOT NULL
);

-- A family is one sign-in. Each use replaces the token; use of a replaced one revokes the family.
CREATE TABLE refresh_tokens (
    digest TEXT PRIMARY KEY,
    family_id TEXT NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    application_id TEXT NOT NULL REFERENCES applications (id),
    user_id TEXT NOT NULL REFERENCES users (id),
    resource TEXT NOT NULL,
    amr TEXT NOT NULL,
    expires BIGINT NOT NULL,
    used BIGINT NOT NULL,
    revoked BIGINT NOT NULL
);
CREATE INDEX refresh_tokens_by_family ON refresh_tokens (family_id);

CREATE TABLE report_queries (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    owner_id TEXT NOT NULL,
    program TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    query TEXT NOT NULL,
    owner_name TEXT NOT NULL,
    created BIGINT NOT NULL
);
CREATE INDEX report_queries_by_owner ON report_queries (owner_id, program, created);

-- A report that runs once has no start, interval or next slot. next_slot is null when none is to come.
CREATE TABLE scheduled_reports (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    owner_id TEXT NOT NULL,
    application_id TEXT NOT NULL,
    program TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    query_id TEXT NOT NULL,
    query TEXT NOT NULL,
    owner_name TEXT NOT NULL,
    created BIGINT NOT NULL,
    modified BIGINT,
    status TEXT NOT NULL,
    execute_now BIGINT NOT NULL,
    query_start BIGINT,
    query_end BIGINT,
    start_time BIGINT,
    interval_hours BIGINT,
    recurrence_count BIGINT,
    fired BIGINT NOT NULL,
    next_slot BIGINT,
    revision BIGINT NOT NULL,
    callback_url TEXT,
    callback_method TEXT,
    format TEXT NOT NULL
);
CREATE INDEX scheduled_reports_by_owner ON scheduled_reports (owner_id, program, created);
CREATE INDEX scheduled_reports_due ON scheduled_reports (status, next_slot);

-- ExecuteNow creations are counted apart from the reports, so that deleting one does not give the quota back.
CREATE TABLE execute_now_creations (
    report_id TEXT PRIMARY KEY,
    owner_id TEXT NOT NULL,
    program TEXT NOT NULL,
    created BIGINT NOT NULL
);
CREATE INDEX execute_now_creations_by_owner ON execute_now_creations (owner_id, program, created);

-- lease_until and not_before are the database's time; the other instants are the product's clock.
CREATE TABLE executions (
    id TEXT PRIMARY KEY,
    report_id TEXT NOT NULL REFERENCES scheduled_reports (id),
    slot TEXT NOT NULL,
    anchor BIGINT NOT NULL,
    queued BIGINT NOT NULL,
    status TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    not_before BIGINT NOT NULL,
    failure TEXT,
    note TEXT,
    artifact_epoch BIGINT,
    artifact_format TEXT,
    row_count BIGINT,
    byte_count BIGINT,
    sha256 TEXT,
    generated BIGINT,
    data_as_of BIGINT,
    -- What the file was made of, as in role_assignments.
    locations TEXT,
    -- The part of them whose sensitive columns the file shows.
    clear_locations TEXT,
    finished BIGINT,
    UNIQUE (report_id, slot)
);
CREATE INDEX executions_by_report ON executions (report_id, anchor);
CREATE INDEX executions_to_claim ON executions (status, not_before, lease_until);

CREATE TABLE audit_events (
    id TEXT PRIMARY KEY,
    at BIGINT NOT NULL,
    tenant_id TEXT,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,
    correlation_id TEXT
);
CREATE INDEX audit_events_by_tenant ON audit_events (tenant_id, at);
CREATE INDEX audit_events_by_time ON audit_events (at);

-- Single values of the deployment, such as the manual clock's time.
CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- Interactive sign-in: pages, authorization codes, device codes. Of cookies and codes only digests are kept.

-- A browser that has given the right password. missing names what it has still to do (code, enrolment, password); null once it is signed in.
CREATE TABLE sign_in_sessions (
    digest TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    user_id TEXT NOT NULL REFERENCES users (id),
    missing TEXT,
    -- Offered for the enrolment of a second factor, sealed.
    offered_secret TEXT,
    amr TEXT NOT NULL,
    signed_in BIGINT NOT NULL,
    expires BIGINT NOT NULL
);
CREATE INDEX sign_in_sessions_by_user ON sign_in_sessions (user_id);
CREATE INDEX sign_in_sessions_by_expiry ON sign_in_sessions (expires);

-- family_id becomes the family of the refresh tokens that the code leads to.
CREATE TABLE authorization_codes (
    digest TEXT PRIMARY KEY,
    family_id TEXT NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    application_id TEXT NOT NULL REFERENCES applications (id),
    user_id TEXT NOT NULL REFERENCES users (id),
    redirect_uri TEXT NOT NULL,
    -- Of PKCE; the method is plain or S256.
    challenge TEXT,
    challenge_method TEXT,
    nonce TEXT,
    resource TEXT NOT NULL,
    openid BIGINT NOT NULL,
    offline BIGINT NOT NULL,
    amr TEXT NOT NULL,
    expires BIGINT NOT NULL,
    used BIGINT NOT NULL
);
CREATE INDEX authorization_codes_by_user ON authorization_codes (user_id);
CREATE INDEX authorization_codes_by_expiry ON authorization_codes (expires);

-- state: pending, approved, declined, used. user_id and amr are set with the approval.
CREATE TABLE device_codes (
    digest TEXT PRIMARY KEY,
    user_code TEXT NOT NULL UNIQUE,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    application_id TEXT NOT NULL REFERENCES applications (id),
    resource TEXT NOT NULL,
    openid BIGINT NOT NULL,
    offline BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    state TEXT NOT NULL,
    user_id TEXT,
    amr TEXT
);
CREATE INDEX device_codes_by_expiry ON device_codes (expires);

-- Identifiers of external issuers and the local tenants, users and applications that they stand for. external_tenant is empty for an issuer
-- that belongs to one tenant by configuration; for the kind tenant, external_id repeats it.
CREATE TABLE external_identities (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    issuer TEXT NOT NULL,
    external_tenant TEXT NOT NULL,
    kind TEXT NOT NULL,
    external_id TEXT NOT NULL,
    local_id TEXT NOT NULL,
    created BIGINT NOT NULL,
    UNIQUE (issuer, external_tenant, kind, external_id)
);
CREATE INDEX external_identities_by_tenant ON external_identities (tenant_id, created);

-- Wrong passwords for names that nobody has, in one row: counting them takes as long as counting somebody's.
CREATE TABLE other_wrong_passwords (
    number BIGINT NOT NULL
);
INSERT INTO other_wrong_passwords (number) VALUES (0);
