-- name: InsertTakeover :execrows
INSERT INTO takeover (serial, term, granted_at, account_id, site_id, kept_at, story) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (serial, term, granted_at) DO NOTHING;

-- name: Takeovers :many
SELECT * FROM takeover WHERE account_id = sqlc.arg(account_id) AND site_id = sqlc.arg(site_id) AND granted_at >= sqlc.arg(first)
    AND (granted_at < sqlc.arg(before_at) OR granted_at = sqlc.arg(before_at) AND term < sqlc.arg(before_term))
ORDER BY granted_at DESC, term DESC LIMIT sqlc.arg(most);

-- name: DeleteOldTakeovers :execrows
DELETE FROM takeover WHERE kept_at < $1;
