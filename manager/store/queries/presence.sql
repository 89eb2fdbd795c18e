-- name: InsertManager :exec
INSERT INTO manager (id, beat_at) VALUES ($1, $2);

-- name: BeatManager :execrows
UPDATE manager SET beat_at = $2 WHERE id = $1;

-- name: Managers :many
SELECT * FROM manager ORDER BY id;

-- name: DeleteManager :exec
DELETE FROM manager WHERE id = $1;

-- name: PutPresence :execrows
-- PutPresence leaves a younger session's row as it is, and keeps the last status
-- until there is another.
INSERT INTO presence (serial, account_id, site_id, manager, since, connected, heard_at, reported_at, status)
VALUES ($1, $2, $3, $4, $5, TRUE, $6, $7, $8)
ON CONFLICT (serial) DO UPDATE SET account_id = excluded.account_id, site_id = excluded.site_id, manager = excluded.manager,
    since = excluded.since, connected = TRUE, heard_at = excluded.heard_at,
    reported_at = CASE WHEN excluded.status = '' THEN presence.reported_at ELSE excluded.reported_at END,
    status = CASE WHEN excluded.status = '' THEN presence.status ELSE excluded.status END
WHERE presence.since <= excluded.since;

-- name: EndPresence :execrows
UPDATE presence SET connected = FALSE, heard_at = $1 WHERE serial = $2 AND manager = $3 AND connected;

-- name: PresencesOfSite :many
SELECT * FROM presence WHERE account_id = $1 AND site_id = $2 ORDER BY serial;

-- name: PresencesOfManager :many
SELECT * FROM presence WHERE manager = $1 AND connected ORDER BY serial LIMIT $2;

-- name: Judged :one
SELECT * FROM judged WHERE account_id = $1 AND site_id = $2;

-- name: PutJudged :exec
INSERT INTO judged (site_id, account_id, status, due_at, health) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (site_id) DO UPDATE SET status = excluded.status, due_at = excluded.due_at, health = excluded.health;

-- name: DueSites :many
SELECT site_id, account_id FROM judged WHERE due_at > 0 AND due_at <= $1 ORDER BY due_at LIMIT $2;

-- name: HealthCounts :many
SELECT health, count(*) AS sites FROM judged WHERE account_id = $1 GROUP BY health ORDER BY health;
