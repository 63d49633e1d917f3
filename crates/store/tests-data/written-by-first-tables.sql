PRAGMA foreign_keys = OFF;
BEGIN TRANSACTION;
CREATE TABLE _sqlx_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
);
INSERT INTO "_sqlx_migrations" VALUES(1,'first tables','2026-11-26 19:09:14',1,X'15AD3CA97CB252454FF3DA6C302149134E2175D888DFCD33CFD7B19F64923AD156A73535B37149EE306018AB99DD0588',19934667);
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
INSERT INTO "applications" VALUES('d9cec53d-5f36-5297-835b-0d7367787bec','c999ed10-6d92-502b-8647-11aa9ff40392','Contoso reports',1,0,0,'["http://localhost"]',1795720154488);
INSERT INTO "applications" VALUES('a77cf583-a27b-5ac0-8158-1d8abae646be','c999ed10-6d92-502b-8647-11aa9ff40392','Contoso desktop',1,0,1,'["http://localhost"]',1795720154490);
INSERT INTO "applications" VALUES('18966079-180b-5c42-a5cb-3ef827376c5f','c999ed10-6d92-502b-8647-11aa9ff40392','Operator',1,1,0,'[]',1795720154492);
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
INSERT INTO "audit_events" VALUES('01a21943-0d75-75a2-8c96-93ede46ea0a3',1795720154485,'c999ed10-6d92-502b-8647-11aa9ff40392','insightgate demo','tenant.enroll','contoso.example','mpn',NULL);
INSERT INTO "audit_events" VALUES('01a21943-0d77-7519-b606-2bcefb31cb3d',1795720154487,'b4afc642-fb50-5377-9929-bd248f970c56','insightgate demo','tenant.enroll','b4afc642-fb50-5377-9929-bd248f970c56.foreign.example','mpn',NULL);
INSERT INTO "audit_events" VALUES('01a21943-0d79-7604-9261-e02cc134be1b',1795720154489,'c999ed10-6d92-502b-8647-11aa9ff40392','insightgate demo','application.register','d9cec53d-5f36-5297-835b-0d7367787bec','user_impersonation',NULL);
INSERT INTO "audit_events" VALUES('01a21943-0d7b-71d6-8615-89d51961c5cd',1795720154491,'c999ed10-6d92-502b-8647-11aa9ff40392','insightgate demo','application.register','a77cf583-a27b-5ac0-8158-1d8abae646be','user_impersonation',NULL);
INSERT INTO "audit_events" VALUES('01a21943-0d7d-77ed-b81e-7379d1f511af',1795720154493,'c999ed10-6d92-502b-8647-11aa9ff40392','insightgate demo','application.register','18966079-180b-5c42-a5cb-3ef827376c5f','',NULL);
INSERT INTO "audit_events" VALUES('01a21943-0da2-7298-918d-3ac2b0f3bd2b',1795720154530,'c999ed10-6d92-502b-8647-11aa9ff40392','insightgate demo','user.add','analyst@contoso.example','',NULL);
INSERT INTO "audit_events" VALUES('01a21943-0da3-73cf-9702-e3b9618d6856',1795720154531,'c999ed10-6d92-502b-8647-11aa9ff40392','insightgate demo','role.assign','8e84e6ba-8dd6-5c5d-978f-3d2a7ee07e1f','executive_report_viewer',NULL);
INSERT INTO "audit_events" VALUES('01a21943-0da5-7584-b9bc-10cd96dcae79',1795720154533,'c999ed10-6d92-502b-8647-11aa9ff40392','insightgate demo','tenant.enroll','contoso.example','cmp',NULL);
INSERT INTO "audit_events" VALUES('01a21943-0da6-739e-abae-8723e2f2e475',1795720154534,'b4afc642-fb50-5377-9929-bd248f970c56','insightgate demo','tenant.enroll','b4afc642-fb50-5377-9929-bd248f970c56.foreign.example','cmp',NULL);
INSERT INTO "audit_events" VALUES('01a21943-0da7-7985-8b90-1dc56b9f770f',1795720154535,'c999ed10-6d92-502b-8647-11aa9ff40392','insightgate demo','role.assign','8e84e6ba-8dd6-5c5d-978f-3d2a7ee07e1f','manager',NULL);
INSERT INTO "audit_events" VALUES('01a21943-0da7-7ead-bd80-f938ed2c279d',1795720154535,'c999ed10-6d92-502b-8647-11aa9ff40392','insightgate demo','role.assign','d9cec53d-5f36-5297-835b-0d7367787bec','manager',NULL);
INSERT INTO "audit_events" VALUES('01a21943-0eee-793f-a2f6-eab773f73866',1795720154862,'c999ed10-6d92-502b-8647-11aa9ff40392','d9cec53d-5f36-5297-835b-0d7367787bec','token.issue','analyst@contoso.example','https://api.partnercenter.microsoft.com','ee8f361d-e567-4345-be13-2f3deaab26d3');
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
INSERT INTO "client_secrets" VALUES('f3b00b03-2c25-401c-967a-2e22ed58896d','d9cec53d-5f36-5297-835b-0d7367787bec','8e8b93e8bca0abaa34e39ef385dd19c4eabff37c546a0732a7df266389872b83','FNx','',1795720154488,1858792154488);
INSERT INTO "client_secrets" VALUES('629327bf-8a72-4f20-9b13-b87c486ae587','18966079-180b-5c42-a5cb-3ef827376c5f','ea5b9daf7f5beb7378aecf8ae1799e9a48c422d450b9ccc8eb5e86354b4d8515','LcJ','',1795720154492,1858792154492);
CREATE TABLE consents (
    application_id TEXT NOT NULL REFERENCES applications (id),
    permission TEXT NOT NULL,
    user_id TEXT NOT NULL,
    granted BIGINT NOT NULL,
    PRIMARY KEY (application_id, permission, user_id)
);
INSERT INTO "consents" VALUES('d9cec53d-5f36-5297-835b-0d7367787bec','user_impersonation','',1795720154488);
INSERT INTO "consents" VALUES('a77cf583-a27b-5ac0-8158-1d8abae646be','user_impersonation','',1795720154490);
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
INSERT INTO "enrollments" VALUES('c999ed10-6d92-502b-8647-11aa9ff40392','mpn','Active',NULL,0,1795720154485,NULL,NULL,NULL);
INSERT INTO "enrollments" VALUES('b4afc642-fb50-5377-9929-bd248f970c56','mpn','Active',NULL,0,1795720154486,NULL,NULL,NULL);
INSERT INTO "enrollments" VALUES('c999ed10-6d92-502b-8647-11aa9ff40392','cmp','Active',NULL,0,1795720154532,NULL,NULL,NULL);
INSERT INTO "enrollments" VALUES('b4afc642-fb50-5377-9929-bd248f970c56','cmp','Active',NULL,0,1795720154534,NULL,NULL,NULL);
CREATE TABLE execute_now_creations (
    report_id TEXT PRIMARY KEY,
    owner_id TEXT NOT NULL,
    program TEXT NOT NULL,
    created BIGINT NOT NULL
);
INSERT INTO "execute_now_creations" VALUES('eb5a06ce-a098-4972-9332-805f06d4c5cb','8e84e6ba-8dd6-5c5d-978f-3d2a7ee07e1f','mpn',1795720154937);
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
INSERT INTO "executions" VALUES('24cc2841-769b-4d0f-96ad-2e983372b784','eb5a06ce-a098-4972-9332-805f06d4c5cb','now',1795720154937,1795720154937,'Completed',1,1,1795720184941,0,NULL,NULL,1,'csv',5,222,'16cdb36ac1a876e01216d2dfad57d9ac02d4f4543ca00d41ee67422672b4df52',1795720154976,1795720154675,NULL,NULL,1795720154976);
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
CREATE TABLE keys (
    id TEXT PRIMARY KEY,
    purpose TEXT NOT NULL,
    sealed TEXT NOT NULL,
    created BIGINT NOT NULL
);
INSERT INTO "keys" VALUES('b7c474da26397211f8980fc80ef6260b','signing','sealed',1795720154390);
INSERT INTO "keys" VALUES('96277d9e-7074-4ed4-84ef-308ce8d344b6','link','sealed',1795720154481);
CREATE TABLE locations (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    mpn_id TEXT NOT NULL,
    name TEXT NOT NULL,
    country TEXT NOT NULL,
    PRIMARY KEY (tenant_id, mpn_id)
);
INSERT INTO "locations" VALUES('c999ed10-6d92-502b-8647-11aa9ff40392','6096123','Contoso Ltd','United States');
INSERT INTO "locations" VALUES('c999ed10-6d92-502b-8647-11aa9ff40392','6096124','Contoso GmbH','Germany');
INSERT INTO "locations" VALUES('c999ed10-6d92-502b-8647-11aa9ff40392','6096125','Contoso India','India');
INSERT INTO "locations" VALUES('b4afc642-fb50-5377-9929-bd248f970c56','6099999','Foreign Partner Ltd','United States');
CREATE TABLE other_wrong_passwords (
    number BIGINT NOT NULL
);
INSERT INTO "other_wrong_passwords" VALUES(0);
CREATE TABLE permissions (
    application_id TEXT NOT NULL REFERENCES applications (id),
    permission TEXT NOT NULL,
    PRIMARY KEY (application_id, permission)
);
INSERT INTO "permissions" VALUES('d9cec53d-5f36-5297-835b-0d7367787bec','user_impersonation');
INSERT INTO "permissions" VALUES('a77cf583-a27b-5ac0-8158-1d8abae646be','user_impersonation');
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
INSERT INTO "report_queries" VALUES('c9b9fd8a-b255-4129-afee-56278c22d914','c999ed10-6d92-502b-8647-11aa9ff40392','8e84e6ba-8dd6-5c5d-978f-3d2a7ee07e1f','mpn','Revenue by customer','Made by the demo','SELECT CustomerName, CustomerMarket, TotalRevenue FROM CustomersAndTenants ORDER BY TotalRevenue DESC TIMESPAN LAST_6_MONTHS','analyst@contoso.example',1795720154883);
CREATE TABLE role_assignments (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    assignee_id TEXT NOT NULL,
    role TEXT NOT NULL,
    locations TEXT,
    PRIMARY KEY (assignee_id, role)
);
INSERT INTO "role_assignments" VALUES('c999ed10-6d92-502b-8647-11aa9ff40392','8e84e6ba-8dd6-5c5d-978f-3d2a7ee07e1f','executive_report_viewer',NULL);
INSERT INTO "role_assignments" VALUES('c999ed10-6d92-502b-8647-11aa9ff40392','8e84e6ba-8dd6-5c5d-978f-3d2a7ee07e1f','manager',NULL);
INSERT INTO "role_assignments" VALUES('c999ed10-6d92-502b-8647-11aa9ff40392','d9cec53d-5f36-5297-835b-0d7367787bec','manager',NULL);
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
INSERT INTO "scheduled_reports" VALUES('eb5a06ce-a098-4972-9332-805f06d4c5cb','c999ed10-6d92-502b-8647-11aa9ff40392','8e84e6ba-8dd6-5c5d-978f-3d2a7ee07e1f','d9cec53d-5f36-5297-835b-0d7367787bec','mpn','First report',NULL,'c9b9fd8a-b255-4129-afee-56278c22d914','SELECT CustomerName, CustomerMarket, TotalRevenue FROM CustomersAndTenants ORDER BY TotalRevenue DESC TIMESPAN LAST_6_MONTHS','analyst@contoso.example',1795720154937,NULL,'Inactive',1,NULL,NULL,NULL,NULL,NULL,0,NULL,0,NULL,NULL,'csv');
CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
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
CREATE TABLE tenants (
    id TEXT PRIMARY KEY,
    domain TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    global_account TEXT,
    -- The legal business profile, as JSON; null for an organisation that was taken in without one.
    profile TEXT,
    created BIGINT NOT NULL
);
INSERT INTO "tenants" VALUES('c999ed10-6d92-502b-8647-11aa9ff40392','contoso.example','Contoso Ltd','1001234',NULL,1795720154483);
INSERT INTO "tenants" VALUES('b4afc642-fb50-5377-9929-bd248f970c56','b4afc642-fb50-5377-9929-bd248f970c56.foreign.example','Foreign Partner Ltd','1009999',NULL,1795720154486);
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
INSERT INTO "users" VALUES('8e84e6ba-8dd6-5c5d-978f-3d2a7ee07e1f','c999ed10-6d92-502b-8647-11aa9ff40392','analyst@contoso.example','',NULL,0,1,0,NULL,NULL,0,1795720154528);
CREATE INDEX users_by_tenant ON users (tenant_id, username);
CREATE INDEX applications_by_tenant ON applications (tenant_id, name);
CREATE INDEX refresh_tokens_by_family ON refresh_tokens (family_id);
CREATE INDEX report_queries_by_owner ON report_queries (owner_id, program, created);
CREATE INDEX scheduled_reports_by_owner ON scheduled_reports (owner_id, program, created);
CREATE INDEX scheduled_reports_due ON scheduled_reports (status, next_slot);
CREATE INDEX execute_now_creations_by_owner ON execute_now_creations (owner_id, program, created);
CREATE INDEX executions_by_report ON executions (report_id, anchor);
CREATE INDEX executions_to_claim ON executions (status, not_before, lease_until);
CREATE INDEX audit_events_by_tenant ON audit_events (tenant_id, at);
CREATE INDEX audit_events_by_time ON audit_events (at);
CREATE INDEX sign_in_sessions_by_user ON sign_in_sessions (user_id);
CREATE INDEX sign_in_sessions_by_expiry ON sign_in_sessions (expires);
CREATE INDEX authorization_codes_by_user ON authorization_codes (user_id);
CREATE INDEX authorization_codes_by_expiry ON authorization_codes (expires);
CREATE INDEX device_codes_by_expiry ON device_codes (expires);
CREATE INDEX external_identities_by_tenant ON external_identities (tenant_id, created);
COMMIT;
