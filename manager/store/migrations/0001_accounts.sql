-- +goose Up
CREATE TABLE account (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);

-- Every change, written in the change's own transaction (E12). Append-only.
CREATE TABLE audit (
    id         TEXT PRIMARY KEY, -- UUIDv7: in the order of time
    account_id TEXT NOT NULL REFERENCES account (id),
    at         BIGINT NOT NULL,
    actor      TEXT NOT NULL,    -- who: "user:<id>", "token:<id>", "device:<serial>", "system"
    action     TEXT NOT NULL,    -- site.create, socket.unassign, …
    target     TEXT NOT NULL,    -- the id of what was changed
    before     TEXT NOT NULL,    -- JSON, or ''
    after      TEXT NOT NULL,    -- JSON, or ''
    request    TEXT NOT NULL     -- the request's id, or ''
);
CREATE INDEX audit_by_account ON audit (account_id, id);

-- +goose Down
DROP TABLE audit;
DROP TABLE account;
