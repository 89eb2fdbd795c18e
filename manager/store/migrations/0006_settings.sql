-- +goose Up
-- HA settings, in milliseconds; 0 or '' is left to the vSocket.
ALTER TABLE site ADD COLUMN keepalive_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE site ADD COLUMN silent_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE site ADD COLUMN lease_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE site ADD COLUMN confirm_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE site ADD COLUMN hold_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE site ADD COLUMN preempt TEXT NOT NULL DEFAULT '';
ALTER TABLE site ADD COLUMN alone TEXT NOT NULL DEFAULT '';
ALTER TABLE site ADD COLUMN third TEXT NOT NULL DEFAULT '';

-- The site's number at every witness, never given again. Those that are here are
-- counted through in the order of their ids.
ALTER TABLE site ADD COLUMN number BIGINT NOT NULL DEFAULT 0;
UPDATE site SET number = (SELECT count(*) FROM site AS other WHERE other.id <= site.id);
CREATE UNIQUE INDEX site_number ON site (number);

-- The last number of a kind that was given.
CREATE TABLE counter (
    name TEXT PRIMARY KEY,
    last BIGINT NOT NULL
);
INSERT INTO counter (name, last) SELECT 'site', count(*) FROM site HAVING count(*) > 0;

-- What only the vSocket's VM knows, as it has told it; '' is not told yet.
ALTER TABLE vsocket ADD COLUMN told_lan TEXT NOT NULL DEFAULT '';
ALTER TABLE vsocket ADD COLUMN told_mgmt TEXT NOT NULL DEFAULT '';
ALTER TABLE vsocket ADD COLUMN tunnel_key TEXT NOT NULL DEFAULT ''; -- WireGuard's public key in base64
-- Authenticates its talk with witnesses, in base64; '' is made at its first word.
ALTER TABLE vsocket ADD COLUMN witness_key TEXT NOT NULL DEFAULT '';
-- Why it doesn't run with what it was given, or ''.
ALTER TABLE vsocket ADD COLUMN problem TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE vsocket DROP COLUMN problem;
ALTER TABLE vsocket DROP COLUMN witness_key;
ALTER TABLE vsocket DROP COLUMN tunnel_key;
ALTER TABLE vsocket DROP COLUMN told_mgmt;
ALTER TABLE vsocket DROP COLUMN told_lan;
DROP TABLE counter;
DROP INDEX site_number;
ALTER TABLE site DROP COLUMN number;
ALTER TABLE site DROP COLUMN third;
ALTER TABLE site DROP COLUMN alone;
ALTER TABLE site DROP COLUMN preempt;
ALTER TABLE site DROP COLUMN hold_ms;
ALTER TABLE site DROP COLUMN confirm_ms;
ALTER TABLE site DROP COLUMN lease_ms;
ALTER TABLE site DROP COLUMN silent_ms;
ALTER TABLE site DROP COLUMN keepalive_ms;
