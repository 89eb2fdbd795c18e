-- +goose Up
-- Takeovers, in the words of the vSockets that took over. The key is what each tells
-- of it whenever it does, so that one that is sent twice is kept once.
CREATE TABLE takeover (
    serial     TEXT NOT NULL,   -- of who took over
    term       BIGINT NOT NULL,
    granted_at BIGINT NOT NULL, -- by its clock
    account_id TEXT NOT NULL REFERENCES account (id),
    site_id    TEXT NOT NULL,   -- outlives its site, as its events do
    kept_at    BIGINT NOT NULL, -- by the manager's clock
    story      TEXT NOT NULL,   -- its rows, as core/takeover writes them
    PRIMARY KEY (serial, term, granted_at)
);
CREATE INDEX takeover_of_site ON takeover (account_id, site_id, granted_at, term);
CREATE INDEX takeover_by_age ON takeover (kept_at);

-- +goose Down
DROP TABLE takeover;
