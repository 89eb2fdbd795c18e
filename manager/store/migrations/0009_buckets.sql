-- +goose Up
-- What a vSocket measured in a span of time. Whose it is, its serial number says.
CREATE TABLE bucket (
    serial   TEXT NOT NULL REFERENCES vsocket (serial),
    width    BIGINT NOT NULL, -- seconds
    start_at BIGINT NOT NULL,
    figures  TEXT NOT NULL,   -- as manager/status writes them
    PRIMARY KEY (serial, width, start_at)
);

-- Empty: who adds to buckets locks it, as judging_turn is.
CREATE TABLE bucket_turn (nobody TEXT);

-- +goose Down
DROP TABLE bucket_turn;
DROP TABLE bucket;
