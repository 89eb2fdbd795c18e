-- For a manager's sweep: what wake-ups it may have missed, of all accounts.

-- name: VSocketsChangedSince :many
SELECT vsocket.serial FROM site JOIN vsocket ON vsocket.site_id = site.id
WHERE site.changed_at > $1 AND vsocket.state <> 'void' ORDER BY vsocket.serial;

-- name: VoidedSince :many
SELECT serial FROM vsocket WHERE voided_at > $1 ORDER BY serial;
