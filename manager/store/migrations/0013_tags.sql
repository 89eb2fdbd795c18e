-- +goose Up
-- A site's tags, each once, sorted, with a space before and after each: " azure paris ".
ALTER TABLE site ADD COLUMN tags TEXT NOT NULL DEFAULT '';
CREATE INDEX site_by_tags ON site (account_id, tags); -- for how many have each

-- +goose Down
DROP INDEX site_by_tags;
ALTER TABLE site DROP COLUMN tags;
