-- +goose Up
-- What has happened, each thing once: a vSocket sends an event until it is told
-- that it is kept, so the same may come several times.
CREATE TABLE event (
    serial      TEXT NOT NULL,   -- the maker's; with boot and number the event's id for ever
    boot        TEXT NOT NULL,
    number      BIGINT NOT NULL,
    account_id  TEXT NOT NULL REFERENCES account (id),
    site_id     TEXT NOT NULL,   -- outlives its site, as an event does
    site_name   TEXT NOT NULL,   -- as the maker called it
    arrival     BIGINT NOT NULL, -- rises with each event kept of the account, in the order of commits
    kept_at     BIGINT NOT NULL, -- by the manager's clock
    at          BIGINT NOT NULL, -- when it happened, by the maker's clock; never later than kept_at
    since       BIGINT NOT NULL, -- when what it tells of began, or 0
    kind        TEXT NOT NULL,
    slot        BIGINT NOT NULL, -- of an event that both vSockets may have made, or 0
    role        TEXT NOT NULL,   -- primary, secondary, none
    peer_serial TEXT NOT NULL,
    version     TEXT NOT NULL,
    old_version TEXT NOT NULL,   -- or ''
    interface   TEXT NOT NULL,
    pop         TEXT NOT NULL,
    reason      TEXT NOT NULL,
    message     TEXT NOT NULL,
    timeline    TEXT NOT NULL,
    words       TEXT NOT NULL,   -- what a text is looked for in, in lower case
    PRIMARY KEY (serial, boot, number)
);
CREATE UNIQUE INDEX event_in_arrival ON event (account_id, arrival);
CREATE INDEX event_in_time ON event (account_id, at, arrival);
CREATE INDEX event_of_site ON event (account_id, site_id, at, arrival);
CREATE INDEX event_of_kind ON event (account_id, kind, at, arrival);
CREATE UNIQUE INDEX event_once ON event (account_id, site_id, kind, slot) WHERE slot <> 0;

-- The last arrival of each account.
CREATE TABLE event_feed (
    account_id TEXT PRIMARY KEY REFERENCES account (id),
    last       BIGINT NOT NULL
);

-- +goose Down
DROP TABLE event_feed;
DROP TABLE event;
