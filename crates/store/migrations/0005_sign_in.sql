-- Sign-in: wrong passwords by name and by the addresses that it is known from, refresh tokens that may be used again, bounds.

-- Wrong passwords and codes. failures and locked_until of users are not read any more.
CREATE TABLE sign_in_counts (
    -- A user's id, or the keyed digest of a name that nobody has.
    subject TEXT NOT NULL,
    -- The keyed digest of a network from which this user signed in before; empty for all others together.
    network TEXT NOT NULL,
    -- Whether nobody has the name.
    nobody BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    locked_until BIGINT,
    -- Failures are forgotten from then on.
    since BIGINT NOT NULL,
    -- Keyed digests of the wrong passwords that were counted last, separated by blanks.
    recent TEXT NOT NULL,
    last_failure BIGINT NOT NULL,
    -- 0 where network is empty.
    last_success BIGINT NOT NULL,
    PRIMARY KEY (subject, network)
);
CREATE INDEX sign_in_counts_by_age ON sign_in_counts (last_success, last_failure);
CREATE INDEX sign_in_counts_of_nobody ON sign_in_counts (nobody, last_failure);
INSERT INTO sign_in_counts (subject, network, nobody, failures, locked_until, since, recent, last_failure, last_success)
    SELECT id, '', 0, failures, locked_until, locked_until, '', locked_until, 0 FROM users WHERE locked_until IS NOT NULL;

-- When a token was used first, and when it was given out or used last.
ALTER TABLE refresh_tokens ADD COLUMN used_at BIGINT;
ALTER TABLE refresh_tokens ADD COLUMN touched BIGINT NOT NULL DEFAULT 0;
-- They live 90 days.
UPDATE refresh_tokens SET touched = expires - 7776000000;
CREATE INDEX refresh_tokens_by_user ON refresh_tokens (user_id, application_id);
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires);
CREATE INDEX refresh_tokens_revoked ON refresh_tokens (expires) WHERE revoked = 1;

-- The keyed digest of the network that asked for the code.
ALTER TABLE device_codes ADD COLUMN network TEXT NOT NULL DEFAULT '';
CREATE INDEX device_codes_by_application ON device_codes (application_id, state, expires);

DROP TABLE other_wrong_passwords;
