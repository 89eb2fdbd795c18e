-- +goose Up
-- The account's PoPs. A PoP's serial number is in vsocket, with side 'none' and
-- the PoP's id as its site's. What it has told of itself is '' or 0 until then.
CREATE TABLE pop (
    id             TEXT PRIMARY KEY, -- UUIDv7: in the order of their adding
    account_id     TEXT NOT NULL REFERENCES account (id),
    name           TEXT NOT NULL,
    serial         TEXT NOT NULL UNIQUE,
    generation     BIGINT NOT NULL,  -- of its settings
    endpoint       TEXT NOT NULL,    -- its public address
    primary_port   BIGINT NOT NULL,
    secondary_port BIGINT NOT NULL,
    public_key     TEXT NOT NULL,    -- WireGuard's, in base64
    witness        TEXT NOT NULL,    -- address and port, inside the tunnels
    created_at     BIGINT NOT NULL,
    UNIQUE (account_id, name)
);

-- The PoPs that a site uses, best first: ids separated by spaces; '': all of the
-- account, in the order of their adding.
ALTER TABLE site ADD COLUMN pops TEXT NOT NULL DEFAULT '';

-- The vSockets that a PoP serves. A vSocket is given the PoP once the PoP knows it,
-- and the PoP keeps it until it runs without the PoP
-- (docs/decisions/0009-settings-from-the-manager.md).
CREATE TABLE pop_peer (
    pop_id     TEXT NOT NULL REFERENCES pop (id) ON DELETE CASCADE,
    serial     TEXT NOT NULL REFERENCES vsocket (serial),
    account_id TEXT NOT NULL REFERENCES account (id),
    site_id    TEXT NOT NULL REFERENCES site (id) ON DELETE CASCADE,
    since      BIGINT NOT NULL,  -- the PoP's generation that has it first
    known      BOOLEAN NOT NULL, -- the PoP runs with that one, or a later one
    until      BIGINT NOT NULL,  -- the site's generation that doesn't use the PoP any more, or 0
    PRIMARY KEY (pop_id, serial)
);
CREATE INDEX pop_peer_by_serial ON pop_peer (serial);
CREATE INDEX pop_peer_by_site ON pop_peer (account_id, site_id);

-- +goose Down
DROP TABLE pop_peer;
ALTER TABLE site DROP COLUMN pops;
DROP TABLE pop;
