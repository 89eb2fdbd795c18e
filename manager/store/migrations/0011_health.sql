-- +goose Up
-- How a site is, in one word (manager/status, Health): for lists, which are
-- filtered by it. '' is of a site that nobody has judged since it was written.
ALTER TABLE judged ADD COLUMN health TEXT NOT NULL DEFAULT '';
UPDATE judged SET health = CASE
    WHEN status LIKE '%"ha":{"ready":true,%' THEN 'ready'
    WHEN status LIKE '%"ha":{"ready":false,%' THEN 'not-ready'
    WHEN status LIKE '%"connected":true,"ha":null,%' THEN 'single'
    WHEN status LIKE '%"primary":{%"connection":"new"%' THEN 'new'
    ELSE 'down' END;
CREATE INDEX judged_by_health ON judged (account_id, health);

-- +goose Down
DROP INDEX judged_by_health;
ALTER TABLE judged DROP COLUMN health;
