-- +goose Up
-- A site's tags, each once, sorted, with a space before and after each: " azure paris ".
ALTER TABLE site ADD COLUMN tags TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE site DROP COLUMN tags;
