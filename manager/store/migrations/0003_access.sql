-- +goose Up
-- A person belongs to one account; the name is what they log in with.
CREATE TABLE person (
    id         TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    name       TEXT NOT NULL UNIQUE,
    role       TEXT NOT NULL,
    password   TEXT NOT NULL,    -- argon2id, or '' until a code was redeemed
    disabled   BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX person_by_account ON person (account_id, id);

-- What lets a person set a password, once.
CREATE TABLE code (
    hash       TEXT PRIMARY KEY,
    person_id  TEXT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    expires_at BIGINT NOT NULL
);
CREATE INDEX code_by_person ON code (person_id);

CREATE TABLE session (
    hash         TEXT PRIMARY KEY,
    person_id    TEXT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    created_at   BIGINT NOT NULL,
    seen_at      BIGINT NOT NULL,
    confirmed_at BIGINT NOT NULL, -- when the password was last given
    expires_at   BIGINT NOT NULL
);
CREATE INDEX session_by_person ON session (person_id);

CREATE TABLE token (
    id         TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    person_id  TEXT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    name       TEXT NOT NULL,
    hash       TEXT NOT NULL UNIQUE,
    scopes     TEXT NOT NULL,    -- actions, separated by spaces
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT NOT NULL   -- 0: never
);
CREATE INDEX token_by_person ON token (account_id, person_id, id);

-- What was answered to a request with an Idempotency-Key; status 0 while it runs.
CREATE TABLE answered (
    account_id TEXT NOT NULL REFERENCES account (id),
    actor      TEXT NOT NULL,
    key        TEXT NOT NULL,
    request    TEXT NOT NULL,    -- a hash of method, path, condition and body
    status     BIGINT NOT NULL,
    etag       TEXT NOT NULL,
    body       TEXT NOT NULL,
    at         BIGINT NOT NULL,
    PRIMARY KEY (account_id, actor, key)
);
CREATE INDEX answered_by_age ON answered (at);

-- +goose Down
DROP TABLE answered;
DROP TABLE token;
DROP TABLE session;
DROP TABLE code;
DROP TABLE person;
