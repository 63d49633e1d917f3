-- The outbox of mail. It is written with the event that it tells of, where there is one, and sent like callbacks.
-- state: pending, delivered, failed. due, give_up, created and finished are the product's clock; lease_until is the database's time.
CREATE TABLE mails (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    recipient TEXT NOT NULL,
    -- code, secret, failure, failures.
    kind TEXT NOT NULL,
    -- What it tells of: each recipient is told of that once.
    occasion TEXT NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    -- Encrypted with the deployment's own key, in place of the body, until the mail is sent or given up.
    sealed TEXT,
    -- How many events the body tells of.
    events BIGINT NOT NULL,
    created BIGINT NOT NULL,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    due BIGINT NOT NULL,
    give_up BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    finished BIGINT,
    -- Why the last attempt failed, in words.
    error TEXT,
    UNIQUE (occasion, recipient)
);
CREATE INDEX mails_due ON mails (state, due);
CREATE INDEX mails_by_tenant ON mails (tenant_id, created);
CREATE INDEX mails_by_recipient ON mails (recipient, created);
CREATE INDEX mails_by_age ON mails (finished);
CREATE INDEX client_secrets_by_end ON client_secrets (expires);
