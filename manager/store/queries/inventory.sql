-- name: InsertSite :exec
INSERT INTO site (id, account_id, name, generation, primary_ip, secondary_ip, floating_ip, ha_key, created_at, changed_at, number, tags)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);

-- name: TakeNumber :one
-- TakeNumber is of a site that is being made; numbers are all accounts'.
INSERT INTO counter (name, last) VALUES ('site', 1) ON CONFLICT (name) DO UPDATE SET last = counter.last + 1 RETURNING last;

-- name: Site :one
SELECT * FROM site WHERE id = $1 AND account_id = $2;

-- name: SitePage :many
SELECT * FROM site WHERE account_id = sqlc.arg(account_id) AND id > sqlc.arg(after) ORDER BY id LIMIT sqlc.arg(most);

-- name: SitesNamed :many
SELECT id FROM site WHERE account_id = $1 AND name = $2;

-- name: CountSites :one
SELECT count(*) FROM site WHERE account_id = $1;

-- name: UpdateSite :execrows
UPDATE site SET name = $1, generation = generation + 1, primary_ip = $2, secondary_ip = $3, floating_ip = $4, ha_key = $5, changed_at = $6,
    keepalive_ms = $7, silent_ms = $8, lease_ms = $9, confirm_ms = $10, hold_ms = $11, preempt = $12, alone = $13, third = $14, pops = $15, tags = $16
WHERE id = $17 AND account_id = $18 AND generation = $19;

-- name: DeleteSite :execrows
DELETE FROM site WHERE id = $1 AND account_id = $2;

-- name: InsertNetwork :exec
INSERT INTO network (id, account_id, site_id, name, prefix, lowest, highest, gateway)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: DeleteNetworks :exec
DELETE FROM network WHERE site_id = $1 AND account_id = $2;

-- name: NetworksBetween :many
SELECT * FROM network WHERE account_id = sqlc.arg(account_id) AND site_id >= sqlc.arg(first_site) AND site_id <= sqlc.arg(last_site) ORDER BY site_id, lowest, highest DESC;

-- name: NetworksElsewhere :many
SELECT site.name AS site_name, network.name, network.prefix FROM network
JOIN site ON site.id = network.site_id
WHERE network.account_id = sqlc.arg(account_id) AND network.highest >= sqlc.arg(first_address) AND network.lowest <= sqlc.arg(last_address) AND network.site_id <> sqlc.arg(but_site)
ORDER BY network.lowest, network.highest DESC LIMIT 10;

-- name: InsertVSocket :exec
INSERT INTO vsocket (serial, account_id, site_id, side, state, secret_hash, key_until, public_key, redeemed_at,
    version, seen_at, delivered, applied, created_at, voided_at, witness_key)
VALUES ($1, $2, $3, $4, 'new', '', 0, '', 0, '', 0, 0, 0, $5, 0, $6);

-- name: VSocket :one
SELECT * FROM vsocket WHERE serial = $1 AND account_id = $2;

-- name: VSocketOfAny :one
-- VSocketOfAny is for the fleet alone, where the serial number is the caller.
SELECT * FROM vsocket WHERE serial = $1;

-- name: LiveVSocketsBetween :many
SELECT * FROM vsocket WHERE account_id = sqlc.arg(account_id) AND site_id >= sqlc.arg(first_site) AND site_id <= sqlc.arg(last_site) AND state <> 'void' ORDER BY site_id, side;

-- name: VoidVSocket :execrows
UPDATE vsocket SET state = 'void', secret_hash = '', key_until = 0, voided_at = $1
WHERE serial = $2 AND account_id = $3 AND state <> 'void';

-- name: VoidSerials :many
SELECT serial FROM vsocket WHERE state = 'void' ORDER BY serial;

-- name: GiveKey :execrows
UPDATE vsocket SET state = 'assigned', secret_hash = $1, key_until = $2
WHERE serial = $3 AND account_id = $4 AND state IN ('new', 'assigned');

-- name: RegisterVSocket :execrows
UPDATE vsocket SET state = 'registered', public_key = $1, redeemed_at = $2
WHERE serial = $3 AND state = 'assigned';

-- name: SeeVSocket :execrows
UPDATE vsocket SET version = $1, seen_at = $2 WHERE serial = $3 AND state = 'registered';

-- name: SetProgress :execrows
UPDATE vsocket SET delivered = $1, applied = $2, problem = $3 WHERE serial = $4 AND state = 'registered';

-- name: SetLocal :execrows
UPDATE vsocket SET told_lan = $1, told_mgmt = $2, tunnel_key = $3, witness_key = $4
WHERE serial = $5 AND account_id = $6 AND state = 'registered';

-- name: TunnelKeyHolders :many
SELECT serial FROM vsocket WHERE account_id = $1 AND tunnel_key = $2 AND state <> 'void' ORDER BY serial;

-- name: TagCounts :many
SELECT tags, count(*) AS sites FROM site WHERE account_id = $1 AND tags <> '' GROUP BY tags;
