-- Inserting many, and finding by any filter, are in manager/store/events.go and
-- manager/events/find.go: one portable query for all filters would use no index.

-- name: TakeArrivals :one
INSERT INTO event_feed (account_id, last) VALUES ($1, $2)
ON CONFLICT (account_id) DO UPDATE SET last = event_feed.last + excluded.last
RETURNING last;

-- name: EventTwins :one
SELECT count(*) FROM event WHERE account_id = $1 AND site_id = $2 AND kind = $3 AND slot >= $4 AND slot <= $5 AND slot <> 0;

-- name: Event :one
SELECT * FROM event WHERE account_id = $1 AND serial = $2 AND boot = $3 AND number = $4;

-- name: EventFeed :many
SELECT * FROM event WHERE account_id = $1 AND arrival > $2 ORDER BY arrival LIMIT $3;

-- name: LastArrival :one
SELECT last FROM event_feed WHERE account_id = $1;

-- name: EventAccounts :many
SELECT account_id FROM event_feed ORDER BY account_id;

-- name: DeleteOldEvents :execrows
DELETE FROM event WHERE event.account_id = $1 AND event.kept_at < $2 AND event.arrival IN
    (SELECT e.arrival FROM event AS e WHERE e.account_id = $1 ORDER BY e.arrival LIMIT $3);
