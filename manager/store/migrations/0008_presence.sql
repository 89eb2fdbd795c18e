-- +goose Up
-- What all managers on this database have in common: "authority" is the
-- fingerprint of their certificate authority.
CREATE TABLE installation (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- The managers that serve together. A row is of one life of a manager, and goes
-- when its devices have been noted as gone.
CREATE TABLE manager (
    id      TEXT PRIMARY KEY,
    beat_at BIGINT NOT NULL  -- while it lives it says so every 10 seconds
);

-- What each vSocket said last, and to which manager. Written when something that
-- matters has changed, and not with each heartbeat: as long as a manager beats, its
-- connected vSockets are heard.
CREATE TABLE presence (
    serial      TEXT PRIMARY KEY,
    account_id  TEXT NOT NULL REFERENCES account (id),
    site_id     TEXT NOT NULL REFERENCES site (id) ON DELETE CASCADE,
    manager     TEXT NOT NULL,    -- that has its session, or had it last
    since       BIGINT NOT NULL,  -- when that session began
    connected   BOOLEAN NOT NULL,
    heard_at    BIGINT NOT NULL,  -- of one that isn't connected: when it was heard last
    reported_at BIGINT NOT NULL,  -- when the status came, or 0
    status      TEXT NOT NULL     -- JSON, or ''
);
CREATE INDEX presence_of_site ON presence (account_id, site_id);
CREATE INDEX presence_of_manager ON presence (manager, serial) WHERE connected;

-- Each site's status as it was judged last: since when it is so.
CREATE TABLE judged (
    site_id    TEXT PRIMARY KEY REFERENCES site (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL REFERENCES account (id),
    status     TEXT NOT NULL,    -- JSON
    due_at     BIGINT NOT NULL   -- when time alone may change it, or 0
);
CREATE INDEX judged_by_due ON judged (due_at) WHERE due_at > 0;

-- Empty: who judges locks it (LockTable). A table that is written would be locked
-- against its own vacuum too.
CREATE TABLE judging_turn (nobody TEXT);

-- For a manager's sweep.
CREATE INDEX site_by_change ON site (changed_at);
CREATE INDEX vsocket_by_end ON vsocket (voided_at) WHERE voided_at > 0;

-- +goose Down
DROP INDEX vsocket_by_end;
DROP INDEX site_by_change;
DROP TABLE judging_turn;
DROP TABLE judged;
DROP TABLE presence;
DROP TABLE manager;
DROP TABLE installation;
