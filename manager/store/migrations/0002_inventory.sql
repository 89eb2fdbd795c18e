-- +goose Up
CREATE TABLE site (
    id           TEXT PRIMARY KEY, -- UUIDv7
    account_id   TEXT NOT NULL REFERENCES account (id),
    name         TEXT NOT NULL,
    generation   BIGINT NOT NULL,  -- raised by each change
    primary_ip   TEXT NOT NULL,    -- the primary's LAN IP
    secondary_ip TEXT NOT NULL,    -- the secondary's, or ''
    floating_ip  TEXT NOT NULL,    -- '': high availability is off
    ha_key       TEXT NOT NULL,    -- secret of the keepalives in base64, or ''
    created_at   BIGINT NOT NULL,
    changed_at   BIGINT NOT NULL,
    UNIQUE (account_id, name)
);
CREATE INDEX site_by_account ON site (account_id, id);

-- Serial numbers, for ever: a row outlives its site.
CREATE TABLE vsocket (
    serial      TEXT PRIMARY KEY,
    account_id  TEXT NOT NULL REFERENCES account (id),
    site_id     TEXT NOT NULL,
    side        TEXT NOT NULL,   -- primary, secondary
    state       TEXT NOT NULL,   -- new, assigned, registered, void
    secret_hash TEXT NOT NULL,   -- SHA-256 of the one-time secret in hex, or ''
    key_until   BIGINT NOT NULL, -- the secret's end, or 0
    public_key  TEXT NOT NULL,   -- hash of the key that redeemed it, or ''
    redeemed_at BIGINT NOT NULL, -- or 0
    version     TEXT NOT NULL,   -- as last seen, or ''
    seen_at     BIGINT NOT NULL, -- or 0
    delivered   BIGINT NOT NULL, -- generation
    applied     BIGINT NOT NULL, -- generation
    created_at  BIGINT NOT NULL,
    voided_at   BIGINT NOT NULL  -- or 0
);
CREATE UNIQUE INDEX vsocket_lives_once ON vsocket (site_id, side) WHERE state <> 'void';
CREATE INDEX vsocket_by_account ON vsocket (account_id, site_id);

-- A site's prefixes: its native range, and its routed ranges.
CREATE TABLE network (
    id         TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    site_id    TEXT NOT NULL REFERENCES site (id) ON DELETE CASCADE,
    name       TEXT NOT NULL,   -- '': the native range
    prefix     TEXT NOT NULL,
    lowest     BIGINT NOT NULL, -- the prefix's first and last address, as numbers
    highest    BIGINT NOT NULL,
    gateway    TEXT NOT NULL,   -- '': the Azure default router
    UNIQUE (site_id, name)
);
CREATE INDEX network_by_address ON network (account_id, highest, lowest);
CREATE INDEX network_by_account ON network (account_id, site_id);

-- +goose Down
DROP TABLE network;
DROP TABLE vsocket;
DROP TABLE site;
