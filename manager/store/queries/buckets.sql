-- name: Bucket :one
SELECT figures FROM bucket WHERE serial = $1 AND width = $2 AND start_at = $3;

-- name: NewBucket :execrows
-- NewBucket leaves one that is there as it is, and makes none of a device that isn't
-- a vSocket.
INSERT INTO bucket (serial, width, start_at, figures)
SELECT vsocket.serial, CAST(sqlc.arg(width) AS BIGINT), CAST(sqlc.arg(start_at) AS BIGINT), CAST(sqlc.arg(figures) AS TEXT)
FROM vsocket WHERE vsocket.serial = sqlc.arg(serial)
ON CONFLICT DO NOTHING;

-- name: PutBucket :exec
INSERT INTO bucket (serial, width, start_at, figures) VALUES ($1, $2, $3, $4)
ON CONFLICT (serial, width, start_at) DO UPDATE SET figures = excluded.figures;

-- name: BucketsBetween :many
SELECT bucket.* FROM vsocket JOIN bucket ON bucket.serial = vsocket.serial
WHERE vsocket.account_id = sqlc.arg(account_id) AND vsocket.serial = sqlc.arg(serial)
    AND bucket.width = sqlc.arg(width) AND bucket.start_at >= sqlc.arg(first) AND bucket.start_at < sqlc.arg(until)
ORDER BY bucket.start_at LIMIT sqlc.arg(most);

-- name: BucketsOfAny :many
-- BucketsOfAny is for making wider buckets alone.
SELECT * FROM bucket WHERE serial = sqlc.arg(serial) AND width = sqlc.arg(width) AND start_at >= sqlc.arg(first) AND start_at < sqlc.arg(until) ORDER BY start_at;

-- name: DeleteOldBuckets :execrows
DELETE FROM bucket WHERE serial = $1 AND width = $2 AND start_at < $3;

-- name: SerialsAfter :many
SELECT serial FROM vsocket WHERE serial > $1 ORDER BY serial LIMIT $2;
