-- +goose Up
-- Whom a provider's subject (OpenID Connect) is here.
CREATE TABLE identity (
    issuer     TEXT NOT NULL,
    subject    TEXT NOT NULL,
    account_id TEXT NOT NULL REFERENCES account (id),
    person_id  TEXT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    follows    BOOLEAN NOT NULL, -- the provider's claims made the person, and decide on their role
    created_at BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX identity_by_person ON identity (account_id, person_id);

-- A person's authenticators (WebAuthn).
CREATE TABLE passkey (
    id         TEXT PRIMARY KEY, -- the credential's id, base64url
    account_id TEXT NOT NULL REFERENCES account (id),
    person_id  TEXT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    name       TEXT NOT NULL,
    credential TEXT NOT NULL,    -- JSON: public key, counter, flags
    created_at BIGINT NOT NULL,
    used_at    BIGINT NOT NULL   -- 0: never
);
CREATE INDEX passkey_by_person ON passkey (account_id, person_id, id);

-- What is good once and was used: kept until it would be too old anyway.
CREATE TABLE spent (
    id         TEXT PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX spent_by_age ON spent (expires_at);

-- What became of one thing: its name too, when it is gone.
CREATE INDEX audit_by_target ON audit (account_id, target, id);

-- +goose Down
DROP INDEX audit_by_target;
DROP TABLE spent;
DROP TABLE passkey;
DROP TABLE identity;
